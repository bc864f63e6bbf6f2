"""The command line: what is asked, what is printed, and the exit code.

Results go to standard output and words about the run to standard error.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from azpreflight import options, sinks
from azpreflight.assess import assess, exit_code, only
from azpreflight.codec import DecodeError
from azpreflight.config import DEFAULT_PATH, ConfigError, load, similar
from azpreflight.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Platform, Probe, Profile, Report, Severity, Snapshot, Stage
from azpreflight.pages import page, page_ids
from azpreflight.probes import PROBES, with_needs
from azpreflight.progress import Progress
from azpreflight.render import catalogue, json, junit, prometheus, text
from azpreflight.render.plain import plain
from azpreflight.sinks import SinkError

IMAGE_PROBES = ("generalization",)
"""Probes of what the agents change in their first seconds."""
EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

BLIND = (
    "not root, so this cannot see firewall rules, password hashes, the files of root and of other users, the VM's id, "
    "or the wire server, which the agent's own rules keep for root; checks that need them are unknown"
)


class UsageError(Exception):
    """The command line asks for something that does not exist."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit code."""
    asked = options.parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return _COMMANDS[asked.command](asked)
    except (UsageError, ConfigError, DecodeError, SinkError) as error:
        _say(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception:  # the outermost edge: otherwise a bug would exit 1, which means findings
        traceback.print_exc()
        return EXIT_BUG


def _terminated(number: int, frame: Any) -> None:
    """End as for any other reason, so that programs that are still running are ended too."""
    raise SystemExit(EXIT_TERMINATED)


def _say(sentence: str) -> None:
    sys.stderr.write(f"azpreflight: {plain(sentence)}\n")


# --- the commands -------------------------------------------------------------------------------------------------


def _check(asked: argparse.Namespace) -> int:
    _known(asked)
    snapshot = _look(asked, _needed(asked.only))
    if asked.as_captured is not None:
        image = _recorded(asked.as_captured).probes
        kept = {name: image[name] for name in IMAGE_PROBES if name in image}
        snapshot = replace(snapshot, probes={**snapshot.probes, **kept})
    return _deliver(asked, snapshot)


def _record(asked: argparse.Namespace) -> int:
    snapshot = _look(asked, with_needs(set(IMAGE_PROBES), PROBES) if asked.image else PROBES)
    _write(asked.output, json.render_snapshot(snapshot))
    bugs = [name for name, gathered in snapshot.probes.items() if gathered.traceback]
    return _bug(bugs) if bugs else 0


def _assess(asked: argparse.Namespace) -> int:
    _known(asked)
    return _deliver(asked, _recorded(asked.file))


def _recorded(path: str) -> Snapshot:
    """The snapshot in a file, or on standard input for "-"."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    return json.parse_snapshot(content.decode("utf-8", "replace"), PROBES)


def _daemon(asked: argparse.Namespace) -> int:
    from azpreflight import daemon

    return daemon.command(asked)


def _decode(asked: argparse.Namespace) -> int:
    from azpreflight import decode_command

    content, code = decode_command.run(asked, _say)
    _write(asked.output, content)
    return code


def _explain(asked: argparse.Namespace) -> int:
    found = page(asked.id)
    if found is None:
        raise UsageError(f"no page for {asked.id}{similar(asked.id, page_ids())}; azpreflight list shows all checks")
    sinks.write_stdout(found)
    return 0


def _list(asked: argparse.Namespace) -> int:
    render = catalogue.render_json if asked.format == "json" else catalogue.render
    sinks.write_stdout(render(PROBES))
    return 0


_COMMANDS: "dict[str, Callable[[argparse.Namespace], int]]" = {
    "check": _check,
    "record": _record,
    "assess": _assess,
    "daemon": _daemon,
    "decode": _decode,
    "explain": _explain,
    "list": _list,
}


# --- looking and judging ------------------------------------------------------------------------------------------


def _check_ids() -> "tuple[str, ...]":
    return tuple(check.id for probe in PROBES for check in probe.checks)


def _known(asked: argparse.Namespace) -> None:
    """UsageError for ids that do not exist, or that are both asked for and ignored."""
    ids = _check_ids()
    for check_id in (*asked.only, *asked.ignore):
        if check_id not in ids:
            raise UsageError(f"no check {check_id}{similar(check_id, ids)}; azpreflight list shows them")
    for check_id in asked.only:
        if check_id in asked.ignore:
            raise UsageError(f"{check_id} is both asked for and ignored")


def _needed(check_ids: Sequence[str]) -> "tuple[Probe[Any], ...]":
    """The probes that these checks are judged by, and all that those need; all probes where no check is named."""
    if not check_ids:
        return PROBES
    pairs = [(probe, check) for probe in PROBES for check in probe.checks if check.id in check_ids]
    return with_needs({name for probe, check in pairs for name in (probe.name, *check.reads)}, PROBES)


def _look(asked: argparse.Namespace, probes: "Sequence[Probe[Any]]") -> Snapshot:
    path = os.path.abspath(asked.config or DEFAULT_PATH)
    config = load(LocalHost(), path, required=asked.config is not None, check_ids=_check_ids())
    host = LocalHost(asked.root, asked.timeout or config.timeout or RUN_BUDGET)
    if not host.privileged:
        _say(BLIND)
    run = run_of(
        host,
        stage=Stage(asked.stage),
        profile=Profile(asked.profile),
        platform=None if asked.platform == "auto" else Platform(asked.platform),
        config=config,
        extensions=tuple(asked.extension),
    )
    with Progress(sys.stderr, (probe.name for probe in probes)) as progress:
        return gather(host, probes, run, progress.done)


def _judge(asked: argparse.Namespace, snapshot: Snapshot) -> Report:
    """The report on what is asked; a check that is asked for by name is not ignored."""
    ignored = dict.fromkeys((*snapshot.config.ignore, *asked.ignore))
    kept = tuple(check_id for check_id in ignored if check_id not in asked.only)
    report = assess(replace(snapshot, config=replace(snapshot.config, ignore=kept)), PROBES)
    return only(report, asked.only) if asked.only else report


# --- printing -----------------------------------------------------------------------------------------------------


def _deliver(asked: argparse.Namespace, snapshot: Snapshot) -> int:
    """Put the report wherever it is wanted, and return the verdict's exit code."""
    report = _judge(asked, snapshot)
    _serial(asked.serial, report, asked.report)
    writes = [(asked.output, _rendered(asked, report))]
    if asked.report is not None:
        writes.append((asked.report, json.render(report)))
    failed = [error for error in (_failure(path, content) for path, content in writes) if error is not None]
    for error in failed:
        _say(error)
    bugs = [result.check for result in report.results if result.traceback]
    if bugs:
        return _bug(bugs)
    fail_on = Severity(asked.fail_on) if asked.fail_on else snapshot.config.fail_on or Severity.ERROR
    return EXIT_USAGE if failed else exit_code(report, fail_on)


def _bug(where: Iterable[str]) -> int:
    _say(f"a bug in azpreflight: {', '.join(where)}; the JSON has the traceback, please report it")
    return EXIT_BUG


def _rendered(asked: argparse.Namespace, report: Report) -> str:
    if asked.format == "text":
        return text.render(report, verbose=asked.verbose, quiet=asked.quiet, color=_color(asked))
    renderers = {
        "json": json.render,
        "jsonl": json.render_lines,
        "junit": junit.render,
        "prometheus": prometheus.render,
    }
    return renderers[asked.format](report)


def _color(asked: argparse.Namespace) -> bool:
    if asked.color != "auto":
        return bool(asked.color == "always")
    wanted = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return wanted and asked.output is None and sys.stdout.isatty()


def _write(path: Optional[str], content: str) -> None:
    if path is None:
        sinks.write_stdout(content)
    else:
        sinks.write_file(path, content)


def _failure(path: Optional[str], content: str) -> Optional[str]:
    """Why the content could not be written; None if it was. The other places still get theirs."""
    try:
        _write(path, content)
    except SinkError as error:
        return str(error)
    return None


def _serial(wanted: str, report: Report, path: Optional[str]) -> None:
    """Summary and frame on the serial console. One that does not take them is told about, and changes no exit code."""
    if wanted == "never":
        return
    from azpreflight.render import serial

    content = serial.render(report, path)
    for device in sinks.serial_devices(LocalHost()) if wanted == "auto" else (wanted,):
        try:
            sinks.write_serial(device, content)
        except SinkError as error:
            _say(str(error))
