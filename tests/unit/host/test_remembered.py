"""What one inspection has seen of files is not inspected again, and what moves is."""

from __future__ import annotations

from pathlib import Path

import pytest

from azpreflight.host import HostError, LocalHost
from azpreflight.host.remembered import CONTENT_LIMIT, PLACE, WHOLE_LIMIT, Remembered


def test_a_file_that_changes_meanwhile_is_judged_in_one_state(tmp_path: Path) -> None:
    """Content, kind, names and what a pattern finds; a host that does not remember sees what is new."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/a").write_text("before")
    hosts = [LocalHost(str(tmp_path), remembers=remembers) for remembers in (True, False)]
    for host in hosts:
        host.text("/etc/a"), host.info("/etc/a"), host.list("/etc"), host.glob("/etc/*")
        assert host.read("/etc/b") is None
    (tmp_path / "etc/a").write_text("afterwards")
    (tmp_path / "etc/b").write_text("new")
    seen = [
        (host.text("/etc/a"), host.info("/etc/a").size, host.list("/etc"), host.glob("/etc/*"), host.text("/etc/b"))  # type: ignore[union-attr]
        for host in hosts
    ]
    assert seen[0] == ("before", 6, ("a",), ("/etc/a",), None)
    assert seen[1] == ("afterwards", 10, ("a", "b"), ("/etc/a", "/etc/b"), "new")


def test_another_question_is_another_answer(tmp_path: Path) -> None:
    """The link and what it leads to; a limit that is too small and one that is not."""
    (tmp_path / "file").write_text("12345")
    (tmp_path / "link").symlink_to("file")
    host = LocalHost(str(tmp_path), remembers=True)
    kinds = [host.info("/link", follow=follow).kind.value for follow in (True, False)]  # type: ignore[union-attr]
    assert len(set(kinds)) == 2
    with pytest.raises(HostError, match="larger than 4 bytes"):
        host.read("/file", 4)
    assert host.read("/file", 5) == b"12345"


def test_what_moves_is_asked_again() -> None:
    host, own = LocalHost(remembers=True), Path("/proc/self/comm")
    first = host.text(str(own))
    assert first not in (None, "moved\n")
    own.write_text("moved")
    try:
        assert host.text(str(own)) == "moved\n"
    finally:
        own.write_text(first or "")


def test_what_could_not_be_answered_is_asked_again() -> None:
    def broken() -> None:
        raise HostError("it did not answer within 2.0 s")

    seen = Remembered()
    with pytest.raises(HostError):
        seen.once("/a", "read", broken)
    assert seen.once("/a", "read", lambda: b"x") == b"x"


def test_what_is_kept_is_bounded() -> None:
    """Large answers are not kept, and neither is one more once there are enough."""
    seen = Remembered()
    large = bytes(CONTENT_LIMIT)
    assert seen.once("/large", "read", lambda: large) is large
    assert seen.once("/large", "read", lambda: b"") == b""
    for number in range(WHOLE_LIMIT // PLACE):
        seen.once(f"/{number}", "read", lambda: None)
    assert seen.once("/late", "read", lambda: b"1") == b"1"
    assert seen.once("/late", "read", lambda: b"2") == b"2"
    assert seen.once("/0", "read", lambda: b"again") is None
