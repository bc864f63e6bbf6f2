"""Changes are told at once, and nothing is told where nothing changed."""

from __future__ import annotations

import time
from pathlib import Path

from azpreflight.host.network_events import Watch


def test_a_file_that_appears_and_changes_is_told(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    watch = Watch((str(file),))
    try:
        file.write_text("nameserver 10.0.0.1\n")
        assert str(file) in watch.wait(5.0)
        file.write_text("nameserver 10.0.0.2 \n")
        assert str(file) in watch.wait(5.0)
    finally:
        watch.close()


def test_without_a_change_the_wait_ends_in_time(tmp_path: Path) -> None:
    watch = Watch((str(tmp_path / "nothing"),))
    try:
        watch.wait(0.0)  # whatever the network did before
        began = time.monotonic()
        watch.wait(0.2)
        assert time.monotonic() - began < 10
    finally:
        watch.close()
