"""The fake host answers as the real one does: the same tree, the same questions, the same answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azpreflight.host import FileInfo, FileKind, HostError, LocalHost
from tests.support.fakes import Denied, FakeHost, Fifo, Link, Node

TREE: dict[str, Node] = {
    "/etc/hostname": "image\n",
    "/etc/empty": "",
    "/etc/binary": b"\x00\xff\n",
    "/etc/resolv.conf": Link("../run/systemd/resolve/stub-resolv.conf"),
    "/run/systemd/resolve/stub-resolv.conf": "nameserver 127.0.0.53\n",
    "/etc/absolute": Link("/etc/hostname"),
    "/etc/beside": Link("hostname"),
    "/etc/dangling": Link("/nowhere"),
    "/etc/loop": Link("loop"),
    "/etc/fifo": Fifo(),
    "/lib": Link("usr/lib"),
    "/usr/lib/os-release": "ID=debian\n",
    "/usr/lib/systemd/system/a.service": "[Unit]\n",
    "/usr/lib/systemd/system/b.service": Link("/dev/null"),
    "/home/a/.bash_history": "ls\n",
    "/home/b/.bash_history": "pwd\n",
    "/home/.old/.bash_history": "id\n",
    "/var/lib/empty": None,
}

PATHS = (
    *TREE,
    "/",
    "/etc",
    "/etc/",
    "/lib/os-release",
    "/lib/systemd/system/a.service",
    "/etc/hostname/below",
    "/etc/loop/below",
    "/nowhere",
    "/nowhere/below",
    "/etc/../etc/hostname",
    "//etc//hostname",
)

PATTERNS = (
    "/home/*/.bash_history",
    "/home/*",
    "/home/.*",
    "/etc/*",
    "/etc/[hb]*",
    "/lib/systemd/system/*.service",
    "/usr/lib/systemd/*/a.service",
    "/nowhere/*",
    "/etc/hostname",
    "/etc/dangling",
    "/var/lib/*",
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHost]:
    """A host on a real tree that holds what TREE says."""
    root = tmp_path_factory.mktemp("tree")
    for name, node in TREE.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, node)
    yield LocalHost(str(root), budget=60)


def _make(path: Path, node: Node) -> None:
    if isinstance(node, Link):
        path.symlink_to(node.target)
    elif isinstance(node, Fifo):
        os.mkfifo(path)
    elif node is None:
        path.mkdir()
    elif isinstance(node, (str, bytes)):
        path.write_bytes(node.encode() if isinstance(node, str) else node)


def answer(host: Any, question: str, *arguments: Any) -> Any:
    """What a host says, errors included; of a FileInfo what a literal can say."""
    try:
        said = getattr(host, question)(*arguments)
    except HostError as error:
        return f"HostError: {error}"
    if isinstance(said, FileInfo):
        return (said.kind, said.target, said.size if said.kind is FileKind.FILE else None)
    return said


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("question", ["read", "text", "tail", "list", "info"])
def test_questions_about_a_path(real: LocalHost, question: str, path: str) -> None:
    """File, directory, link, loop, FIFO and nothing are told apart alike."""
    assert answer(FakeHost(files=TREE), question, path) == answer(real, question, path)


@pytest.mark.parametrize("path", PATHS)
def test_a_link_itself(real: LocalHost, path: str) -> None:
    """Not followed, a link is a link, dangling or not."""
    assert answer(FakeHost(files=TREE), "info", path, False) == answer(real, "info", path, False)


@pytest.mark.parametrize("limit", [0, 5, 6, 7])
@pytest.mark.parametrize("question", ["read", "tail"])
def test_limits(real: LocalHost, question: str, limit: int) -> None:
    """A file as large as the limit is read; a larger one is refused, or read from its end."""
    path = "/etc/hostname"
    assert answer(FakeHost(files=TREE), question, path, limit) == answer(real, question, path, limit)


def test_the_end_of_a_log(real: LocalHost) -> None:
    """A tail begins with the first whole line."""
    log = "first line\nsecond line\nthird line\n"
    Path(real.root, "log").write_text(log)
    try:
        for limit in (5, 11, 12, 20, 23, 24, 100):
            assert answer(FakeHost(files={"/log": log}), "tail", "/log", limit) == answer(real, "tail", "/log", limit)
    finally:
        Path(real.root, "log").unlink()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(real: LocalHost, pattern: str) -> None:
    """The same names match, through links of directories too."""
    assert answer(FakeHost(files=TREE), "glob", pattern) == answer(real, "glob", pattern)


def test_a_denied_path_is_denied_in_every_way() -> None:
    """What a Denied says is an error like the real one's, and never an absence."""
    host = FakeHost(files={"/etc/shadow": Denied()})
    assert answer(host, "read", "/etc/shadow") == "HostError: cannot read /etc/shadow: Permission denied"
    assert answer(host, "list", "/etc/shadow") == "HostError: cannot list /etc/shadow: Permission denied"


@pytest.mark.parametrize("call", ["interfaces", "which", "run", "route", "connect", "ask", "get", "hops", "resolve"])
def test_a_mounted_image_has_no_network_and_no_programs(tmp_path: Path, call: str) -> None:
    """Both hosts refuse with the same words."""
    arguments: dict[str, tuple[Any, ...]] = {
        "which": ("sh",),
        "run": (["true"], 1.0),
        "route": ("10.0.0.1",),
        "connect": ("10.0.0.1", 80, 1.0),
        "hops": ("10.0.0.1", 80, 1.0),
        "ask": ("10.0.0.1", "example.com", "A", 1.0),
        "resolve": ("example.com", 1.0),
        "get": ("http://10.0.0.1/", 1.0),
    }
    asked = arguments.get(call, ())
    fake = FakeHost(root="/mnt", programs={("true",): None})  # type: ignore[dict-item]  # never returned
    assert answer(fake, call, *asked) == answer(LocalHost(str(tmp_path)), call, *asked)
