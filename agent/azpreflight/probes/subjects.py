"""A probe of many subjects: each is inspected on its own, and judged on its own.

The facts of such a probe are a dataclass with one optional field a subject, None where it could not be inspected, and
`errors`, which says why, by the name of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from azpreflight.host import Host, HostError
from azpreflight.model import Judge, Run, Unknown, Verdict

F = TypeVar("F", bound="SubjectFacts")
Looks = Mapping[str, Callable[[Host, Run], Any]]
"""How each subject is inspected, by the name of its field."""


class SubjectFacts(Protocol):
    """What the facts of such a probe have."""

    @property
    def errors(self) -> Mapping[str, str]:
        """Why a subject could not be inspected, by the name of its field."""


def inspect(host: Host, run: Run, looks: Looks, facts: Callable[..., F]) -> F:
    """Every subject; one that cannot be inspected does not take the others with it."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, look in looks.items():
        try:
            found[name] = look(host, run)
        except HostError as error:
            errors[name] = str(error)
    return facts(**found, errors=errors)


def part(name: str, judge: Callable[[Any, Run], Iterator[Verdict]]) -> Judge:
    """The judge of one subject as a judge of the whole."""

    def judge_part(facts: SubjectFacts, run: Run) -> Iterator[Verdict]:
        subject = getattr(facts, name)
        if subject is None:
            yield Unknown(facts.errors.get(name, f"{name} was not inspected"))
        else:
            yield from judge(subject, run)

    return judge_part
