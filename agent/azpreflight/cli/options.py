"""The words of the command line, and the help that explains them."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import Any

from azpreflight import __version__
from azpreflight.cli import shared_options, single_options
from azpreflight.sinks.stdout import write_stdout

DESCRIPTION = """\
Reports from inside a Linux VM or image why provisioning on Azure fails, or will fail:
was it deprovisioned, do its own firewall rules block required traffic, do its DNS
servers answer, can it fetch extension packages, is its traffic forced into a tunnel.
It is read-only, except for `seal`, which lists what it changes, and `arm`.
"""

EXAMPLES = """\
examples:
  azpreflight check                          is this machine fit to be captured as an image?
  azpreflight check --stage firstboot        why does provisioning of this VM, or an extension, fail?
  azpreflight check --root /mnt/image        the same for an image that is mounted there
  azpreflight image disk.vhd                 and for a disk image file
  azpreflight check --format json -o r.json  everything that was collected, for a program
  azpreflight record -o vm.json              collect now ...
  azpreflight assess vm.json                 ... and judge it elsewhere
  azpreflight decode boot.log                what did a VM report that nobody can log in to?
  azpreflight fleet bootdiagnostics/         what do many of them have in common?
  azpreflight explain guest-firewall         what a cause, or a check, means and how to fix it
"""

EXIT_CODES = """\
exit codes:
  0   nothing at or above --fail-on
  1   findings at or above --fail-on
  2   usage or configuration
  3   nothing wrong found, but a check whose failure would be an error could not be decided
  4   seal refused, and nothing was changed
  5   seal changed the machine and could not verify it: do not capture
  70  a bug in azpreflight (the report still comes out)
"""

_COMMANDS = {
    "check": "inspect this machine, judge, and print the report",
    "record": "inspect this machine and save the facts, without judging",
    "assess": "judge what record has saved, on any machine",
    "image": "inspect a disk image file (raw, VHD, qcow2), judge, and print the report",
    "seal": "deprovision this machine for capture, and verify every effect",
    "arm": "check this build VM automatically when it is deprovisioned or powered off",
    "disarm": "undo arm",
    "capture": "wait through the build of an image and check it at its end; systemd runs this",
    "daemon": "watch a first boot and report what is wrong; systemd runs this",
    "rehearse-rules": "try firewall rules for the daemon, which has no right to; systemd runs this",
    "decode": "extract reports from serial console logs",
    "fleet": "report what the serial console logs of many machines have in common",
    "explain": "print the page of a check or of a cause",
    "list": "list all checks with severity, cause and stages",
}


class Parser(argparse.ArgumentParser):
    """One whose help and version are results: where they cannot be written, a SinkError says so."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            write_stdout(message)
        else:
            with suppress(OSError):
                super()._print_message(message, file)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = Parser(
        prog="azpreflight",
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"azpreflight {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    sub = {
        name: commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, summary in _COMMANDS.items()
    }
    shared_options.add_question(sub["check"])
    shared_options.add_judging(sub["check"])
    shared_options.add_output(sub["check"])
    single_options.add_evidence(sub["check"])
    shared_options.add_question(sub["record"])
    shared_options.add_file(sub["record"], "the snapshot")
    sub["assess"].add_argument(
        "file", metavar="FILE", help="a snapshot that record has written; - reads standard input"
    )
    shared_options.add_judging(sub["assess"])
    shared_options.add_output(sub["assess"])
    single_options.add_image(sub["image"])
    shared_options.add_judging(sub["image"])
    shared_options.add_output(sub["image"])
    single_options.add_seal(sub["seal"])
    single_options.add_arm(sub["arm"])
    single_options.add_capture(sub["capture"])
    single_options.add_daemon(sub["daemon"])
    single_options.add_decoding(sub["decode"])
    single_options.add_fleet(sub["fleet"])
    sub["explain"].add_argument("id", metavar="ID", help="a check, such as dns-servers, or a cause, such as no-egress")
    sub["list"].add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return top
