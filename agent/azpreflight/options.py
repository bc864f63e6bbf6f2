"""The words of the command line, and the help that explains them."""

import argparse
import os
from enum import Enum

from azpreflight import __version__
from azpreflight.vocabulary import Profile, Severity, Stage

FORMATS = ("text", "json", "jsonl", "junit", "prometheus")
DECODED_FORMATS = ("text", "json", "jsonl", "junit")

DAEMON_REPORT = "/var/lib/azpreflight/report.json"
DAEMON_HISTORY = "/var/log/azpreflight/report.jsonl"

DESCRIPTION = """\
Says from inside a Linux VM or image why provisioning on Azure fails, or will fail:
was it deprovisioned, do its own firewall rules block the way, do its name servers
answer, can it fetch extension packages, is its traffic forced into a tunnel.
It looks and changes nothing, but for `seal`, which says what it does, and `arm`.
"""

EXAMPLES = """\
examples:
  azpreflight check                          is this machine fit to be captured as an image?
  azpreflight check --stage firstboot        why does provisioning of this VM, or an extension, fail?
  azpreflight check --root /mnt/image        the same for an image that is mounted there
  azpreflight image disk.vhd                 and for the file of a disk
  azpreflight check --format json -o r.json  everything that was seen, for a program
  azpreflight record -o vm.json              look now ...
  azpreflight assess vm.json                 ... and judge it elsewhere
  azpreflight decode boot.log                what did a VM say that nobody can log in to?
  azpreflight explain guest-firewall         what a cause, or a check, means and how to mend it
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
    "check": "look at this machine, judge, and print the report",
    "record": "look at this machine and save what was seen, without judging",
    "assess": "judge what record has saved, on any machine",
    "image": "look into the file of a disk (raw, VHD, qcow2), judge, and print the report",
    "seal": "deprovision this machine for its capture, and verify every effect",
    "arm": "let this build VM be checked by itself when it is deprovisioned or powered off",
    "disarm": "undo arm",
    "capture": "wait through the build of an image and check it at its end; systemd runs this",
    "daemon": "watch a first boot and say what is wrong; systemd runs this",
    "decode": "get reports back out of serial console logs",
    "explain": "print the page of a check or of a cause",
    "list": "list all checks with severity, cause and stages",
}


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
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
    _add_question(sub["check"])
    _add_judging(sub["check"])
    _add_output(sub["check"])
    _add_evidence(sub["check"])
    _add_question(sub["record"])
    _add_file(sub["record"], "the snapshot")
    sub["assess"].add_argument(
        "file", metavar="FILE", help="a snapshot that record has written; - reads standard input"
    )
    _add_judging(sub["assess"])
    _add_output(sub["assess"])
    _add_image(sub["image"])
    _add_judging(sub["image"])
    _add_output(sub["image"])
    _add_seal(sub["seal"])
    _add_arm(sub["arm"])
    _add_capture(sub["capture"])
    _add_daemon(sub["daemon"])
    _add_decoding(sub["decode"])
    sub["explain"].add_argument("id", metavar="ID", help="a check, such as dns-servers, or a cause, such as no-egress")
    sub["list"].add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return top


def _words(kind: "type[Enum]") -> "list[str]":
    return [member.value for member in kind]


def _add_question(parser: argparse.ArgumentParser) -> None:
    group = _add_asked(parser)
    group.add_argument(
        "--root", metavar="DIR", type=_directory, default="/", help="look at the image mounted there instead"
    )


def _add_image(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Look into the file of a disk before it is uploaded: its footer, size and partitions,
and its filesystems, mounted read-only where nobody else sees them, as check --root
does. The file is not changed. Mounting needs root and a loop device; a qcow2 is
unpacked with qemu-img below TMPDIR (default: /var/tmp) first.
"""
    parser.add_argument("file", metavar="FILE", help="raw, fixed or dynamic VHD, or qcow2")
    _add_asked(parser)


def _add_asked(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    group = parser.add_argument_group("what is asked")
    group.add_argument(
        "--stage",
        choices=_words(Stage),
        default=Stage.CAPTURE.value,
        help="build: a build VM that is still worked on; capture: right before capture, or a mounted image; "
        "firstboot: a new VM (default: capture)",
    )
    group.add_argument(
        "--profile",
        choices=_words(Profile),
        default=Profile.GENERALIZED.value,
        help="what the image is to become: a template for many VMs, or the copy of one (default: generalized)",
    )
    group.add_argument(
        "--platform",
        choices=("auto", "azure", "none"),
        default="auto",
        help="whether the platform's own endpoints are to be expected; auto: as the SMBIOS says (default: auto)",
    )
    group.add_argument(
        "--extension", metavar="NAME", action="append", default=[], help="one that the VM will have; repeatable"
    )
    group.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="for the whole run (default: 10)")
    group.add_argument("--config", metavar="FILE", help="default: /etc/azpreflight/config.yaml, which may be absent")
    return group


def _add_evidence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--files",
        action="store_true",
        help="look at files alone, as on a mounted image; what needs the running system or a network is left out",
    )
    parser.add_argument(
        "--as-captured",
        metavar="FILE",
        help="judge the image by what this file saw of it before the agents ran; where there is no such file yet, look "
        "at the image first and save that there",
    )


def _add_seal(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Make this machine fit to be captured, as root and in one process that outlives its
session: look first, and refuse where something is wrong that sealing does not mend;
then cloud-init clean, waagent -force -deprovision+user, and what neither removes;
then look at every effect. Afterwards nobody can log in.
"""
    group = parser.add_argument_group("what is done")
    sure = group.add_mutually_exclusive_group(required=True)
    sure.add_argument("--yes", action="store_true", help="change this machine")
    sure.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    group.add_argument("--platform", choices=("auto", "azure", "none"), default="auto", help="default: auto")
    group.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="for looking (default: 10)")
    group.add_argument("--config", metavar="FILE", help="default: /etc/azpreflight/config.yaml, which may be absent")
    judging = parser.add_argument_group("how it is judged")
    judging.add_argument("--ignore", metavar="ID", action="append", default=[], help="without this check; repeatable")
    _add_fail_on(judging)
    output = parser.add_argument_group("where the report goes")
    output.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    output.add_argument("--report", metavar="PATH", help="write the JSON report to this file as well")


def _add_arm(parser: argparse.ArgumentParser) -> None:
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


def _add_capture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--report", metavar="FILE", help="write the JSON report to this file as well")
    parser.add_argument(
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdict is said (default: auto)"
    )
    parser.add_argument(
        "--armed-on", metavar="MARK", help="the machine that was armed; on another one it disarms and ends"
    )


def _add_daemon(parser: argparse.ArgumentParser) -> None:
    parser.description = """\
Watch this VM come up: look when the network or the agents' files change, say the
first verdict and those that differ from it, and end when provisioning and extensions
have ended well, or with a final verdict 20 minutes after boot, when the platform gives
up and starts the VM again, which is watched too. After that this VM is never watched
again; azpreflight=off on the kernel's command line turns it off.
"""
    parser.add_argument("--platform", choices=("auto", "azure", "none"), default="auto", help="default: auto")
    parser.add_argument("--config", metavar="FILE", help="default: /etc/azpreflight/config.yaml, which may be absent")
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
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdicts are said (default: auto)"
    )


def _add_judging(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is judged")
    group.add_argument("--only", metavar="ID", action="append", default=[], help="this check alone; repeatable")
    group.add_argument("--ignore", metavar="ID", action="append", default=[], help="without this check; repeatable")
    _add_fail_on(group)


def _add_fail_on(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--fail-on",
        choices=_words(Severity)[::-1],
        help="exit 1 for findings of this severity and above (default: error)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = _add_file(parser, "the output")
    group.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    group.add_argument("--report", metavar="PATH", help="write the JSON report to this file as well")
    group.add_argument(
        "--serial",
        metavar="{auto,never,DEVICE}",
        default="never",
        help="write a summary and the whole report, for decode, to the serial console as well, or to this terminal "
        "device (default: never)",
    )
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    _add_amount(group)


def _add_amount(group: "argparse._ArgumentGroup") -> None:
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="the verdict alone (text)")
    amount.add_argument("-v", "--verbose", action="store_true", help="every check (text)")


def _add_decoding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="+",
        help="a boot diagnostics log, also gzipped or as the JSON string that az prints; - reads standard input",
    )
    _add_fail_on(parser.add_argument_group("how the newest report of each log is judged"))
    group = _add_file(parser, "the output")
    group.add_argument("--format", choices=DECODED_FORMATS, default="text", help="default: text")
    group.add_argument("--newest", action="store_true", help="only the newest report of each log")
    _add_amount(group)


def _add_file(parser: argparse.ArgumentParser, what: str) -> "argparse._ArgumentGroup":
    group = parser.add_argument_group("what is written")
    group.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        type=lambda path: None if path == "-" else path,
        help=f"write {what} to this file instead of standard output, which - is too",
    )
    return group


def _directory(text: str) -> str:
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"no such directory: {text!a}")
    return text


def _seconds(text: str) -> float:
    from azpreflight.config import TIMEOUTS

    low, high = TIMEOUTS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not low <= seconds <= high:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds from {low:.0f} to {high:.0f}")
    return seconds
