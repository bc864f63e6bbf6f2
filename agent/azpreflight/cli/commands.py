"""All commands: the word on the command line, its module below `azpreflight.cli`, and what `--help` says of it.

A command's module is imported only when it is asked for. Each has `Request`, a frozen dataclass of what is asked;
`add_options(parser)`; `request(asked)`, which makes it of the command line; and `run(request)`, which returns the exit
code. The summaries are here, so that `azpreflight --help` imports none of them.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from azpreflight.dataclass import dataclass


class Module(Protocol):
    """What the module of a command has."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options, and a longer description where the summary is not enough."""

    def request(self, asked: argparse.Namespace) -> Any:
        """What is asked."""

    def run(self, request: Any) -> int:
        """Do it, and return the exit code."""


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    """Of its module."""
    summary: str

    def module(self) -> Module:
        """Its module, imported."""
        return cast(Module, importlib.import_module(f"azpreflight.cli.{self.name}"))


COMMANDS: Mapping[str, Command] = {
    "check": Command("check", "inspect this machine, judge, and print the report"),
    "record": Command("record", "inspect this machine and save the facts, without judging"),
    "assess": Command("assess", "judge what record has saved, on any machine"),
    "image": Command("image", "inspect a disk image file (raw, VHD, qcow2), judge, and print the report"),
    "rehearse": Command(
        "rehearse", "boot a disk image in an emulator beside a stand-in for the platform, and judge that"
    ),
    "seal": Command("seal", "deprovision this machine for capture, and verify every effect"),
    "arm": Command("arm", "check this build VM automatically when it is deprovisioned or powered off"),
    "disarm": Command("disarm", "undo arm"),
    "capture": Command("capture", "wait through the build of an image and check it at its end; systemd runs this"),
    "daemon": Command("daemon", "watch a first boot and report what is wrong; systemd runs this"),
    "rehearse-rules": Command(
        "rehearse_rules", "try firewall rules for the daemon, which has no right to; systemd runs this"
    ),
    "decode": Command("decode", "extract reports from serial console logs"),
    "fleet": Command("fleet", "report what the serial console logs of many machines have in common"),
    "standin": Command("standin", "stand in for the Azure platform, for tests of an agent, an extension or an image"),
    "config": Command("config", "validate the configuration, and print what is in force"),
    "explain-log": Command(
        "explain_log", "report what a boot or agent's log without a report shows, and the likely cause"
    ),
    "show": Command("show", "print a saved report in another format"),
    "status": Command("status", "print the verdict of the daemon that watches a first boot"),
    "explain": Command("explain", "print the page of a check or of a cause"),
    "list": Command("list_checks", "list all checks with severity, cause and stages"),
    "completions": Command("completions", "print the completions of a shell"),
}
