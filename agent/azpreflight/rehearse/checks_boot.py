"""The first boot, step by step: kernel and init, the console, an address, the platform, Ready. Pure.

What a VM did not come to is unknown, and no finding: the step before it is the one that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from azpreflight.model import Confidence, Finding, Judge, Run, Severity, Unknown, Verdict
from azpreflight.rehearse import console
from azpreflight.rehearse.facts import FIRST_BOOT, Booted, Network, RehearsalFacts
from azpreflight.rehearse.patience import PLATFORM_S
from azpreflight.text import plain

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
AFTER_INIT = ("init", "prompt", "address", "platform", "ready")
BUDGET_SHARE = 0.5
"""Of the platform's time; what takes more of it alone leaves too little for a slow day."""
ENDED = {
    "off": "the VM powered itself off",
    "late": "the time for it was over",
    "silent": "nothing more happened",
    "done": "it came to its end",
}


UNEXPLAINED = "it failed in the rehearsal, and nothing that was inspected explains why"


def unexplained(message: str, fix: str, evidence: Mapping[str, str]) -> Finding:
    """An error that was seen; what is behind it is another question."""
    return Finding(
        ERROR, message, fix, evidence=evidence, confidence=Confidence.POSSIBLE, confidence_reason=UNEXPLAINED
    )


def of_first(judge: Callable[[Booted, RehearsalFacts], Iterator[Verdict]]) -> Judge:
    """The judge of the first boot as a judge of the facts."""

    def judge_first(facts: RehearsalFacts, run: Run) -> Iterator[Verdict]:
        boot = facts.boot(FIRST_BOOT)
        if boot is None:
            yield Unknown(facts.error or "the image was not booted")
        else:
            yield from judge(boot, facts)

    return judge_first


def came_up(boot: Booted) -> bool:
    """The kernel has started the system on the disk, and it has not fallen into an emergency shell."""
    return any(name in boot.milestones for name in AFTER_INIT) and console.final(boot.signs) is None


def evidence(boot: Booted, *ids: str) -> dict[str, str]:
    """What the console said of it, and the picture of the screen."""
    said = [sign.text for sign in boot.signs if not ids or sign.id in ids]
    found = {"console": said[0]} if said else {}
    return {**found, "screen": boot.screen} if boot.screen else found


def judge_boots(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The kernel, its root filesystem and init."""
    if came_up(boot):
        return
    plan = facts.plan
    if not plan.disk.known:
        yield Unknown(f"the VM did not come up, and need not here: {plain(plan.disk.reason, 200)}")
        return
    final = console.final(boot.signs)
    how = final or next((sign for sign in boot.signs), None)
    reached = [name for name in ("loader", "kernel", "init") if name in boot.milestones]
    where = f"it came as far as the {reached[-1]}" if reached else "nothing started"
    said = f": {how.text}" if how is not None else f", and {ENDED.get(boot.ended, boot.ended)}"
    yield unexplained(
        f"the VM did not come up (generation {plan.generation}, {plan.disk.driver}); {where}{said}",
        console.signature(how.id).fix if how is not None else "Find in the picture of the screen where it stops.",
        evidence=evidence(boot),
    )


def judge_console(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """Boot diagnostics would show the boot."""
    if "kernel" in boot.milestones and ("init" in boot.milestones or "prompt" in boot.milestones):
        return
    if not came_up(boot):
        yield Unknown("the VM did not come up")
    else:
        shown = "the kernel but no service" if "kernel" in boot.milestones else "nothing of the kernel"
        yield Finding(
            WARNING,
            f"the VM came up, and the serial console shows {shown} ({boot.console_bytes} bytes)",
            "Put console=ttyS0 at the end of the kernel's options, without quiet.",
        )


def judge_dhcp(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The VM took the address that DHCP gives it."""
    if "address" in boot.milestones:
        yield from _judge_ipv6(boot)
    elif not came_up(boot):
        yield Unknown("the VM did not come up")
    elif not facts.plan.nic.known:
        yield Unknown(f"the VM took no address, and need not here: {plain(facts.plan.nic.reason, 200)}")
    else:
        asked = "asked DHCP and took no address" if "dhcp" in boot.asked else "never asked DHCP"
        yield unexplained(
            f"the VM {asked} within {boot.took_s:.0f} s ({facts.plan.nic.driver})",
            "Let a network manager bring up every NIC by DHCP.",
            evidence=evidence(boot, "unit-failed", "waits", "ordering-cycle"),
        )


def _judge_ipv6(boot: Booted) -> Iterator[Verdict]:
    """In a dual-stack network there is a second address, which nothing of provisioning needs."""
    if boot.network is Network.IPV6 and "address-ipv6" not in boot.milestones:
        asked = "asked DHCPv6 and took no address" if "dhcpv6" in boot.asked else "never asked DHCPv6"
        yield Finding(
            NOTE,
            f"the VM has no IPv6 address in a dual-stack network: it {asked} within {boot.took_s:.0f} s",
            "Let the network manager ask DHCPv6 as well, where VMs shall have IPv6.",
        )


def judge_agents(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """An agent speaks to the platform."""
    if "platform" in boot.milestones:
        return
    if not came_up(boot):
        yield Unknown("the VM did not come up")
    elif "address" not in boot.milestones:
        yield Unknown("the VM has no address")
    else:
        yield unexplained(
            f"no agent asked the platform for anything within {boot.took_s:.0f} s; the address was there after"
            f" {boot.milestones['address']:.0f} s",
            "Install and enable waagent or cloud-init, and let nothing hold them up.",
            evidence=evidence(boot, "unit-failed", "waits", "ordering-cycle"),
        )


def judge_ready(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The platform was told Ready."""
    if "ready" in boot.milestones:
        return
    if "platform" not in boot.milestones:
        yield Unknown("no agent has spoken to the platform")
        return
    last = boot.reports[-1] if boot.reports else None
    told = f"the last report, of {last.by} after {last.at_s:.0f} s, is {last.state}" if last else "no report came"
    more = f" ({last.description})" if last and last.description else ""
    yield unexplained(
        f"the platform received no Ready within {boot.took_s:.0f} s; {told}{more}",
        "Find in the log of the agent that provisions what it waits for.",
        evidence=evidence(boot, "unit-failed", "waits", "ordering-cycle"),
    )


def judge_budget(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """Ready comes within the time of the platform, with room."""
    if "ready" not in boot.milestones:
        yield Unknown("the platform received no Ready")
        return
    ready, step, took = boot.milestones["ready"], *_longest(boot)
    if ready > PLATFORM_S * BUDGET_SHARE:
        speed = "" if facts.plan.accelerator == "kvm" else ", emulated, which takes several times as long as a VM"
        yield Finding(
            WARNING,
            f"it took {ready:.0f} s until Ready, of the {PLATFORM_S:.0f} s that the platform gives{speed};"
            f" {took:.0f} s of it before the {step}",
            "Let no unit wait before the agent that provisions.",
            evidence=evidence(boot, "waits"),
        )


def _longest(boot: Booted) -> tuple[str, float]:
    """The step that took longest on the road to Ready, and its seconds."""
    steps = sorted((at, name) for name, at in boot.milestones.items() if at <= boot.milestones["ready"])
    earlier = [0.0, *(at for at, _ in steps)]
    took, name = max((at - before, name) for (at, name), before in zip(steps, earlier))
    return name, took


def judge_devices(facts: RehearsalFacts, run: Run) -> Iterator[Verdict]:
    """The image has drivers for what the emulator has in place of Azure's own devices."""
    for what, device in (("disk", facts.plan.disk), ("NIC", facts.plan.nic)):
        if not device.known:
            yield Finding(
                NOTE,
                f"a VM of this image may find no {what} in an emulator: {plain(device.reason, 200)}",
                "Rehearse it as root, or with the drivers of NVMe or virtio in its initramfs.",
            )


NETWORK_WORDS = {
    Network.OPEN: "an open network",
    Network.NO_EGRESS: "a network without outbound access",
    Network.DNS_DEAD: "a network whose DNS server does not answer",
    Network.FORCED_TUNNEL: "a network that is routed into an appliance",
    Network.PROXY: "a network with nothing but a proxy",
    Network.IPV6: "a dual-stack network",
    Network.TLS_INTERCEPTION: "a network that replaces certificates",
}
