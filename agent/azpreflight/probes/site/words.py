"""A site's own check in words: its object, its title, its fix, its page. Pure."""

from __future__ import annotations

from typing import Optional

from azpreflight.model import ALL_STAGES, SiteCheck, SiteKind
from azpreflight.text import plain, several, wrapped

NOUNS = {
    SiteKind.FILE: "file",
    SiteKind.UNIT: "unit",
    SiteKind.PACKAGE: "package",
    SiteKind.KERNEL_PARAMETER: "kernel parameter",
    SiteKind.SYSCTL: "sysctl",
    SiteKind.NAME: "name",
    SiteKind.TCP: "tcp",
    SiteKind.URL: "url",
}
FIXES = {
    SiteKind.FILE: "Correct the file",
    SiteKind.UNIT: "Change the unit's state with systemctl",
    SiteKind.PACKAGE: "Install or remove the package",
    SiteKind.KERNEL_PARAMETER: "Set the parameter in the boot loader's configuration and generate that again",
    SiteKind.SYSCTL: "Set it in /etc/sysctl.d and load it",
    SiteKind.NAME: "Correct the DNS zone or the servers that this machine asks",
    SiteKind.TCP: "Open the path to it or start what listens there",
    SiteKind.URL: "Open the path to it or correct the server",
}


def subject(check: SiteCheck) -> str:
    """ "file /etc/corp/agent.conf"."""
    return f"{NOUNS[check.kind]} {plain(check.subject, 200)}"


def where(check: SiteCheck, source: Optional[str]) -> str:
    """Which file says so, for what is in more than one."""
    return f" in {plain(source, 200)}" if source and check.kind is SiteKind.KERNEL_PARAMETER else ""


def fix(check: SiteCheck) -> str:
    """One sentence: the site's own, or a general one with what is required."""
    if check.fix:
        text = plain(check.fix.rstrip("."), 500)
        return f"{text[:1].upper()}{text[1:]}."
    return f"{FIXES[check.kind]}, so that it {expected(check)}."


def title(check: SiteCheck) -> str:
    """What is true on a pass."""
    return f"{subject(check)} {expected(check)}"


def expected(check: SiteCheck) -> str:
    """All expectations as one phrase."""
    if not check.present:
        absent = {SiteKind.NAME: "does not resolve", SiteKind.TCP: "is unreachable", SiteKind.URL: "is unreachable"}
        return absent.get(check.kind, "is absent")
    parts = [
        f"is {check.state}" if check.state else "",
        "contains " + several([f'"{text}"' for text in check.contains]) if check.contains else "",
        "lacks " + several([f'"{text}"' for text in check.lacks]) if check.lacks else "",
        f"has mode {check.mode}" if check.mode else "",
        f"belongs to {check.owner}" if check.owner else "",
        f"belongs to group {check.group}" if check.group else "",
        f"has version {several(check.versions)}" if check.versions else "",
        f"is {plain(check.value)}" if check.value is not None else "",
        f"is in {several(check.within)}" if check.within else "",
        f"answers with status {check.status}" if check.status else "",
    ]
    given = [part for part in parts if part]
    there = {SiteKind.NAME: "resolves", SiteKind.TCP: "is reachable", SiteKind.URL: "is reachable"}
    phrase = several(given, len(given), 300) if given else there.get(check.kind, "is present")
    return f"{phrase} by {check.server}" if check.server else phrase


def page(check: SiteCheck, place: str) -> str:
    """The page that `explain` prints, with the headings of the others."""
    stages = ", ".join(stage.value for stage in check.stages or ALL_STAGES)
    what = f"A check of this site's own, defined at {place}: {title(check)}."
    network = "" if check.stages or not check.kind.of_network else " Before first boot its findings are notes."
    offline = (
        "Files decide it, so a mounted image is asked too." if check.kind.offline else "It needs the running system."
    )
    matters = (
        plain(check.message, 300) if check.message else f"This site counts its failure as: {check.severity.value}."
    )
    sections = {
        "## What it checks": f"{what} {offline} Asked at {stages}.{network}",
        "## Why it matters": f"{matters}",
        "## How to fix it": fix(check),
    }
    lines = [line for head, text in sections.items() for line in ("", head, "", *wrapped(text))]
    return "\n".join([f"# {check.id}", *lines, ""])
