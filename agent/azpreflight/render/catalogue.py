"""All checks as a list, for people and for programs that build a policy from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azpreflight.text import WIDTH, wrapped

if TYPE_CHECKING:
    from azpreflight.model import Config, Probe

Row = Mapping[str, Any]
"""What is told of one check."""
STAGES = 3
"""As many as there are: a check that is judged at each is told so in words."""


def rows(probes: Sequence[Probe[Any]], config: Config) -> list[Row]:
    """The checks of these probes, with the site's own."""
    return [
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


def render(checks: Iterable[Row], width: int = WIDTH) -> str:
    """Two lines a check: id, severity, cause and stages; then what is true when it passes."""
    return "".join(line + "\n" for check in checks for line in _lines(check, width))


def _lines(check: Row, width: int) -> list[str]:
    stages = "every stage" if len(check["stages"]) == STAGES else ", ".join(check["stages"])
    head = f"{check['check']:<28}{check['severity']:<9}{check['cause'] or '-':<23}{stages}"
    top = [head] if len(head) <= width else wrapped(head, "", "  ", width)
    return [*top, *wrapped(check["title"], "    ", "    ", width)]


def render_json(checks: Sequence[Row]) -> str:
    """A JSON array with one object a check."""
    return json.dumps(checks, indent=2) + "\n"
