"""Snapshots in files: what `record` writes, and `assess` and `check --as-captured` read."""

from __future__ import annotations

from azpreflight.cli.recognise import HEAD, Given, instead, recognise
from azpreflight.model import Snapshot
from azpreflight.model.codec import DecodeError
from azpreflight.model.errors import UsageError
from azpreflight.probes import PROBES
from azpreflight.render import json

LIMIT = 256 << 20
"""Bytes of a saved snapshot; the dumps of the largest rule set that is inspected, as JSON, are less than half of it."""


def saved(path: str) -> Snapshot:
    """The snapshot in a file, or on standard input for "-". UsageError if there is none."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LIMIT:
        raise UsageError(f"cannot read {path}: larger than {LIMIT >> 20} MiB")
    given = recognise(content[:HEAD], content[-HEAD:])
    elsewhere = instead(path, given, "assess")
    if elsewhere is not None and (given is not Given.LOG or not content.lstrip().startswith(b"{")):
        raise UsageError(elsewhere)
    try:
        return json.parse_snapshot(content.decode("utf-8", "replace"), PROBES)
    except DecodeError as error:
        raise UsageError(str(error)) from None
