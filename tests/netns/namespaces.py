"""Network namespaces that a test makes and removes itself.

Every name carries the process id of its maker and a random suffix, so parallel runs do not meet, a namespace is only
ever removed by its exact name, and what a killed run left behind can be told from what is in use.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PREFIX = "azpf"
DIRECTORY = Path("/run/netns")
OWN = re.compile(rf"{PREFIX}-(\d+)-[0-9a-f]{{6}}-[a-z]+")
COMMAND_TIMEOUT = 20.0
"""Seconds for one configuration command; each takes milliseconds."""


def new_names(roles: Sequence[str]) -> dict[str, str]:
    """A fresh namespace name for each role, all with the same suffix."""
    suffix = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"
    return {role: f"{suffix}-{role}" for role in roles}


def create(names: Iterable[str]) -> None:
    """Make the namespaces."""
    ip_batch([f"netns add {name}" for name in names])


def remove(names: Iterable[str]) -> None:
    """Remove those of the namespaces that exist; another run may be removing the same stale ones."""
    existing = [name for name in names if (DIRECTORY / name).exists()]
    lines = "".join(f"netns del {name}\n" for name in existing)
    command = ["ip", "-force", "-batch", "-"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
    left = [name for name in existing if (DIRECTORY / name).exists()]
    if left:
        raise RuntimeError(f"cannot remove {', '.join(left)}: {done.stderr.strip()}")


def remove_stale() -> None:
    """Remove what earlier runs left behind whose process is gone."""
    found = [OWN.fullmatch(path.name) for path in DIRECTORY.glob(f"{PREFIX}-*")]
    remove([match[0] for match in found if match and not Path(f"/proc/{match[1]}").exists()])


def inside(namespace: str, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` in the namespace, as the very process that is started."""
    return ["nsenter", f"--net={DIRECTORY / namespace}", "--", *command]


def ip_batch(lines: Sequence[str], namespace: str = "") -> None:
    """Run iproute2 commands, in a namespace if one is named; the first that fails ends it with its message."""
    where = ["-n", namespace] if namespace else []
    _run(["ip", *where, "-batch", "-"], "\n".join(lines) + "\n")


def sysctls(namespace: str, settings: Mapping[str, object]) -> None:
    """Write kernel settings of the namespace, by their paths below /proc/sys/net."""
    writes = "\n".join(f"echo {value} > /proc/sys/net/{path}" for path, value in settings.items())
    _run(inside(namespace, ["sh", "-e", "-c", writes]), "")


def shell(namespace: str, script: str) -> None:
    """Run a configuration script in the namespace; the first command that fails ends it with its message."""
    _run(inside(namespace, ["sh", "-e", "-c", script]), "")


def _run(command: Sequence[str], stdin: str) -> None:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}\n{stdin}")
