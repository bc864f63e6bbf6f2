"""What may be removed: the list, the planner that asks it, and the removal itself in a tree of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import passwords
from azpreflight.guest.waagent_conf import config_of, parse
from azpreflight.host import FileInfo, FileKind, HostError, removal
from azpreflight.host.removable import PLACES, Verb, astray, refusal
from azpreflight.probes import agents, generalization
from azpreflight.probes.generalization import waagent_state
from azpreflight.seal import account, cleanup, settings
from tests.support.machines.agents import conf
from tests.support.machines.generalization import RUN, host
from tests.support.needs import hold_back

NEVER = (
    "/",
    "",
    ".",
    "..",
    "//",
    "/etc",
    "/usr",
    "/var",
    "/home",
    "/root",
    "/boot",
    "/var/log",
    "/var/lib",
    "/var/log/journal",
    "/var/log/azure",
    "/var/lib/waagent",
    "/var/lib/dhcp",
    "/home/someone",
    "/home/someone/.ssh",
    "/root/.ssh",
    "/etc/shadow",
    "/etc/passwd",
    "/etc/passwd-",
    "/etc/ssh",
    "/etc/sudoers.d",
    "/var/log/azure/../../lib/dpkg",
    "/var/log/azure/./a",
    "/var/log/azure//a",
    "/var/log/azure/",
    "var/log/azure/a",
    "/var/log/azure/a\0b",
    "/var/log/azure/" + "a" * 5000,
    "/var/log/journal/a/b",
    "/var/lib/dpkg/status",
    "/bin/sh",
)


@pytest.mark.parametrize("path", NEVER)
def test_what_is_never_removed(path: str) -> None:
    """Nor emptied: the system, whole homes, and every path that does not say what it means."""
    assert refusal(path, Verb.REMOVE) is not None
    assert refusal(path, Verb.EMPTY) is not None


def test_every_place_is_deep_and_named() -> None:
    """Two components at least, and the first is never a pattern, so that no place can be a top directory."""
    for place in PLACES:
        parts = place.pattern.split("/")[1:]
        assert len(parts) >= 2 and not set("*?[") & set(parts[0])
        assert not (place.whole and len(parts) < 3)


def test_mounts_are_never_removed() -> None:
    """Neither a mount point nor what has one in it, however it is called."""
    assert refusal("/var/log/azure/a", Verb.REMOVE) is None
    assert refusal("/var/log/azure/a", Verb.REMOVE, ("/", "/var", "/var/log")) is None
    assert refusal("/var/log/azure/a", Verb.REMOVE, ("/", "/var/log/azure")) is not None
    assert refusal("/var/log/azure/a/b", Verb.REMOVE, ("/", "/var/log/azure/a")) is not None
    assert refusal("/var/log/azure/a", Verb.REMOVE, ("/var/log/azure/a",)) == "it is a mount point"
    assert refusal("/var/log/azure/a", Verb.REMOVE, ("/var/log/azure/a/b/c",)) is not None
    assert refusal("/var/log/azure/a", Verb.REMOVE, ("/var/log/azure/ab",)) is None


@pytest.mark.parametrize(
    ("real", "away"),
    [
        ("/data/log/azure/a", False),
        ("/var/log/azure/a", False),
        ("/var/lib/dpkg/a", True),
        ("/etc/a", True),
        ("/a", True),
    ],
)
def test_where_links_may_lead(real: str, away: bool) -> None:
    """A disk of its own for logs is well; the system's directories are not."""
    assert (astray(real, Verb.REMOVE) is not None) is away
    assert astray(real, Verb.REMOVE, (f"{real}/x",)) is not None
    assert astray(real, Verb.REMOVE, ("/", real.rpartition("/")[0])) is not None


# --- the planner --------------------------------------------------------------------------------------------------

HOSTILE = (
    "Extension.LogDir=",
    "Extension.LogDir= # /var/log/azure",
    'Extension.LogDir=""',
    "Extension.LogDir=.",
    "Extension.LogDir=/",
    "Extension.LogDir=/var/log",
    "Extension.LogDir=/etc",
    "Extension.LogDir=/var/lib",
    "Extension.LogDir=../..",
    "Extension.LogDir=/var/log/azure/../../..",
    "OS.SudoersDir=",
    "OS.SudoersDir=/etc",
    "OS.SudoersDir=/usr/bin",
    "OS.SshDir=",
    "OS.SshDir=/usr",
    "OS.PasswordPath=",
    "OS.PasswordPath=/etc/passwd",
    "OS.PasswordPath=/etc/group",
    "Lib.Dir=",
    "Lib.Dir=/",
    "Lib.Dir=/etc",
    "Lib.Dir=../..",
)
TREE: dict[str, Any] = {
    "/bin/sh": "x",
    "/etc/passwd-": "root:$6$saltsalt$" + "a" * 86 + ":0:0::/root:/bin/sh\nold:$6$salt$" + "b" * 86 + "\n",
    "/etc/group-": "old:$6$saltsalt$" + "a" * 86 + ":1::::::\n",
    "/etc/waagent": "someone ALL=(ALL) ALL\n",
    "/usr/bin/waagent": "someone ALL=(ALL) ALL\n",
    "/usr/ssh_host_rsa_key": "x",
    "/ssh_host_rsa_key": "x",
    "/waagent": "someone ALL=(ALL) ALL\n",
    "/var/lib/dpkg/status": "x",
    "/var/log/dpkg.log": "x",
    "/home/someone/file": "x",
}


@pytest.mark.parametrize("line", HOSTILE)
def test_no_configuration_leads_seal_out_of_the_list(line: str) -> None:
    """With every subject asked for; what is planned is named here, and not by the list itself."""
    machine = host({**conf(line, "Provisioning.Agent=auto", "Provisioning.RegenerateSshHostKeyPair=y"), **TREE})
    run = replace(RUN, needed={"agents": agents.PROBE.gather(machine, RUN)})
    facts = generalization.PROBE.gather(machine, run)
    planned = {change.path for change in cleanup.changes(facts, run, tuple(cleanup.FIXES))}
    assert planned == {"/etc/shadow-"} if line == "OS.PasswordPath=/etc/shadow" else planned == set()


@pytest.mark.parametrize("line", HOSTILE)
def test_waagent_is_not_run_with_a_configuration_that_leads_it_astray(line: str) -> None:
    """Each is refused with its key and its value, but an empty log directory, which waagent passes over."""
    key, _, value = line.partition("=")
    reasons = list(settings.objections(config_of(parse(line)), "/etc/waagent.conf", (), ()))
    if key == "Extension.LogDir" and value.partition("#")[0].strip(' "') == "":
        assert reasons == []
    else:
        assert [reason.startswith(f"/etc/waagent.conf has {key}={value!r}: waagent would ") for reason in reasons] == [
            True
        ]


@pytest.mark.parametrize("line", ["", "Extension.LogDir=/var/log/azure/sub", "Lib.Dir=/var/lib/waagent"])
def test_an_honest_configuration_is_no_objection(line: str) -> None:
    """The agent's defaults, and directories of its own."""
    assert list(settings.objections(config_of(parse(line)), "/etc/waagent.conf", (), ("/", "/var/log"))) == []


def test_links_and_mounts_where_waagent_empties() -> None:
    """It follows the one and empties the other."""
    config = config_of({})
    (reason,) = settings.objections(config, "c", ("/var/log/azure",), ())
    assert "'/var/log/azure', which is a link" in reason
    (reason,) = settings.objections(config, "c", (), ("/var/lib/waagent/disc",))
    assert "'/var/lib/waagent/disc' is a mount" in reason


@pytest.mark.parametrize(
    ("line", "objects"),
    [
        ("      cloud_dir: /var/lib/cloud/", False),
        ("# cloud_dir: /", False),
        ("paths: {cloud_dir: '/var/lib/cloud', x: y}", False),
        ("      cloud_dir: /", True),
        ("cloud_dir:", True),
        ('{"cloud_dir" : "/etc"}', True),
        ("cloud_dir: &a /var/lib/cloud", True),
        ("cloud_dir: /var/lib/cloud/../..", True),
    ],
)
def test_where_cloud_init_cleans(line: str, objects: bool) -> None:
    """It removes all that is in that directory, whatever it is called."""
    reasons = list(settings.cloud_objections([("/etc/cloud/cloud.cfg", f"a: b\n{line}\n")], (), ("/",)))
    assert [reason.startswith("/etc/cloud/cloud.cfg has ") for reason in reasons] == [True] * objects
    assert len(list(settings.cloud_objections([], (settings.CLOUD,), (f"{settings.CLOUD}/x",)))) == 2


# --- the user -----------------------------------------------------------------------------------------------------

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
toor:x:0:0::/home/toor:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/sh
azureuser:x:1000:1000::/home/azureuser:/bin/bash
twin:x:1001:1001::/home/twin:/bin/bash
other:x:1001:1001::/home/other:/bin/bash
far:x:1002:1002::/srv/far:/bin/bash
slash:x:1003:1003::/home/far/../..:/bin/bash
inside:x:1004:1004::/home/outside/in:/bin/bash
outside:x:1005:1005::/home/outside:/bin/bash
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
double:x:1006:1006::/home/double:/bin/bash
double:x:1007:1007::/home/double2:/bin/bash
whole:x:1008:1008::/home:/bin/bash
"""


def home(uid: int, kind: FileKind = FileKind.DIRECTORY) -> FileInfo:
    """A directory of this user."""
    return FileInfo(kind, 0, 0o755, uid, uid, 0.0)


def refused(name: str, at_home: FileInfo | None = None, mounts: tuple[str, ...] = ()) -> str | None:
    """Why this user of the table is not deleted."""
    return account.refusal(name, account.Accounts(passwords.entries(PASSWD), 1000, 60000, at_home, mounts))


@pytest.mark.parametrize(
    "name",
    [
        *("root", "toor", "daemon", "nobody", "twin", "other", "far", "slash", "outside", "double", "whole"),
        *("", "-R", "a b", "a/b", "root;id", "&#114;oot", "a" * 65, "a\n"),
    ],
)
def test_who_is_never_deleted(name: str) -> None:
    """The system's accounts, those that share something, and what is no name."""
    assert refused(name) is not None


def test_the_user_of_the_build_is_deleted() -> None:
    """With a home, without one, and where there is no such account (any more)."""
    assert refused("azureuser", home(1000)) is None
    assert refused("azureuser") is None
    assert refused("gone") is None


def test_a_home_that_is_not_the_users() -> None:
    """A link, another's directory, a mount."""
    assert "is no directory" in (refused("azureuser", home(1000, FileKind.LINK)) or "")
    assert "belongs to uid 0" in (refused("azureuser", home(0)) or "")
    assert "is mounted there" in (refused("azureuser", home(1000), ("/home/azureuser/data",)) or "")
    assert refused("azureuser", home(1000), ("/", "/home", "/home/azureuser2")) is None


OVF = "<ns1:UserName>azureuser</ns1:UserName>"


@pytest.mark.parametrize(
    ("text", "user", "clear"),
    [
        (OVF, "azureuser", True),
        ("", None, True),
        ("<UserName>\n root\n</UserName>", "root", True),
        (f"<!-- {OVF} --><UserName>root</UserName>", None, False),
        (f"<!-- {OVF} --><UserName><![CDATA[root]]></UserName>", "azureuser", False),
        (f"<!-- {OVF} --><UserName a='b'>root</UserName>", "azureuser", False),
        (f'<!DOCTYPE x [<!ENTITY e "<User&#78;ame>root</User&#78;ame>">]><x>&e;{OVF}</x>', "azureuser", False),
        (OVF.encode("utf-16").decode("utf-8", "replace"), None, False),
        ("<x/>", None, False),
    ],
)
def test_whom_waagent_would_find(text: str, user: str | None, clear: bool) -> None:
    """It has an XML parser; where that could find another name than we do, nobody is to be deleted."""
    machine = host({"/var/lib/waagent/ovf-env.xml": text})
    facts = waagent_state.look(machine, RUN)
    assert (facts.user, facts.user_unclear is None) == (user, clear)


# --- the removal itself -------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A root of its own, with something outside of it that must stay."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("stays")
    root = tmp_path / "root"
    (root / "var/log/azure/a/b").mkdir(parents=True)
    (root / "var/log/azure/a/b/file").write_text("goes")
    (root / "var/log/azure/a/link").symlink_to(tmp_path / "outside")
    yield root
    assert (tmp_path / "outside/file").read_text() == "stays"


def test_a_tree_goes_and_links_in_it_are_not_followed(tree: Path) -> None:
    """What is not there needs no removal."""
    below = {f"/var/log/azure/a/{name}" for name in ("b", "b/file", "link")}
    assert set(removal.inside("/var/log/azure/a", 100, str(tree))) == below
    assert len(removal.inside("/var/log/azure/a", 2, str(tree))) == 2
    removal.remove("/var/log/azure/a", str(tree))
    removal.remove("/var/log/azure/a", str(tree))
    assert list((tree / "var/log/azure").iterdir()) == []


def test_a_link_goes_itself(tree: Path) -> None:
    """In the place of a file, and at the end of the path."""
    (tree / "var/log/azure/c").symlink_to("a")
    removal.remove("/var/log/azure/c", str(tree))
    assert sorted(path.name for path in (tree / "var/log/azure").iterdir()) == ["a"]


@pytest.mark.parametrize("owner", [0, 65534])
@pytest.mark.parametrize("mode", [0o755, 0o777])
@pytest.mark.parametrize("target", ["/data/log", "../outside", "/", "/etc", "/var/lib"])
def test_links_on_the_way(tree: Path, owner: int, mode: int, target: str) -> None:
    """Only root's, in a directory of root's alone, and only to where nothing of the system is."""
    if os.geteuid() != 0:
        hold_back("links of root's need root")
    for place in ("data/log/azure/x", "etc/azure/x", "azure/x", "var/lib/azure/x"):
        (tree / place).mkdir(parents=True)
    (tree / "var").chmod(mode)
    (tree / "var/log").rename(tree / "var/old")
    (tree / "var/log").symlink_to(target)
    os.chown(tree / "var/log", owner, owner, follow_symlinks=False)
    if (owner, mode, target) == (0, 0o755, "/data/log"):
        removal.remove("/var/log/azure/x", str(tree))
        assert not (tree / "data/log/azure/x").exists()
        return
    with pytest.raises(HostError, match="will not touch"):
        removal.remove("/var/log/azure/x", str(tree))
    assert all((tree / place).exists() for place in ("etc/azure/x", "azure/x", "var/lib/azure/x", "data/log/azure/x"))


def test_a_file_is_emptied_if_it_is_one(tree: Path) -> None:
    """With one name alone: the other may be in another's directory."""
    log = tree / "var/log/syslog"
    log.write_text("a line\n")
    removal.empty("/var/log/syslog", str(tree))
    assert log.read_text() == ""
    log.write_text("a line\n")
    os.link(log, tree / "var/log/other")
    with pytest.raises(HostError, match="another name"):
        removal.empty("/var/log/syslog", str(tree))
    log.unlink()
    log.symlink_to("other")
    with pytest.raises(HostError, match="Too many levels"):
        removal.empty("/var/log/syslog", str(tree))
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(HostError, match="No such device"):
        removal.empty("/var/log/syslog", str(tree))
    assert (tree / "var/log/other").read_text() == "a line\n"


def test_a_directory_where_a_file_is_expected_stays(tree: Path) -> None:
    """A directory in the place of a lease, with whatever in it."""
    (tree / "var/lib/dhcp/x/y").mkdir(parents=True)
    with pytest.raises(HostError, match="a directory, where only a file may go"):
        removal.remove("/var/lib/dhcp/x", str(tree))
    assert (tree / "var/lib/dhcp/x/y").is_dir()


@pytest.mark.parametrize("path", NEVER)
def test_the_removal_asks_the_list_itself(tree: Path, path: str) -> None:
    """Whoever calls it."""
    with pytest.raises(HostError, match="will not"):
        removal.remove(path, str(tree))
    with pytest.raises(HostError, match="will not"):
        removal.empty(path, str(tree))


def test_one_name_goes_without_asking_for_mounts(tmp_path: Path) -> None:
    """As of a package's removal in a chroot without /proc: a file, then its directory once that is empty."""
    folder = "/etc/systemd/system/azpreflight-capture.service.d"
    inside = tmp_path / folder[1:]
    inside.mkdir(parents=True)
    (inside / "armed.conf").write_text("[Service]\n")
    (inside / "other.conf").write_text("")
    removal.unlink(f"{folder}/armed.conf", str(tmp_path))
    removal.unlink(f"{folder}/armed.conf", str(tmp_path))
    with pytest.raises(HostError, match="not empty"):
        removal.unlink(folder, str(tmp_path))
    (inside / "other.conf").unlink()
    removal.unlink(folder, str(tmp_path))
    assert not inside.exists() and inside.parent.exists()
    with pytest.raises(HostError, match="not one of the places"):
        removal.unlink("/etc/systemd/system", str(tmp_path))
