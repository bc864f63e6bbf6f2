"""How the program ends where the terminal, the disk or the working directory does not let it go on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3]
AGENT = (sys.executable, "-m", "azpreflight")
FULL = "No space left on device"


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as a package installs it, before it is compiled."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([SOURCE / "packaging/modules", home], check=True, timeout=60)
    path = home / "program"
    path.write_text((SOURCE / "packaging/azpreflight").read_text().replace("/usr/share/azpreflight", str(home)))
    return path


def interrupted(*command: str | Path, after: str, how: str = "default") -> tuple[int, str]:
    """The exit code and what was said, where Ctrl-C comes as soon as this module has been imported.

    The program reads its standard input, which ends only after that. `how` is how it is started to take the signal.
    The code is the shell's, 130 also for a program that the signal ended: Python ends itself so, whatever became of the
    exception, where that came while a text was run as code, as dataclasses do (CPython, unhandled_keyboard_interrupt).
    """
    pipe = subprocess.PIPE
    python = ("env", f"--{how}-signal=INT", sys.executable, "-X", "importtime", *command, "decode", "-")
    with subprocess.Popen(python, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        assert any(line.split("|")[-1].strip() == after for line in process.stderr)
        process.send_signal(signal.SIGINT)
        if how == "default":
            process.wait(timeout=30)
        _, said = process.communicate(timeout=30)
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return code, "".join(line for line in said.splitlines() if not line.startswith("import time:"))


@pytest.mark.parametrize("after", ["argparse", "azpreflight.cli.options", "azpreflight.console.decode"])
@pytest.mark.parametrize("start", ["module", "package"])
def test_ctrl_c_is_quiet_from_the_beginning(start: str, after: str, launcher: Path) -> None:
    """Also while the program is still being loaded, where Python would print where it was."""
    command = ("-m", "azpreflight") if start == "module" else (launcher,)
    assert interrupted(*command, after=after) == (130, "")
    assert interrupted(*command, after=after, how="ignore") == (3, "")


@pytest.mark.parametrize("arguments", [("--version",), ("check", "--help"), ("list",), ("explain", "clock")])
def test_a_full_disk_is_told_and_is_exit_2(arguments: tuple[str, ...]) -> None:
    """What was asked for could not be written."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            (*AGENT, *arguments), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (2, f"azpreflight: cannot write to standard output: {FULL}\n")


@pytest.mark.parametrize("arguments", [("nonsense",), ("explain", "nonsense"), ("check", "--only", "nonsense")])
def test_where_nothing_can_be_said_the_exit_code_is_the_same(arguments: tuple[str, ...]) -> None:
    """Standard error is a full disk."""
    with open("/dev/full", "w") as full:
        done = subprocess.run((*AGENT, *arguments), stdout=subprocess.PIPE, stderr=full, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ("image", "disk.vhd"),
        ("check", "--config", "c.yaml"),
        ("check", "--root", "."),
        ("seal", "--dry-run", "--config", "c.yaml"),
        ("daemon", "--config", "c.yaml"),
    ],
)
def test_a_relative_path_needs_a_working_directory(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """One that is gone makes it wrong usage, with the path in the message."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone}; rmdir {gone}; exec "$@"'
    done = subprocess.run(("sh", "-c", script, "sh", *AGENT, *arguments), capture_output=True, timeout=60, check=False)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert said.endswith(f"'{arguments[-1]}' is relative, and the working directory is gone\n"), said


def test_an_absolute_path_needs_none(tmp_path: Path) -> None:
    """And what takes no path at all does not either."""
    gone = tmp_path / "gone"
    script = f'mkdir {gone}; cd {gone}; rmdir {gone}; exec "$@"'
    for arguments in (("explain", "clock"), ("check", "--root", str(tmp_path), "--only", "gen-machine-id")):
        command = ("sh", "-c", script, "sh", *AGENT, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "working directory" not in done.stderr and "Traceback" not in done.stderr
        assert done.returncode in (0, 1, 3) and done.stdout != ""
