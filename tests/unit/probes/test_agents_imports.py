"""What an agent imports at its start, and whether its Python has that: told from the agent's own source."""

from __future__ import annotations

from typing import Any

from azpreflight.probes import agents
from azpreflight.probes.agents import imports
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged
from tests.support.machines import agents as with_agents

PACKAGE, LIBRARY = "/usr/lib/python3/dist-packages", "/usr/lib/python3.13"
FILES: dict[str, Any] = {
    "/var/lib/dpkg/status": "",
    "/boot/vmlinuz-6": "MZ",
    f"{LIBRARY}/encodings/__init__.py": "",
    f"{LIBRARY}/http/__init__.py": "",
    f"{LIBRARY}/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so": "",
    f"{PACKAGE}/requests/__init__.py": "",
    f"{PACKAGE}/yaml/__init__.py": "",
    f"{PACKAGE}/cloudinit/cmd/main.py": "import sys, time\nfrom cloudinit import util, stages as x\nimport http\n",
    f"{PACKAGE}/cloudinit/util.py": "import yaml\nimport crypt\ntry:\n    import jsonschema\nexcept E:\n    x\n",
    f"{PACKAGE}/cloudinit/stages.py": "from cloudinit.sources.here import (\n    a,\n)\n",
    f"{PACKAGE}/cloudinit/sources/here.py": "from requests import get\n",
}


def missing(*removed: str) -> tuple[str, ...]:
    """Of cloud-init on a host without these files."""
    host = FakeHost(files={path: node for path, node in FILES.items() if path not in removed})
    return imports.missing(host, PACKAGE, "cloudinit", "3.13")


def test_all_is_there() -> None:
    """What is tried is not needed, what left Python is judged elsewhere, and what is built in is no file."""
    assert missing() == ()


def test_what_is_gone_is_named() -> None:
    """Of the library and of packages, however far from the first module; with what it is packed apart from."""
    assert missing(f"{PACKAGE}/yaml/__init__.py") == ("yaml",)
    assert missing(f"{LIBRARY}/http/__init__.py") == ("http",)
    assert missing(f"{PACKAGE}/requests/__init__.py") == ("requests",)
    assert missing(f"{LIBRARY}/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so") == ("_ssl",)


def test_a_part_of_an_image_tells_nothing() -> None:
    """What is not there may have been left out."""
    gone = f"{PACKAGE}/yaml/__init__.py"
    assert missing(gone, "/var/lib/dpkg/status") == ()
    assert missing(gone, f"{LIBRARY}/encodings/__init__.py") == ()


def test_cloud_init_without_its_configuration() -> None:
    """In a whole image nothing of cloud-init's would run; a part of one tells nothing."""
    whole = {"/var/lib/dpkg/status": "", "/boot/vmlinuz-6": "MZ", "/usr/sbin/dhclient": ""}
    for changes, removed, expected in (
        (whole, ("/etc/cloud/cloud.cfg",), True),
        ({**whole, "/etc/cloud/cloud.cfg": "users: [default]\n"}, (), False),
        ({}, ("/etc/cloud/cloud.cfg",), False),
    ):
        files = {path: node for path, node in {**with_agents.FILES, **changes}.items() if path not in removed}
        found = findings(judged(FakeHost(files=files), with_agents.RUN, agents.PROBE), "agents-stages")
        assert any("cloud.cfg is missing" in one.message for one in found) is expected
