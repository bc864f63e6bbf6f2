"""Users, their passwords and their keys."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.guest import passwords
from azpreflight.host.removable import Verb
from azpreflight.model import Severity
from azpreflight.model.codec import encode
from azpreflight.probes import generalization
from azpreflight.seal import cleanup
from azpreflight.seal.cleanup import Change
from tests.support.fakes import Denied, FakeHost, Fifo
from tests.support.judging import findings, judged, statuses
from tests.support.machines.generalization import BUILD, HASH, KEY, OVF, PEOPLE, PROBES, RUN, host, verdict

REFUSED_KEY = f"no-port-forwarding,command=\"echo 'Please login as the user'\" {KEY}"


def test_users_that_can_log_in() -> None:
    """With a hash or a key; not with a lock, and not without a shell. Only the user of ovf-env.xml is deprovisioned."""
    machine = host({**PEOPLE, "/var/lib/waagent/ovf-env.xml": OVF})
    azureuser, packer = findings(judged(machine, BUILD, *PROBES), "gen-users")
    assert azureuser.message == "user azureuser (uid 1000) can log in with a password"
    assert (azureuser.severity, azureuser.commands) == (Severity.NOTE, ("waagent -force -deprovision+user",))
    assert packer.message == "user packer (uid 1001) can log in with 2 authorized keys"
    assert (packer.severity, packer.commands) == (Severity.ERROR, ("userdel --force --remove packer",))


def test_without_ovf_env_waagent_deletes_nobody() -> None:
    """The documented order of commands removes the file first."""
    azureuser, _ = findings(judged(host(PEOPLE), RUN, *PROBES), "gen-users")
    assert "no ovf-env.xml names a user" in azureuser.fix
    assert azureuser.commands == ("userdel --force --remove azureuser",)


def test_what_an_installer_wrote_down_is_unknown_where_it_is_too_large() -> None:
    """And only that."""
    found = statuses(judged(host({"/root/anaconda-ks.cfg": "# package\n" * 110_000}), RUN, *PROBES))
    assert [check for check, status in found.items() if status == "unknown"] == ["gen-password-backup"]


def test_an_ordinary_user_cannot_judge_passwords() -> None:
    """An unreadable shadow is unknown for the checks that need it, and the others still judge."""
    found = statuses(judged(host({"/etc/shadow": Denied()}), RUN, *PROBES))
    assert {check for check, status in found.items() if status == "unknown"} == {
        "gen-deprovisioned",
        "gen-users",
        "gen-root-password",
        "gen-password-backup",
    }


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("", passwords.Password.EMPTY),
        ("*", passwords.Password.LOCKED),
        ("!", passwords.Password.LOCKED),
        ("!!", passwords.Password.LOCKED),
        ("*LOCK*", passwords.Password.LOCKED),
        (f"!{HASH}", passwords.Password.LOCKED),
        ("x", passwords.Password.LOCKED),
        (HASH, passwords.Password.HASH),
        ("ab1234567890c", passwords.Password.HASH),
        ("$y$j9T$" + "c" * 66, passwords.Password.HASH),
    ],
)
def test_password_fields(field: str, kind: passwords.Password) -> None:
    """As shadow(5) and crypt(5) have them."""
    assert passwords.kind(field) is kind


@pytest.mark.parametrize(
    ("path", "text", "severities"),
    [
        ("/root/anaconda-ks.cfg", f"rootpw --iscrypted {HASH}\n", ("warning",)),
        ("/root/anaconda-ks.cfg", "rootpw --lock\nuser --name=a --password=$y$j9T$\n", ()),
        ("/etc/cloud/cloud.cfg.d/99-installer.cfg", f"users: [{{name: a, passwd: {HASH}}}]\n", ("warning",)),
        ("/root/autoinst.xml", f"<user_password>{HASH}</user_password>\n", ("warning",)),
        ("/root/original-ks.cfg", Fifo(), ()),
    ],
)
def test_what_an_installer_wrote_down(path: str, text: Any, severities: tuple[str, ...]) -> None:
    """Every installation from a disc leaves its answers, and the hash is never printed."""
    report = judged(host({path: text}), RUN, *PROBES)
    found = findings(report, "gen-password-backup")
    assert tuple(one.severity.value for one in found) == severities
    assert all(one.message == f"an installer wrote down a password hash: {path}" for one in found)
    assert HASH[:20] not in repr(report)


def test_seal_removes_what_an_installer_wrote_and_no_configuration() -> None:
    """cloud-init reads the last of these."""
    paths = ("/root/anaconda-ks.cfg", "/etc/cloud/cloud.cfg.d/99-installer.cfg")
    facts = generalization.PROBE.gather(host(dict.fromkeys(paths, HASH)), RUN)
    assert cleanup.changes(facts, RUN, ("gen-password-backup",)) == (Change(Verb.REMOVE, paths[0]),)


def test_the_name_is_taken_out_of_a_mounted_image_too() -> None:
    """hostnamectl needs a running systemd, and no agent is here that would deprovision."""
    bare = FakeHost(files={"/etc/hostname": "template\n"})
    (finding,) = findings(judged(bare, RUN, *PROBES), "gen-hostname")
    assert finding.commands == ("echo localhost > /etc/hostname",)


def test_a_locked_hash_in_the_backup_still_leaks() -> None:
    """A lock keeps out, and does not hide."""
    assert passwords.hashed(f"a:!{HASH}:1\nb:*LOCK*:1\nc:!!:1\n") == ("a",)


def test_keys_that_cloud_init_refuses_are_a_note() -> None:
    """Root's copy of the user's key has a command that turns the caller away."""
    refused = host({"/root/.ssh/authorized_keys": REFUSED_KEY})
    assert verdict(refused, RUN, "gen-authorized-keys") == ("fail", ("note",))


def test_a_home_without_an_account_may_still_have_keys() -> None:
    """userdel without -r leaves it, and the next user of that uid inherits it."""
    orphan = host({"/home/gone/.ssh/authorized_keys": KEY})
    assert verdict(orphan, RUN, "gen-authorized-keys") == ("fail", ("warning",))


@pytest.mark.parametrize(("field", "status"), [("x", "pass"), ("*", "pass"), ("", "fail"), (HASH, "fail")])
def test_a_password_may_stand_in_passwd_itself(field: str, status: str) -> None:
    """It counts there unless the field is an x."""
    passwd = f"root:{field}:0:0::/root:/bin/sh\n"
    assert verdict(host({"/etc/passwd": passwd}), RUN, "gen-root-password")[0] == status
    assert HASH not in str(encode(judged(host({"/etc/passwd": passwd}), RUN, *PROBES)))


def test_a_second_account_of_root_is_a_user_of_this_machine() -> None:
    """Whatever its uid."""
    people = {
        "/etc/passwd": "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n",
        "/etc/shadow": "toor::1::::::\n",
    }
    messages = [one.message for one in findings(judged(host(people), RUN, *PROBES), "gen-users")]
    assert messages == ["user toor (uid 0) can log in with an empty password"]
