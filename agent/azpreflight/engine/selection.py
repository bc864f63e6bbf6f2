"""Which checks the words after --only and --ignore stand for: ids, patterns of ids, and causes. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any

from azpreflight.dataclass import dataclass
from azpreflight.model import Cause, Check, Config, Probe
from azpreflight.model.errors import UsageError
from azpreflight.model.site import PREFIX
from azpreflight.text import similar

CAUSES = tuple(cause.value for cause in Cause)


@dataclass(frozen=True)
class Selection:
    """What --only and --ignore say."""

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def refuse_unknown(self, probes: Sequence[Probe[Any]]) -> None:
        """UsageError for a word that stands for nothing, whatever the configuration defines."""
        checks = [check for probe in probes for check in probe.checks]
        for word in (*self.only, *self.ignore):
            if not _of_site(word) and not _ids(word, checks):
                raise UsageError(_unknown(word, checks))
        both = [word for word in self.only if word in self.ignore]
        if both:
            raise UsageError(f"{both[0]} is both asked for and ignored")

    def refuse_undefined(self, probes: Sequence[Probe[Any]], config: Config) -> None:
        """UsageError for a word about checks of the site's own that the configuration does not define."""
        checks = _checks(probes, config)
        for word in (*self.only, *self.ignore):
            if _of_site(word) and not _ids(word, checks):
                raise UsageError(_unknown(word, checks))

    def asked(self, probes: Sequence[Probe[Any]], config: Config) -> tuple[str, ...]:
        """Ids of the checks that are asked for, in the order of the report; those that are ignored too left out."""
        checks = _checks(probes, config)
        wanted = {check_id for word in self.only for check_id in _ids(word, checks)}
        left_out = set(self.ignored(probes, config))
        return tuple(check.id for check in checks if check.id in wanted - left_out)

    def ignored(self, probes: Sequence[Probe[Any]], config: Config) -> tuple[str, ...]:
        """Ids of the checks that are not judged; one that is asked for by its own name is."""
        checks = _checks(probes, config)
        said = (*config.ignore, *(check_id for word in self.ignore for check_id in _ids(word, checks)))
        return tuple(check_id for check_id in dict.fromkeys(said) if check_id not in self.only)

    def probes(self, probes: Sequence[Probe[Any]]) -> set[str]:
        """Names of the probes that may have what is asked for; those of the configuration's checks if in doubt."""
        named = {
            name
            for probe in probes
            for check in probe.checks
            if any(check.id in _ids(word, [check]) for word in self.only)
            for name in (probe.name, *check.reads)
        }
        site = any(_of_site(word) or _is_pattern(word) for word in self.only)
        return named | {probe.name for probe in probes if site and probe.configured is not None}


def _checks(probes: Sequence[Probe[Any]], config: Config) -> list[Check]:
    return [check for probe in probes for check in probe.checks_in(config)]


def _ids(word: str, checks: Iterable[Check]) -> list[str]:
    if _is_pattern(word):
        return [check.id for check in checks if fnmatch.fnmatchcase(check.id, word)]
    of_cause = [check.id for check in checks if check.cause is not None and check.cause.value == word]
    return of_cause or [check.id for check in checks if check.id == word]


def _of_site(word: str) -> bool:
    return word.startswith(PREFIX)


def _is_pattern(word: str) -> bool:
    return any(mark in word for mark in "*?")


def _unknown(word: str, checks: Sequence[Check]) -> str:
    if _is_pattern(word):
        return f"no check matches {word}; azpreflight list shows them"
    hint = similar(word, (*(check.id for check in checks), *CAUSES))
    return f"no check {word}{hint}; azpreflight list shows them"
