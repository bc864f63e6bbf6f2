"""When to say a verdict, when to look again, and when to stop looking.

A first boot is a machine in motion: for some seconds there is no address, then no name server, then no agent. A watcher
that says each of these cries wolf; one that waits for the end says nothing in the very cases in which the end never
comes. So the first verdict is said as soon as it does not merely mean "still coming up", a later one when the
diagnosis has changed and a second look has seen the same, and the last one when it is over: at the platform's limit
even if it is the same, with all that was waited for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import own_error
from azpreflight.model import Cause, Readiness, Report, Severity

SETTLE_S = 30.0
"""Seconds after boot during which a missing network is a network that is coming up: DHCP on Azure answers within a
second, but the link of an accelerated NIC and a slow boot take their time before it is asked."""
GRACE_S = 15.0
"""The same, after systemd has started what configures the network: a machine that relabels or checks its files first
comes to that minutes after boot, and networkd asks DHCP only then."""
UNDECIDED_S = 180.0
"""Seconds after boot during which a look that could not see enough is not worth a word: a machine that is starting
everything at once may leave a look no time, and the next one will see. Nor is a network waited for any longer that
systemd has not begun with."""
COMING_UP = (Cause.NO_NETWORK, Cause.PLATFORM_UNREACHABLE, Cause.DNS_UNREACHABLE)
"""What is wrong on every machine whose network is not up yet."""
PASSING = (*COMING_UP, Cause.DNS_WRONG_ANSWER, Cause.NO_EGRESS, Cause.FORCED_TUNNEL, Cause.PATH_MTU)
"""What a look may see in the middle of which the network comes up, or goes down and up again."""
LIMIT_S = 20 * 60.0
"""Seconds after boot at which the platform gives up waiting for Ready, reboots the VM once, and then reports
OSProvisioningTimedOut (Microsoft Learn, "Troubleshoot provisioning of Linux VMs")."""
SHORTEST_S = 2.0
"""Seconds until the next look after a change, so that a burst of changes is one look."""
LONGEST_S = 90.0
"""Seconds between looks when nothing changes: a look takes half a second of the processor, so that looking takes less
than a hundredth of it. What changes on the machine is seen at once; only a network that is fixed elsewhere waits."""
GROWTH = 1.6
"""How much longer each wait is than the one before it: 2 s to 90 s in nine looks."""
REST = 6.0
"""Times the length of a look that passes before the next one, so that looking never takes much of a small machine."""
STEADY = 4
"""Looks in a row, when the network should be up, that see trouble with it and need not see the same: what comes and
goes between two kinds of it would not be told otherwise."""
UNSAID_REST_S = 5.0
"""Seconds until the next look at the most where what was seen is not said yet, because it is held or has to be seen
again: the boot goes first anyway (`StartupCPUWeight=`)."""
WORDS_MOST = 8
"""Verdicts that are said as soon as they are sure. A record takes up to 16 kB of a console whose log holds 1 MiB, and a
network that comes and goes would fill it, and push out what was there before."""
WORDS_REST_S = 120.0
"""Seconds between verdicts after so many; the last one is always said."""

Diagnosis = tuple[str, tuple[tuple[str, str, str], ...]]
"""The verdict, and (cause, check, severity) for each cause: what has to change for a new word to be worth saying."""


@dataclass(frozen=True)
class Progress:
    """How far provisioning has come, as the agents' logs of this boot say."""

    provisioned: bool
    """An agent has reported Ready after provisioning."""
    extensions_done: bool
    """All extensions of the goal state have reached a terminal state, or there are none."""


@dataclass(frozen=True)
class History:
    """What has been seen and said so far."""

    said: Optional[Diagnosis] = None
    seen: Optional[Diagnosis] = None
    """The diagnosis of the look before."""
    wait_s: float = SHORTEST_S
    troubled: int = 0
    """Looks in a row, up to the one before, that saw trouble with the network when it should have been up; those that
    could not see enough are passed over."""
    words: int = 0
    """Verdicts said."""
    said_s: float = 0.0
    """When the last of them was, in seconds after boot."""


@dataclass(frozen=True)
class Decision:
    """What to do after a look."""

    say: bool
    over: bool
    wait_s: float
    rest_s: float
    """Of that, what passes whatever changes: where much changes all the time, looking would be all that is done."""
    history: History


def diagnosis(report: Report) -> Diagnosis:
    """What the report comes to, without times and counters that change at each look."""
    causes = tuple((entry.cause.value, entry.check, entry.severity.value) for entry in report.causes)
    errors = tuple(("", result.check, Severity.ERROR.value) for result in report.results if own_error(result))
    return report.verdict.value, (*causes, *errors)


def decide(
    history: History,
    report: Report,
    progress: Progress,
    uptime_s: float,
    look_s: float,
    network_s: Optional[float] = 0.0,
    disturbed: bool = False,
) -> Decision:
    """What to do after a look that took `look_s` seconds and ended `uptime_s` seconds after boot.

    `network_s` is when, in seconds after boot, what configures the network was started; None: it has not been.
    `disturbed`: a link, an address or a route changed during the look. What was seen while it was held confirms nothing
    then: the network may have come up in the middle of the look, after it had been inspected.
    """
    current = diagnosis(report)
    at_limit = uptime_s >= LIMIT_S
    over = well(report, progress) or at_limit
    held_s = settled_s(report, network_s) - uptime_s if history.said is None else 0.0
    talkative = history.words >= WORDS_MOST and uptime_s - history.said_s < WORDS_REST_S
    in_trouble = held_s <= 0.0 and _errors_among(current, PASSING)
    troubled = history.troubled + in_trouble if in_trouble or report.verdict is Readiness.UNDECIDED else 0
    if over:
        say = at_limit or current != history.said
    elif history.said is None:
        doubtful = in_trouble and (disturbed or (may_come_up(report) and history.seen is not None))
        seen_twice = current == history.seen and (history.troubled > 0 or not disturbed)
        say = held_s <= 0.0 and (not doubtful or seen_twice or troubled >= STEADY)
    else:
        is_news = in_trouble and troubled >= STEADY and not _errors_among(history.said, PASSING)
        say = current != history.said and (current == history.seen or is_news) and not talkative
    changed = current != history.seen
    wait_s = SHORTEST_S if changed else min(history.wait_s * GROWTH, LONGEST_S)
    kept = replace(history, seen=current, wait_s=wait_s, troubled=troubled)
    if say:
        kept = replace(kept, said=current, said_s=uptime_s, words=history.words + 1)
    pause = min(max(wait_s, look_s * REST), LONGEST_S, max(LIMIT_S - uptime_s, 0.0))
    if not say and current != history.said and not talkative:
        soon = min(look_s, UNSAID_REST_S, held_s if held_s > 0.0 else UNSAID_REST_S)
        pause = min(pause, max(SHORTEST_S, soon))
    rest = min(pause, look_s * (REST if uptime_s > UNDECIDED_S else 1.0))
    return Decision(say=say, over=over, wait_s=pause, rest_s=rest, history=kept)


def settled_s(report: Report, network_s: Optional[float]) -> float:
    """Seconds after boot until which what is wrong may be that the machine is still booting; 0 if it cannot be that."""
    if report.verdict is Readiness.UNDECIDED:
        return UNDECIDED_S
    if not may_come_up(report):
        return 0.0
    return UNDECIDED_S if network_s is None else max(SETTLE_S, network_s + GRACE_S)


def may_come_up(report: Report) -> bool:
    """An error is among those of a network that is not up, be it not up yet, or for the moment: waagent takes it down
    and up again to publish the host name. After another diagnosis a second look has to see the same."""
    return _errors_among(diagnosis(report), COMING_UP)


def _errors_among(seen: Diagnosis, causes: tuple[Cause, ...]) -> bool:
    return any(cause in causes and severity == Severity.ERROR for cause, _, severity in seen[1])


def well(report: Report, progress: Progress) -> bool:
    """Provisioning and extensions have ended, and nothing is wrong."""
    return progress.provisioned and progress.extensions_done and report.verdict is Readiness.READY
