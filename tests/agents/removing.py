"""Random trees and hostile names, removed for real: run by test_removing in a mount namespace of its own.

`python -m tests.agents.removing DIRECTORY ROUNDS SEED`: the directory is a tmpfs, and all else is read-only. What is
beside the tree, and reached from it by links, by mounts and by a directory that is swapped all the time, must stay.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from azpreflight.host import HostError, removal
from azpreflight.host.removable import Verb
from tests.support import hostile

OUTSIDE = ("passwd", "lib/dpkg/status", "azure/a", ".ssh/id_rsa", "x/y/z")


def main(top: Path, rounds: int, seed: int) -> int:
    """The number of what was removed and what was refused; AssertionError for anything that should not have gone."""
    removed = refused = 0
    for number in range(rounds):
        chance = random.Random(f"{seed} {number}")
        outside, root = top / "outside", top / "root"
        for name in OUTSIDE:
            (outside / name).parent.mkdir(parents=True, exist_ok=True)
            (outside / name).write_text("stays")
        mounts = plant(chance, root, outside)
        before, kept = listed(root), contents(outside)  # a planted link may have led there
        swap = Swap(root / "home/a", outside)
        done, failed = act(chance, root, before)
        swap.end()
        gone = before - listed(root)
        under = {path for path in gone if not any(within(path, one) for one in done)}
        assert all(hostile.allowed(path) for path in done), done
        assert {path for path in under if not path.startswith("/home/a/")} == set(), under
        assert contents(outside) == kept, (number, mounts, done)
        for mount in mounts:
            subprocess.run(["umount", mount], check=True, timeout=10)
        shutil.rmtree(root)
        shutil.rmtree(outside)
        removed, refused = removed + len(done), refused + failed
    print(removed, refused)
    return 0


def plant(chance: random.Random, root: Path, outside: Path) -> list[Path]:
    """Files, directories, links out and mounts of what is outside; the mounts."""
    (root / "home/a/.ssh").mkdir(parents=True)
    (root / "home/a/.ssh/id_rsa").write_text("goes")
    os.chown(root / "home/a", 1000, 1000)
    for _ in range(chance.randint(5, 40)):
        place = root / (chance.choice((hostile.path, hostile.near))(chance).replace("\0", "").strip("/") or "x")
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            kind = chance.choice(("link", "directory", "file", "file"))
            if kind == "link":
                place.symlink_to(chance.choice((str(outside), "/", "..", "/etc", "../../outside")))
            elif kind == "directory":
                place.mkdir()
            else:
                place.write_text("x")
    mounts = []
    for name in ("var/log/azure/a", "var/log/azure/b/c", "var/log/journal/x/y", "var/lib/azpreflight/d"):
        if chance.random() < 0.3:
            with suppress(OSError):
                (root / name).mkdir(parents=True)
                subprocess.run(["mount", "--bind", outside, root / name], check=True, timeout=10)
                mounts.append(root / name)
    return mounts


def contents(top: Path) -> dict[str, str]:
    """Every file below, with its text."""
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}


def listed(root: Path) -> set[str]:
    """Every path of the tree, from its root on, no link followed."""
    found = (os.path.join(folder, name) for folder, dirs, files in os.walk(root) for name in (*dirs, *files))
    return {path[len(str(root)) :] for path in found}


def act(chance: random.Random, root: Path, there: set[str]) -> tuple[list[str], int]:
    """Ask for what is there and for more; what was done, and how much was refused."""
    done, failed = [], 0
    asked = [*sorted(there), *(hostile.near(chance) for _ in range(50)), *(hostile.value(chance) for _ in range(20))]
    chance.shuffle(asked)
    for path in asked:
        verb = chance.choice(tuple(Verb))
        try:
            (removal.remove if verb is Verb.REMOVE else removal.empty)(path, str(root))
        except (HostError, ValueError):
            failed += 1
            continue
        done.append(path)
    return done, failed


def within(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


class Swap:
    """A user who swaps .ssh with a link to what is outside, until told to end."""

    def __init__(self, home: Path, outside: Path) -> None:
        self.home, self.going = home, True
        (home / "link").symlink_to(outside / ".ssh")
        os.chown(home / "link", 1000, 1000, follow_symlinks=False)
        self.thread = threading.Thread(target=self._swap, daemon=True)
        self.thread.start()

    def _swap(self) -> None:
        names = [self.home / name for name in (".ssh", "link", "kept")]
        while self.going:
            with suppress(OSError):
                names[0].rename(names[2])
                names[1].rename(names[0])
                names[0].rename(names[1])
                names[2].rename(names[0])

    def end(self) -> None:
        self.going = False
        self.thread.join(60)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
