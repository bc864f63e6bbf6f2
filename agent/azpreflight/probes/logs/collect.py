"""Collecting the facts."""

from __future__ import annotations

from azpreflight.azure import log_evidence
from azpreflight.azure.log_signatures import SIGNATURES
from azpreflight.guest import writers
from azpreflight.host import Host, HostError
from azpreflight.model import Run
from azpreflight.probes.logs.facts import EVERY, LogsFacts, Sighting

TAIL = 1 << 20
"""Bytes read from the end: a first boot writes about 20 KiB (waagent) and 120 KiB (cloud-init)."""
LINES = 20_000
"""Lines that are searched, the last ones; a first boot has some 1,500."""


def gather(host: Host, run: Run) -> LogsFacts:
    """Read the end of every log."""
    sightings: tuple[Sighting, ...] = ()
    missing, unreadable = [], []
    for log, path in EVERY.items():
        try:
            text = host.tail(path, TAIL)
            why = writers.others(host, path)
        except HostError as error:
            unreadable.append(str(error))
            continue
        if why is not None:
            unreadable.append(writers.not_believed(path, why))
            continue
        if text is None:
            missing.append(path)
            continue
        sightings += parse(text, log)
    return LogsFacts(sightings, tuple(missing), tuple(unreadable))


def parse(text: str, log: str) -> tuple[Sighting, ...]:
    """The signatures in the text of one log."""
    signatures = [signature for signature in SIGNATURES if signature.log == log]
    seen: dict[str, tuple[int, str]] = {}
    for line in (whole[: log_evidence.LINE] for whole in text.splitlines()[-LINES:]):
        for signature in signatures:
            if signature.pattern.search(line):
                count, _ = seen.pop(signature.id, (0, ""))
                seen[signature.id] = count + 1, line
    return tuple(Sighting(name, log, count, log_evidence.shown(last)) for name, (count, last) in seen.items())
