"""The accounts and the rules for sudo, with the one name that deprovisioning knows: the user of this machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import Run, Verdict
from azpreflight.probes.generalization import accounts, sudoers
from azpreflight.probes.generalization.check import ERROR, WARNING, check
from azpreflight.probes.generalization.facts import GeneralizationFacts
from azpreflight.probes.subjects import part


def judge_users(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The accounts, with the one name that deprovisioning knows."""
    user = facts.library.user if facts.library is not None else None
    yield from part("accounts", lambda found, asked: accounts.judge_users(found, user, asked))(facts, run)


def judge_sudoers(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The rules for sudo, with the one name that deprovisioning knows."""
    user = facts.library.user if facts.library is not None else None
    yield from part("sudoers", lambda found, asked: sudoers.judge(found, user, asked))(facts, run)


CHECKS = (
    check("gen-users", "no user account of this machine can log in", judge_users, ERROR),
    check("gen-sudoers", "no sudo rule of the agents names a user of this machine", judge_sudoers, WARNING),
)
