"""The words after --only and --ignore."""

from __future__ import annotations

import pytest

from azpreflight.engine.selection import Selection
from azpreflight.model import Cause, Check, Config, Probe, SiteCheck, SiteKind
from azpreflight.model.errors import UsageError
from azpreflight.probes import PROBES, site
from tests.support.probes import Facts, check, probe

NET = probe(
    "net",
    check("dns-servers", cause=Cause.DNS_UNREACHABLE),
    check("dns-tcp", cause=Cause.DNS_UNREACHABLE),
    check("dns-answers", cause=Cause.DNS_WRONG_ANSWER, reads=("clock",)),
)
CLOCK: Probe[Facts] = probe("clock", check("clock-skew"))
CONFIG = Config(ignore=("dns-tcp",), checks=(SiteCheck("site-hosts", SiteKind.FILE, "/etc/hosts"),))
ALL = (NET, CLOCK, site.PROBE)


@pytest.mark.parametrize(
    ("only", "ignore", "asked"),
    [
        (("dns-servers",), (), ("dns-servers",)),
        (("dns-*",), (), ("dns-servers", "dns-answers")),
        (("dns-*", "dns-tcp"), (), ("dns-servers", "dns-tcp", "dns-answers")),
        (("dns-unreachable",), (), ("dns-servers",)),
        (("dns-*",), ("dns-wrong-answer",), ("dns-servers",)),
        (("*",), ("dns-*",), ("clock-skew", "site-hosts")),
        (("site-*",), (), ("site-hosts",)),
        (("site-hosts",), (), ("site-hosts",)),
        (("dns-[st]*",), (), ("dns-servers",)),
    ],
)
def test_ids_patterns_and_causes(only: tuple[str, ...], ignore: tuple[str, ...], asked: tuple[str, ...]) -> None:
    """In the report's order; what the configuration ignores is judged only where it is asked for by its own name."""
    selection = Selection(only, ignore)
    selection.refuse_unknown(ALL)
    selection.refuse_undefined(ALL, CONFIG)
    assert selection.asked(ALL, CONFIG) == asked


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("dns-server", r"no check dns-server \(did you mean dns-servers\?\); azpreflight list shows them"),
        ("dns-unreachabel", r"did you mean dns-unreachable\?"),
        ("dsn-*", r"no check matches dsn-\*; "),
        ("site-host", r"no check site-host \(did you mean site-hosts\?\)"),
        ("site-x*", r"no check matches site-x\*"),
    ],
)
def test_a_word_that_stands_for_nothing_is_an_error(word: str, message: str) -> None:
    for selection in (Selection(only=(word,)), Selection(ignore=(word,))):
        with pytest.raises(UsageError, match=message):
            selection.refuse_unknown(ALL)
            selection.refuse_undefined(ALL, CONFIG)


def test_a_word_is_not_both_asked_for_and_ignored() -> None:
    with pytest.raises(UsageError, match="dns-tcp is both asked for and ignored"):
        Selection(("dns-tcp",), ("dns-tcp",)).refuse_unknown(ALL)


def test_only_the_probes_that_are_needed_are_asked() -> None:
    """Those that may have the checks, and those whose facts the judges read."""
    assert Selection(("dns-answers",)).probes(ALL) == {"net", "clock"}
    assert Selection(("site-hosts",)).probes(ALL) == {"site"}
    assert Selection(("dns-t*",)).probes(ALL) == {"net", "site"}


def test_every_cause_stands_for_a_check() -> None:
    """So that none of the words is refused."""
    checks: list[Check] = [one for probe in PROBES for one in probe.checks]
    for cause in {one.cause for one in checks if one.cause is not None}:
        Selection((cause.value,)).refuse_unknown(PROBES)
