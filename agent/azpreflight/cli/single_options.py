"""The options of one command each, and its description where that is longer than a line."""

from __future__ import annotations

import argparse

from azpreflight.cli.shared_options import (
    absolute,
    add_amount,
    add_asked,
    add_config,
    add_fail_on,
    add_file,
    add_output,
    seconds,
)

DECODED_FORMATS = ("text", "json", "jsonl", "junit")
FLEET_FORMATS = ("text", "json", "jsonl")
DAEMON_REPORT = "/var/lib/azpreflight/report.json"
DAEMON_HISTORY = "/var/log/azpreflight/report.jsonl"


def add_evidence(parser: argparse.ArgumentParser) -> None:
    """Of check: what the image is judged by."""
    parser.add_argument(
        "--files",
        action="store_true",
        help="inspect files only, as on a mounted image; checks that need the running system or a network are left out",
    )
    parser.add_argument(
        "--as-captured",
        metavar="FILE",
        help="judge the image by what this file recorded before the agents ran; if the file does not exist yet, "
        "inspect the image first and save that there",
    )


def add_image(parser: argparse.ArgumentParser) -> None:
    """Of image."""
    parser.description = """\
Inspect a disk image file before it is uploaded: its footer, size and partitions, and
its filesystems, mounted read-only in a private namespace, as check --root does. The
file is not changed. Mounting needs root and a loop device; a qcow2 is unpacked with
qemu-img below TMPDIR (default: /var/tmp) first.
"""
    parser.add_argument("file", metavar="FILE", type=absolute, help="raw, fixed or dynamic VHD, or qcow2")
    add_asked(parser)


def add_seal(parser: argparse.ArgumentParser) -> None:
    """Of seal."""
    parser.description = """\
Make this machine fit to be captured, as root and in one process that outlives its
session: inspect first, and refuse where something is wrong that seal does not fix;
then cloud-init clean, waagent -force -deprovision+user, and what neither removes;
then verify every effect. Afterwards nobody can log in.
"""
    group = parser.add_argument_group("what is done")
    sure = group.add_mutually_exclusive_group()
    sure.add_argument("--yes", action="store_true", help="change this machine")
    sure.add_argument(
        "--dry-run", action="store_true", help="print every path that would be removed, and change nothing (default)"
    )
    group.add_argument("--platform", choices=("auto", "azure", "none"), default="auto", help="default: auto")
    group.add_argument("--timeout", metavar="SECONDS", type=seconds, help="for the inspection (default: 10)")
    add_config(group)
    judging = parser.add_argument_group("how it is judged")
    judging.add_argument("--ignore", metavar="ID", action="append", default=[], help="without this check; repeatable")
    add_fail_on(judging)
    add_output(parser, absolute)


def add_arm(parser: argparse.ArgumentParser) -> None:
    """Of arm."""
    parser.description = """\
Enable azpreflight-capture.service, and start it: it waits through the build of this
image, reboots included, and checks it when it is deprovisioned and again when it is
powered off. The verdict goes to the serial console. Once the deprovisioned machine is
powered off nothing of this is left in the image; seal and disarm undo it as well.
"""
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write the JSON report to this file as well; it has to be on a filesystem that is not part of the image",
    )


def add_capture(parser: argparse.ArgumentParser) -> None:
    """Of capture, the service."""
    parser.add_argument("--report", metavar="FILE", help="write the JSON report to this file as well")
    parser.add_argument(
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdict is printed (default: auto)"
    )
    parser.add_argument(
        "--armed-on", metavar="MARK", help="the machine that was armed; on another one it disarms and ends"
    )


def add_daemon(parser: argparse.ArgumentParser) -> None:
    """Of daemon, the service."""
    parser.description = """\
Watch this VM come up: inspect it when the network or the agents' files change, print
the first verdict and those that differ from it, and end when provisioning and extensions
have succeeded, or with a final verdict 20 minutes after boot, when the platform gives
up and starts the VM again, which is watched too. After that this VM is never watched
again; azpreflight=off on the kernel's command line turns it off.
"""
    parser.add_argument("--platform", choices=("auto", "azure", "none"), default="auto", help="default: auto")
    add_config(parser)
    parser.add_argument(
        "--report", metavar="PATH", default=DAEMON_REPORT, help=f"the newest JSON report (default: {DAEMON_REPORT})"
    )
    parser.add_argument(
        "--history",
        metavar="PATH",
        default=DAEMON_HISTORY,
        help=f"one line of JSON for each verdict (default: {DAEMON_HISTORY})",
    )
    parser.add_argument(
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdicts are printed (default: auto)"
    )


def add_decoding(parser: argparse.ArgumentParser) -> None:
    """Of decode."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="+",
        help="a boot diagnostics log, also gzipped or as the JSON string that az prints; - reads standard input",
    )
    add_fail_on(parser.add_argument_group("how the newest report of each log is judged"))
    group = add_file(parser, "the output")
    group.add_argument("--format", choices=DECODED_FORMATS, default="text", help="default: text")
    group.add_argument("--newest", action="store_true", help="only the newest report of each log")
    add_amount(group)


def add_fleet(parser: argparse.ArgumentParser) -> None:
    """Of fleet."""
    parser.description = """\
Read the boot diagnostics logs of many machines, and print each cause once, with the
machines that have it and how to fix them. Of each machine its newest report counts,
also where there are several logs of it. Azure is not queried: fetch the logs
first, with az vm boot-diagnostics get-boot-log, or from their storage account.
"""
    parser.add_argument(
        "log",
        metavar="LOG",
        nargs="+",
        help="a log as for decode, or a directory: all logs in it and below it; - reads standard input",
    )
    add_fail_on(parser.add_argument_group("how each machine is judged"))
    group = add_file(parser, "the output")
    group.add_argument("--format", choices=FLEET_FORMATS, default="text", help="default: text")
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="how many are ready, and no more (text)")
    amount.add_argument("-v", "--verbose", action="store_true", help="every machine by name, the ready ones too (text)")
