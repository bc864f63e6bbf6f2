"""`azpreflight daemon` that is killed at any moment: its files are whole, nothing is left, and the next one works."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from azpreflight.watch.boot_policy import LIMIT_S
from tests.agents.planting import put
from tests.agents.sealing import build_vm
from tests.support.scratchroot import run_inside

pytestmark = pytest.mark.root

KILLS = int(os.environ.get("TEST_KILLS", "3"))
"""Of each signal; the tests take few of them."""
LEFT_S = 2
"""Seconds of the watch that are left when it begins: it looks, writes everything and ends."""
FILES = ("var/lib/azpreflight/report.json", "var/lib/azpreflight/daemon.json", "run/azpreflight/as-captured.json")
HISTORY = "var/log/azpreflight/report.jsonl"
PROGRAM = """
import sys
sys.path.insert(0, "/opt/azp")
from azpreflight.__main__ import run
sys.exit(run())
"""
"""As a package installs it; the watch calls it again for each look."""
DAEMON = "python3 -IB /usr/bin/azpreflight daemon --platform azure --serial never"
KILLED = """
before=$(cat /proc/self/mounts)
setsid {daemon} & daemon=$!
sleep {moment}
kill -{number} $daemon
wait $daemon; echo "ended with $?"
tries=0
while :; do
  left=
  for place in /proc/[0-9]*; do
    case $place in /proc/1|/proc/$$) continue ;; esac
    read -r line <$place/stat || continue
    case $line in *") Z "*) continue ;; esac  # it has ended, and this machine's first process reaps nobody
    left="$left $line"
  done
  [ -n "$left" ] && [ $tries -lt 100 ] || break
  tries=$((tries + 1)); sleep 0.05
done
echo "left:$left"
[ "$before" = "$(cat /proc/self/mounts)" ] && echo "same mounts"
"""


def booted(root: Path, script: str) -> list[str]:
    """What the script printed on a machine that is about to have been watched for long enough."""
    boot = int(LIMIT_S - LEFT_S - time.clock_gettime(time.CLOCK_BOOTTIME))
    clock = ("unshare", "--time", "--boottime", str(boot), "--fork", "--kill-child")
    return run_inside(root, *clock, "sh", "-c", script, network=False).stdout.splitlines()


def check_files(root: Path) -> None:
    """Each is whole or not there; the history has whole lines."""
    for path in FILES:
        if (root / path).exists():
            json.loads((root / path).read_text())
    if (root / HISTORY).exists():
        text = (root / HISTORY).read_text()
        assert text.endswith("\n")
        assert all(json.loads(line)["verdict"] for line in text.splitlines())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_its_files_are_whole_whenever_it_is_killed(number: signal.Signals) -> None:
    chance = random.Random(number)
    for _ in range(KILLS):
        for root in build_vm("bookworm"):
            put(root, "sys/class/dmi/id/product_uuid", "7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55\n")
            put(root, "usr/bin/azpreflight", PROGRAM)
            put(root, "var/lib/azpreflight/.keep", "")
            put(root, "var/log/azpreflight/.keep", "")
            moment = f"{chance.uniform(0.1, 3):.2f}"
            code, left, mounts = booted(root, KILLED.format(daemon=DAEMON, moment=moment, number=number.value))[-3:]
            assert code in (f"ended with {128 + number}", "ended with 0"), (moment, code)
            assert (left, mounts) == ("left:", "same mounts"), moment
            check_files(root)
            if (root / FILES[1]).exists() and json.loads((root / FILES[1]).read_text())["boots"]:
                (root / FILES[1]).unlink()  # it had come to its end
            assert booted(root, f"{DAEMON}; echo $?")[-1] == "0", moment
            check_files(root)
            # one that was killed in its first look does not know any more what the image was like as it was captured
            missing = [path for path in (*FILES[:2], HISTORY) if not (root / path).exists()]
            assert missing == [], moment
            hidden = [path.name for place in ("var", "run") for path in (root / place).rglob("azpreflight/.*")]
            assert sorted(hidden) == [".keep", ".keep"], moment
