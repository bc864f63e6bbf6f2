"""Every key of the configuration with what it may be: the one table that the reader and the schema are made from."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from azpreflight.config.kinds import Kind, converted, list_of, mapping, number, text, word
from azpreflight.config.site_keys import MOST_CHECKS, URL, site_check
from azpreflight.model import Severity, Waiver
from azpreflight.model.site import PREFIX
from azpreflight.model.vocabulary import SEAL_FIXES

TIMEOUTS = (0.1, 3600.0)
"""Seconds: in less not even a process is started; the platform gives up on a boot before an hour has passed."""
CLOUDS = ("public", "usgov", "china")
"""Sovereign clouds have endpoints of their own."""
KVP = ("auto", "never")
MOST_WAIVERS = 200
"""In one file."""
SITE_ID = PREFIX + "[a-z0-9]+(?:-[a-z0-9]+)*"

ABOUT: Mapping[str, str] = {
    "cloud": "The cloud whose endpoints are tried. Default: as the instance metadata reports, else public.",
    "region": "The short name of the region. Default: as the instance metadata reports.",
    "endpoints": "URLs that must be reachable, besides those that this VM's goal state names.",
    "ignore": "Ids of checks that are not run.",
    "fail_on": "Exit with 1 for findings of this severity and above. Default: error.",
    "timeout": "Seconds for the whole run. Default: 10.",
    "seal_fixes": "Ids of checks whose findings azpreflight seal fixes itself.",
    "kvp": "Whether the daemon reports its verdict through Hyper-V's key-value exchange. Default: auto.",
    "waive": "Findings that count for less for a while: still run and shown, with the reason and the date.",
    "checks": "Checks of the site's own, reported as site-ID.",
}
"""What each key is for, as an editor shows it."""


def keys(check_ids: Sequence[str]) -> dict[str, Kind]:
    """Every key of `Config`; `check_ids` are those of azpreflight's own checks."""
    severities = tuple(severity.value for severity in Severity)
    check_id = _check_id(check_ids)
    return {
        "cloud": word(CLOUDS),
        "region": text(41, "the short name of a region, such as westeurope", re.compile("[a-z][a-z0-9]{2,40}")),
        "endpoints": list_of(URL, "a list of http:// or https:// URLs"),
        "ignore": list_of(check_id, "a list of check ids (see azpreflight list)"),
        "fail_on": converted(word(severities), Severity),
        "timeout": number(*TIMEOUTS, "seconds"),
        "seal_fixes": list_of(word(tuple(SEAL_FIXES)), f"a list of {', '.join(SEAL_FIXES)}"),
        "kvp": word(KVP),
        "waive": list_of(
            _waiver(check_id, severities), "a list of mappings with check, match, reason, until, severity", MOST_WAIVERS
        ),
        "checks": list_of(site_check(), "a list of mappings, a check each", MOST_CHECKS),
    }


def schema(check_ids: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file of the configuration."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "azpreflight.config-file/1",
        "title": "The configuration of azpreflight",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {name: {"description": ABOUT[name], **kind.schema} for name, kind in keys(check_ids).items()},
    }


def _check_id(check_ids: Sequence[str]) -> Kind:
    """One of azpreflight's own, or in the form of a site's: whether that one exists, all files together say."""
    own = word(check_ids, "the id of a check (see azpreflight list)")
    site = text(80, own.allowed, re.compile(SITE_ID))

    def read(node: Any) -> str:
        return str((site if str(node.value).startswith(PREFIX) else own).read(node))

    return Kind(own.allowed, read, {"anyOf": [own.schema, site.schema]})


def _waiver(check_id: Kind, severities: Sequence[str]) -> Kind:
    return mapping(
        {
            "check": check_id,
            "match": text(200),
            "reason": text(300),
            "until": converted(
                text(10, pattern=re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"), scalar=True),
                lambda day: datetime.date.fromisoformat(day).isoformat(),
                "a date, such as 2027-01-31",
            ),
            "severity": converted(word(severities[:-1]), Severity),
        },
        ("check", "reason"),
        lambda values: Waiver(**values),
        "a mapping with check, match, reason, until, severity",
    )
