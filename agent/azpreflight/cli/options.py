"""Groups of options that several commands have: how each is written on the command line, and what is asked by it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from enum import Enum
from typing import Callable, Optional

from azpreflight.cli import values
from azpreflight.dataclass import dataclass
from azpreflight.engine.selection import Selection
from azpreflight.model.vocabulary import ALL_STAGES, Platform, Profile, Severity, Stage
from azpreflight.render import formats

FORMATS = ("text", *formats.NAMES)
PLATFORMS = ("auto", "azure", "none")


def words(kind: type[Enum]) -> list[str]:
    """What a closed set of words allows on the command line."""
    return [member.value for member in kind]


# --- what is asked ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """What is asked of a machine or of an image."""

    stage: Stage
    profile: Profile
    platform: Optional[Platform]
    """None: as SMBIOS reports."""
    extensions: tuple[str, ...]
    timeout: Optional[float]
    """Seconds for the whole run; None: as the configuration says."""
    config: Optional[str]
    """The configuration file; None: the default one, which may be absent."""
    root: str = "/"


def add_asking(parser: argparse.ArgumentParser, root: bool = True) -> None:
    """All of `Asking`; `root`: of an image that is mounted, too."""
    group = parser.add_argument_group("what is asked")
    group.add_argument(
        "--stage",
        choices=[stage.value for stage in ALL_STAGES],
        default=Stage.CAPTURE.value,
        help="build: a build VM that is still worked on; capture: right before capture, or a mounted image; "
        "firstboot: a new VM (default: capture)",
    )
    group.add_argument(
        "--profile",
        choices=words(Profile),
        default=Profile.GENERALIZED.value,
        help="what the image is to become: a template for many VMs, or the copy of one (default: generalized)",
    )
    group.add_argument(
        "--platform",
        choices=PLATFORMS,
        default="auto",
        help="whether the platform's own endpoints are to be expected; auto: as SMBIOS reports (default: auto)",
    )
    group.add_argument(
        "--extension", metavar="NAME", action="append", default=[], help="one that the VM will have; repeatable"
    )
    group.add_argument("--timeout", metavar="SECONDS", type=values.seconds, help="for the whole run (default: 10)")
    add_config(group)
    if root:
        group.add_argument(
            "--root", metavar="DIR", type=values.directory, default="/", help="inspect the image mounted there instead"
        )


def asking(asked: argparse.Namespace) -> Asking:
    """What is asked by the options of `add_asking`."""
    return Asking(
        stage=Stage(asked.stage),
        profile=Profile(asked.profile),
        platform=platform(asked),
        extensions=tuple(asked.extension),
        timeout=asked.timeout,
        config=asked.config,
        root=getattr(asked, "root", "/"),
    )


def platform(asked: argparse.Namespace) -> Optional[Platform]:
    """What `--platform` says; None: as SMBIOS reports."""
    return None if asked.platform == "auto" else Platform(asked.platform)


def add_config(group: argparse._ActionsContainer) -> None:
    """The configuration file."""
    what = "default: /etc/azpreflight/config.yaml, which may be absent; /dev/null: none"
    group.add_argument("--config", metavar="FILE", type=values.absolute, help=what)


# --- how it is judged ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judging:
    """Which checks count, and from which severity on."""

    checks: Selection
    fail_on: Optional[Severity]
    """None: as the configuration says."""
    exit_warning: Optional[int]
    """The exit code where nothing fails and something is a warning; None: 0, as where nothing is."""


def add_judging(parser: argparse.ArgumentParser) -> None:
    """All of `Judging`."""
    group = parser.add_argument_group("how it is judged")
    what = "a check, a pattern such as 'dns-*', or a cause, such as no-egress, for all checks that stand for it"
    group.add_argument("--only", metavar="ID", action="append", default=[], help=f"only this: {what}; repeatable")
    add_ignore(group)
    add_fail_on(group)
    what = "exit code for warnings below --fail-on, 7 to 125 (default: 0)"
    group.add_argument("--exit-warning", metavar="N", type=values.own_code, help=what)


def add_ignore(group: argparse._ArgumentGroup) -> None:
    """Which checks are left out."""
    what = "without this check, or those of this pattern or cause; repeatable"
    group.add_argument("--ignore", metavar="ID", action="append", default=[], help=what)


def judging(asked: argparse.Namespace) -> Judging:
    """How it is judged by the options of `add_judging`."""
    return Judging(Selection(tuple(asked.only), tuple(asked.ignore)), fail_on(asked), asked.exit_warning)


def add_fail_on(group: argparse._ArgumentGroup) -> None:
    """From which severity on a finding fails."""
    group.add_argument(
        "--fail-on",
        choices=words(Severity)[::-1],
        help="findings of this severity and above fail (default: error)",
    )


def fail_on(asked: argparse.Namespace) -> Optional[Severity]:
    """What `--fail-on` says; None where it is not given."""
    return Severity(asked.fail_on) if asked.fail_on else None


# --- where the report goes ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """One place that a report goes to, and its form there."""

    path: Optional[str]
    """The file; None: standard output."""
    format: str


@dataclass(frozen=True)
class Output:
    """Where a report goes, and in which form."""

    places: tuple[Place, ...]
    mode: Optional[int]
    """Permissions of a new file; None: by its form."""
    report: Optional[str]
    """The file for the JSON report."""
    serial: str
    """auto, never, or the path of a device."""
    color: str
    """auto, always or never."""
    quiet: bool
    verbose: bool

    @property
    def formats(self) -> frozenset[str]:
        """All forms that are asked for."""
        return frozenset(place.format for place in self.places)


def add_output(parser: argparse.ArgumentParser, path: Callable[[str], str] = str) -> None:
    """All of `Output`. `path` is `absolute` for a command that leaves the working directory."""
    group = parser.add_argument_group("what is written")
    group.add_argument(
        "-o",
        dest="output",
        metavar="[FORMAT:]FILE",
        action="append",
        default=[],
        type=lambda text: _place(text, path),
        help="write the output to this file instead of standard output, which - is too; with FORMAT: write that form "
        "there besides; repeatable",
    )
    group.add_argument("--format", choices=FORMATS, default="text", help="of the output (default: text)")
    group.add_argument(
        "--mode",
        metavar="MODE",
        type=values.permissions,
        help="permissions of new files in octal (default: 0640; of junit, prometheus, markdown and html by the umask)",
    )
    group.add_argument("--report", metavar="PATH", type=path, help="write the JSON report to this file as well")
    group.add_argument(
        "--serial",
        metavar="{auto,never,DEVICE}",
        default="never",
        help="write a summary and the whole report, for decode, to the serial console as well, or to this terminal "
        "device (default: never)",
    )
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_amount(group)


def output(asked: argparse.Namespace) -> Output:
    """Where the report goes by the options of `add_output`."""
    return Output(
        places=places(asked.output, asked.format),
        mode=asked.mode,
        report=asked.report,
        serial=asked.serial,
        color=asked.color,
        quiet=asked.quiet,
        verbose=asked.verbose,
    )


def places(wanted: Sequence[tuple[Optional[str], Optional[str]]], form: str) -> tuple[Place, ...]:
    """Where the report goes by all `-o`, each a path and its form; a path without a form takes the place of standard
    output."""
    asked = tuple(Place(path, own or form) for path, own in wanted)
    plain = any(own is None for _, own in wanted)
    return asked if plain else (Place(None, form), *asked)


def _place(text: str, path: Callable[[str], str]) -> tuple[Optional[str], Optional[str]]:
    """Path and form of one `-o`. A file whose own name begins like a form is ./json:name."""
    form, colon, rest = text.partition(":")
    own = form if colon and form in FORMATS else None
    name = rest if own is not None else text
    if not name:
        raise argparse.ArgumentTypeError(f"{text!a} names no file")
    return None if name == "-" else path(name), own


def add_amount(group: argparse._ArgumentGroup) -> None:
    """How much of a report is printed."""
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="only the verdict (text)")
    amount.add_argument("-v", "--verbose", action="store_true", help="every check (text)")


def add_file(parser: argparse.ArgumentParser, what: str, path: Callable[[str], str] = str) -> argparse._ArgumentGroup:
    """The file that `what` is written to; `path` as in add_output."""
    group = parser.add_argument_group("what is written")
    group.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        type=lambda text: None if text == "-" else path(text),
        help=f"write {what} to this file instead of standard output, which - is too",
    )
    return group
