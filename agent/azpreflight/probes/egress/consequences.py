"""How bad a shut way is for this VM, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from azpreflight.azure.answer import Answer, said
from azpreflight.model import Severity
from azpreflight.probes.egress.facts import EgressFacts, Package
from azpreflight.probes.egress.messages import (
    delay_of,
    listed,
)


def severity_of(package: Package) -> Severity:
    """How bad it is that one of its stores cannot be reached."""
    if package.open:
        return Severity.NOTE
    return Severity.WARNING if package.relayed or package.withheld or package.agent else Severity.ERROR


def concerned(facts: EgressFacts, answers: Sequence[Answer]) -> tuple[Package, ...]:
    """Packages whose way is the one of these answers; the one that suffers most is the first."""
    found = [package for package in facts.packages if set(package.direct) & set(answers)]
    return tuple(sorted(found, key=lambda package: -severity_of(package).rank))


def consequence_of(facts: EgressFacts, answers: Sequence[Answer]) -> tuple[Severity, Optional[str]]:
    """How bad it is for this VM that the way of these answers is shut, and what follows from it if that is known."""
    needy = [own.extension for own in facts.own if set(own.answers) & set(answers)]
    if needy:
        return Severity.ERROR, f"{listed(needy)} cannot work without it"
    always = [own.extension for own in facts.own if own.always and facts.nothing_open]
    if always:
        return Severity.ERROR, f"{listed(always)} cannot work without a way out"
    packages = concerned(facts, answers)
    if not packages:
        return Severity.WARNING, None
    return severity_of(packages[0]), what_follows(facts, packages[0], answers[0])


def what_follows(facts: EgressFacts, package: Package, answer: Answer) -> str:
    """What becomes of this package where that answer was all that its way gave."""
    if package.open:
        return f"another store has {package.name}"
    if package.relayed:
        return f"the HostGAPlugin delivers instead, some {delay_of(answer, facts.handler)} later"
    if package.withheld:
        return f"whether the HostGAPlugin delivers {package.name} instead only the agent can tell, by its signature"
    if package.agent:
        return "the agent cannot update itself"
    return f"the HostGAPlugin does not deliver {package.name} either: {relay_said(package)}"


def relay_said(package: Package) -> str:
    """The answer that shows that it does not deliver."""
    for answer in (package.relayed_manifest, package.relayed_package):
        if answer is not None and not answer.delivered:
            return said(answer)
    return package.fault or "it was not asked"
