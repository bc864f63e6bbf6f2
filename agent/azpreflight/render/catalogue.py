"""All checks as a list, for people and for programs that build a policy from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from azpreflight.model import ALL_STAGES, Check, Config, Probe
from azpreflight.text import WIDTH, wrapped


def render(probes: Sequence[Probe[Any]], config: Config, width: int = WIDTH) -> str:
    """Two lines a check: id, severity, cause and stages; then what is true when it passes. With the site's own."""
    checks = (check for probe in probes for check in probe.checks_in(config))
    return "".join(line + "\n" for check in checks for line in _lines(check, width))


def _lines(check: Check, width: int) -> list[str]:
    stages = "every stage" if check.stages == ALL_STAGES else ", ".join(stage.value for stage in check.stages)
    cause = check.cause.value if check.cause is not None else "-"
    head = f"{check.id:<28}{check.severity.value:<9}{cause:<23}{stages}"
    top = [head] if len(head) <= width else wrapped(head, "", "  ", width)
    return [*top, *wrapped(check.title, "    ", "    ", width)]


def render_json(probes: Sequence[Probe[Any]], config: Config) -> str:
    """A JSON array with one object a check."""
    rows = [
        {
            "check": check.id,
            "title": check.title,
            "probe": probe.name,
            "severity": check.severity.value,
            "cause": check.cause.value if check.cause is not None else None,
            "stages": [stage.value for stage in check.stages],
            "profiles": [profile.value for profile in check.profiles],
            "depends_on": list(check.depends_on),
        }
        for probe in probes
        for check in probe.checks_in(config)
    ]
    return json.dumps(rows, indent=2) + "\n"
