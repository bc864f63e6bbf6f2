"""What the rehearsal cannot see, told where it is there to be seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, IMDS, WIRE_SERVER
from azpreflight.firewall.facts import FirewallFacts, UnitFilter
from azpreflight.firewall.other_filters import ONCE
from azpreflight.host import LinkFilter
from azpreflight.model import Confidence, Finding, Run, Severity, Unknown, Verdict
from azpreflight.probes.firewall.check import check
from azpreflight.shell import argument
from azpreflight.text import several

FLOWS = {
    WIRE_SERVER: (f"tcp {WIRE_SERVER}:80", f"tcp {WIRE_SERVER}:{HOST_PLUGIN_PORT}"),
    IMDS: (f"tcp {IMDS}:80",),
}


def judge_limits(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """A unit's own filter that shuts the platform out stops provisioning; everything else is worth knowing."""
    yield from (_of_unit(found) for found in facts.unit_filters)
    for limit in facts.rehearsal.limits:
        yield Finding(
            Severity.NOTE,
            f"the rehearsal cannot tell everything of these rules: {limit}",
            "Where an agent cannot reach the platform although the rehearsal says so, look at these rules first.",
            evidence={"limit": limit},
        )
    if facts.link_filters is None:
        yield Unknown("the kernel does not tell what is attached to the interfaces")
    elif unseen := tuple(one for one in facts.link_filters if not one.drops):
        yield _of_links(unseen)
    changing = tuple(name for name in facts.programs if name not in ONCE)
    if changing:
        yield Finding(
            Severity.NOTE,
            f"the rules of {several(changing)} change while the machine runs, and those of this moment were rehearsed",
            "Where something is blocked later, run azpreflight again then.",
            evidence={"programs": ", ".join(changing)},
        )


def _of_links(found: tuple[LinkFilter, ...]) -> Finding:
    where = dict.fromkeys(f"{one.interface} ({one.kind}, {one.direction})" for one in found)
    return Finding(
        Severity.NOTE,
        f"the rehearsal cannot see programs and filters of interfaces, and there are some on {several(tuple(where))}",
        "Where an agent cannot reach the platform although the rules let it through, look at these first.",
        tuple(dict.fromkeys(_shown_by(one) for one in found)),
        evidence={"filters": ", ".join(where)},
    )


def _shown_by(found: LinkFilter) -> str:
    name = argument(found.interface)
    return f"ip -d link show dev {name}" if found.kind == "XDP" else f"tc filter show dev {name} {found.direction}"


def _of_unit(found: UnitFilter) -> Finding:
    if not found.shuts:
        return Finding(
            Severity.NOTE,
            f"{found.unit} has {found.setting}: systemd filters its packets too, and no rehearsal shows that",
            "See that the platform's addresses and the package stores are not among what it shuts out.",
            (f"systemctl cat {found.unit}",),
            evidence={"unit": found.unit, "setting": found.setting},
        )
    flows = [flow for address in found.shuts for flow in FLOWS[address]]
    shut_out = several(found.shuts)
    fix = "Take the setting out: the unit has no network at all."
    if found.setting.startswith("IPAddressDeny"):
        fix = (
            f"Put IPAddressAllow={' '.join(found.shuts)} into a drop-in of the unit, with the addresses of its DNS"
            " servers and packages, or take the setting out."
        )
    return Finding(
        Severity.ERROR,
        f"{found.unit} has {found.setting}: systemd keeps it from {shut_out}, whatever the rules let through",
        fix,
        (f"systemctl cat {found.unit}",),
        evidence={"unit": found.unit, "setting": found.setting},
        flow=flows[0],
        breaks=tuple(flows[1:]),
        confidence=Confidence.LIKELY,
        confidence_reason="the unit's files say so; a kernel without eBPF for control groups does not do it",
    )


CHECKS = (
    check(
        "firewall-limits",
        "no filter other than netfilter affects the agents",
        judge_limits,
        Severity.ERROR,
    ),
)
