"""Whether the programs of the agents can start with what the image has."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Optional

import pytest

from azpreflight.guest import openssl_conf
from azpreflight.model import Severity
from azpreflight.probes.agents import PROBE
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged, statuses
from tests.support.machines.agents import (
    AGENT,
    BUILT,
    CLOUD_INIT_VERSION,
    CNF,
    GOOD,
    LOCAL_WANTED,
    NO_CLOUD_INIT,
    OPENSSL,
    PIP,
    PYTHON_3_13,
    RUN,
    conf,
    facts_of,
    host,
    version,
)

# --- the program --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "removed", "words"),
    [
        ({}, ("/usr/bin/python3", "/usr/bin/python3.11"), "its interpreter /usr/bin/python3 is not there"),
        ({"/usr/sbin/waagent": "#!/usr/bin/env python\n"}, (), "its interpreter /usr/bin/python is not there"),
        (
            {"/usr/bin/python3": Link("python3.13"), "/usr/bin/python3.13": ""},
            (),
            "Python 3.13 has no crypt and distutils",
        ),
        ({}, ("/usr/lib/python3.11/distutils/__init__.py",), "Python 3.11 has no distutils"),
        (
            {
                "/usr/bin/python3": Link("/etc/alternatives/py"),
                "/etc/alternatives/py": Link("/usr/bin/python2.7"),
                "/usr/bin/python2.7": "",
            },
            (),
            "Python 2.7 does not find its modules",
        ),
    ],
)
def test_why_the_program_cannot_start(changes: dict[str, Any], removed: tuple[str, ...], words: str) -> None:
    """An interpreter, or what it needs, is gone; an error where waagent provisions, else extensions suffer."""
    (finding,) = findings(judged(host(changes, *removed), RUN, PROBE), "agents-program")
    assert (finding.severity, words in finding.message) == (Severity.WARNING, True), finding.message
    alone = host({**conf("Provisioning.Agent=waagent"), **changes}, *removed, *NO_CLOUD_INIT)
    (finding,) = findings(judged(alone, RUN, PROBE), "agents-program")
    assert (finding.severity, "not provisioned" in finding.message) == (Severity.ERROR, True)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "/usr/bin/python3": Link("python3.13"),
            "/usr/bin/python3.13": "",
            "/usr/lib/python3/dist-packages/crypt.py": "",
            "/usr/lib/python3/dist-packages/distutils-precedence.pth": "",
        },
        {f"{AGENT}/common/utils/textutil.py": "try:\n    import crypt\nexcept ImportError:\n    pass\n"},
        {"/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/bin/python3 /usr/sbin/waagent\n"},
        {"/usr/bin/python3": ""},
    ],
)
def test_what_the_program_needs_may_come_from_elsewhere(changes: dict[str, Any]) -> None:
    """Packages stand in for what left Python, newer agents try one after another, and some names tell no version."""
    assert statuses(judged(host(changes), RUN, PROBE))["agents-program"] == "pass"


def test_the_reason_is_told_to_its_end() -> None:
    """What matters comes last: that Azure is not in the list."""
    path = "/etc/cloud/cloud.cfg.d/99-installer-of-the-company.cfg"
    changes = {path: "datasource_list: [ NoCloud, ConfigDrive, OpenStack, VMware, None ]\n"}
    (finding,) = findings(judged(host(changes), RUN, PROBE), "agents-provisioner")
    assert finding.message.endswith(f"{path} is NoCloud, ConfigDrive, OpenStack, VMware and None, without Azure")


CLOUD_PROGRAM = {
    "/usr/bin/cloud-init": "#!/usr/bin/python3\nimport cloudinit\n",
    "/usr/lib/python3/dist-packages/cloudinit/version.py": '__VERSION__ = "22.4.2"\n',
}


@pytest.mark.parametrize(
    ("changes", "removed", "words"),
    [
        (
            {"/usr/bin/python3": Link("/etc/alternatives/py"), "/etc/alternatives/py": Link("/usr/bin/python2.7")},
            (),
            "its interpreter /usr/bin/python3 is not there",
        ),
        (
            {"/usr/bin/cloud-init": "#!/usr/bin/python2 -s\n", "/usr/bin/python2": Link("python2.7")}
            | {"/usr/bin/python2.7": ""},
            (),
            "/usr/bin/python2 is Python 2.7, which does not find its modules (cloudinit)",
        ),
        ({}, ("/usr/lib/python3/dist-packages/cloudinit/version.py",), "does not find its modules (cloudinit)"),
        ({"/usr/bin/cloud-init": "#!/opt/ci/bin/python3.11\n"}, (), None),
        ({}, (), None),
    ],
)
def test_cloud_init_cannot_start(changes: dict[str, Any], removed: tuple[str, ...], words: Optional[str]) -> None:
    """`alternatives --set python3` takes its modules away, and nobody provisions; a Python of its own is not known."""
    found = findings(judged(host({**CLOUD_PROGRAM, **changes}, *removed), RUN, PROBE), "agents-program")
    told = [(one.severity, one.message) for one in found if "cloud-init cannot start" in one.message]
    assert [severity for severity, _ in told] == ([Severity.ERROR] if words else [])
    assert all(words and words in message for _, message in told)


def test_cloud_init_that_does_not_provision_may_be_broken() -> None:
    """waagent provisions, and the units of cloud-init are switched off."""
    changes = {"/usr/bin/cloud-init": "#!/usr/bin/python3\n", **conf("Provisioning.Agent=waagent")}
    assert statuses(judged(host(changes, LOCAL_WANTED), RUN, PROBE))["agents-program"] == "pass"


def test_a_program_that_names_no_interpreter_is_unknown() -> None:
    """Something else than Python goes by its name."""
    changes = {"/usr/sbin/waagent": "\x7fELF"}
    assert statuses(judged(host(changes), RUN, PROBE))["agents-program"] == "unknown"


# --- where it comes from, and what stands before it ---------------------------------------------------------------

OWNED = {"/var/lib/dpkg/info/waagent.list": "/.\n/usr\n/usr/sbin\n/usr/sbin/waagent\n"}
PYTHON_OWNED = {"/var/lib/dpkg/info/python3-minimal.list": "/usr/bin/python3\n"}
OPENSSL_OWNED = {"/var/lib/dpkg/info/openssl.list": "/usr/bin/openssl\n"}
ALL_OWNED = {**OWNED, **PYTHON_OWNED, **OPENSSL_OWNED}


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({}, (), ()),
        (ALL_OWNED, (), ()),
        ({**PYTHON_OWNED, **OPENSSL_OWNED}, (), ("/usr/sbin/waagent",)),
        ({**OWNED, **PYTHON_OWNED}, (), ("/usr/bin/openssl",)),
        ({**ALL_OWNED, **conf("OS.OpensslPath=/opt/ssl/openssl"), "/opt/ssl/openssl": ""}, (), ("/opt/ssl/openssl",)),
        ({**ALL_OWNED, "/var/lib/dpkg/info/openssl.list": "/bin/openssl\n"}, (), ()),
        (PIP, ("/usr/sbin/waagent",), ("/usr/local/sbin/waagent",)),
        (
            {"/usr/sbin/waagent": "#!/usr/local/bin/python3\n", "/usr/local/bin/python3": ""},
            (),
            ("/usr/local/bin/python3",),
        ),
    ],
)
def test_what_no_package_owns(changes: dict[str, Any], removed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """By dpkg's lists where there are some, else by a place that is no package's."""
    assert facts_of(host(changes, *removed)).waagent.unowned == expected


CLOUD_INIT_MESON = "/usr/lib/python3/dist-packages/cloudinit/meson_versions.py"
WITHOUT = "/usr/lib/python3.11/crypt.py"


def cloud_init(number: str) -> dict[str, Any]:
    """cloud-init of this version on a Python without crypt."""
    return {**PYTHON_3_13, CLOUD_INIT_VERSION: f'__VERSION__ = "{number}"\n'}


@pytest.mark.parametrize(
    ("changes", "module", "status"),
    [
        (cloud_init("25.1.4"), "passlib/__init__.py", "pass"),
        (cloud_init("25.1.4"), "crypt.py", "pass"),
        (cloud_init("25.1.4"), "legacycrypt/__init__.py", "fail"),
        (cloud_init("25.1.4"), "crypt_r.py", "fail"),
        (cloud_init("23.2"), "passlib/__init__.py", "fail"),
        (cloud_init("x"), "passlib/__init__.py", "pass"),
        ({**PYTHON_3_13, CLOUD_INIT_VERSION: "", CLOUD_INIT_MESON: 'UPSTREAM_VERSION = "26.2"\n'}, "crypt.py", "pass"),
        ({}, "", "pass"),
    ],
)
def test_what_cloud_init_hashes_a_password_with(changes: dict[str, Any], module: str, status: str) -> None:
    """One of those that its version tries; an older Python has its own."""
    there = {f"/usr/lib/python3/dist-packages/{module}": ""} if module else {}
    removed = (WITHOUT,) if changes else ()
    assert statuses(judged(host({**changes, **there}, *removed), RUN, PROBE))["agents-password"] == status


@pytest.mark.parametrize(
    ("number", "module", "status"),
    [
        ("2.12.0.2", "legacycrypt/__init__.py", "pass"),
        ("2.12.0.2", "crypt.py", "fail"),
        ("2.15.0.1", "crypt.py", "pass"),
        ("2.15.0.1", "passlib/__init__.py", "fail"),
        ("2.16.0.2", "passlib/__init__.py", "pass"),
        ("2.16.0.2", "json.py", "fail"),
    ],
)
def test_what_waagent_hashes_a_password_with(number: str, module: str, status: str) -> None:
    """Its versions differ."""
    changes = {**PYTHON_3_13, **version(number), **conf("Provisioning.Agent=waagent")}
    machine = host({**changes, f"/usr/lib/python3/dist-packages/{module}": ""}, WITHOUT, *NO_CLOUD_INIT)
    assert statuses(judged(machine, RUN, PROBE))["agents-password"] == status


def test_a_cloud_init_that_imports_crypt_finds_no_datasource() -> None:
    """Before 23.3 it is not a matter of passwords."""
    (found,) = findings(judged(host(cloud_init("22.4.2"), WITHOUT), RUN, PROBE), "agents-password")
    assert (found.severity, "no VM is provisioned" in found.message) == (Severity.ERROR, True)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "RANDFILE = $ENV::HOME_OF_CA/.rnd\n" + GOOD,
        GOOD + "[ca]\ndir = ${ENV::NOT_SET}\n",
        GOOD + "[ca]\ndir = $nowhere/x\n",
        GOOD + "[ca]\ndir = a\nsub = $dir/b\nhome = $ENV::HOME\n",
        "[req\ndistinguished_name = dn\n[dn]\n",
        GOOD + "no equal sign\n",
        "[req]\n",
        "[req]\ndistinguished_name = gone\n",
        "",
        "# only a comment\n",
        GOOD + ".include /nowhere/that/is.cnf\n",
        GOOD + "a = b \\\n c\n# $ENV::X\n",
        GOOD + "price = \\$5\n",
    ],
)
def test_openssl_itself_agrees(text: str, tmp_path: Path) -> None:
    """`openssl req` is run as waagent runs it, in the environment of a service, with the same file."""
    path = tmp_path / "openssl.cnf"
    path.write_text(text)
    command = [
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=LinuxTransport",
        "-days",
        "730",
        "-newkey",
        "rsa:2048",
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
    ]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OPENSSL_CONF": str(path)}
    subprocess.run(["openssl", *command], cwd=tmp_path, env=environment, timeout=60, capture_output=True, check=False)
    works = (tmp_path / "c.pem").exists()
    found = openssl_conf.problem(FakeHost(files={CNF: text}), CNF)
    assert works == (found is None), found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "its configuration /usr/lib/ssl/openssl.cnf is not there"),
        ({CNF: GOOD}, None),
        (
            {CNF: "RANDFILE = $ENV::HOME_OF_CA/.rnd\n" + GOOD},
            "line 1 of /usr/lib/ssl/openssl.cnf: variable ENV::HOME_OF_CA",
        ),
        (
            {CNF: GOOD, "/etc/systemd/system/walinuxagent.service.d/a.conf": "Environment=OPENSSL_CONF=/opt/o.cnf\n"},
            "/opt/o",
        ),
    ],
)
def test_openssl_as_waagent_calls_it(changes: dict[str, Any], says: Optional[str]) -> None:
    """By the directory that it was built with, or by what the unit names."""
    found = findings(judged(host({OPENSSL: BUILT, **changes}), RUN, PROBE), "agents-openssl")
    assert [says is not None and says in one.message for one in found] == ([True] if says else [])
