"""What each command imports, because to start is a good part of a short run; and what is written down for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight import package
from tests import generate

LIBRARIES = ("requests", "urllib3", "dns", "psutil", "iptc", "ssl", "http", "yaml")
"""Slow to import, and maybe broken on a broken machine."""
OURS = ("azpreflight.probes", "azpreflight.engine.gather", "azpreflight.firewall", "azpreflight.host")
"""What inspects and what judges."""
CODE = """
import sys
from azpreflight.cli.main import main
try:
    main(sys.argv[2:])
except SystemExit:
    pass
sys.stderr.write("\\n".join(sorted(set(sys.argv[1].split(",")) & set(sys.modules))))
"""


def imported(forbidden: tuple[str, ...], *arguments: str) -> str:
    """Which of these modules a command has imported."""
    command = [sys.executable, "-c", CODE, ",".join(forbidden), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout
    return done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("explain", "guest-firewall"),
        ("explain", "dns-servers"),
        ("list", "--config", "/dev/null"),
        ("list", "--format", "json", "--config", "/dev/null"),
        *(("completions", shell) for shell in ("bash", "zsh", "fish")),
    ],
    ids=" ".join,
)
def test_what_only_prints_imports_neither_libraries_nor_probes(arguments: tuple[str, ...]) -> None:
    """Text is what they need. In a guest, where there is no `rehearse`, whose checks `list` tells as well."""
    ours = () if arguments[0] == "list" else OURS
    assert imported((*LIBRARIES, *ours), *arguments) == ""


def test_a_tree_is_inspected_without_any_library(tmp_path: Path) -> None:
    """By both processes, the one that reads it and the one that judges; with cloud-init in it PyYAML is needed."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/waagent.conf").write_text("Provisioning.Agent=auto\n")
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    command = [sys.executable, "-X", "importtime", "-m", "azpreflight", "check", "--files", "--root", str(tmp_path)]
    done = subprocess.run([*command, "--config", "/dev/null"], capture_output=True, text=True, timeout=60, check=False)
    seen = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode in (0, 1, 3)
    assert {"azpreflight.engine.inspection.child", "azpreflight.probes.boot.collect"} <= seen
    assert seen & {*LIBRARIES, "azpreflight.host.network"} == set()


def test_what_is_written_down_is_what_the_program_says() -> None:
    """`make schema` writes the list of checks and the completions, which commands print without making them."""
    written = {name: package.data(name).decode() for name in generate.data_files()}
    assert written == generate.data_files()
