"""ufw: what its boot script loads, from its settings and files (ufw-init-functions of ufw 0.36).

The link that enables its unit is always there; the real switch is ENABLED in ufw.conf. On the running system the script
itself is run; the same is put together here as text, for mounted images, and to find the lines that rules come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Optional

from azpreflight.firewall.boot.facts import Service
from azpreflight.firewall.boot.load_plan import Line, Plan, Reader, Step, generated
from azpreflight.guest.systemd_units import UnitFile

CONFIG, DEFAULTS = "/etc/ufw/ufw.conf", "/etc/default/ufw"
RULES = "/etc/ufw"
PROGRAMS = ("/lib/ufw/ufw-init", "/usr/lib/ufw/ufw-init")
"""Its own script; whatever else its unit has been told to run is not."""
SCRIPTS = (f"{RULES}/before.init", f"{RULES}/after.init")
"""Hooks of the user's own, run if they are executable."""
HOOKS = ("input", "output", "forward")
ORDER = ("before-logging", "before", "after", "after-logging", "reject", "track")
"""The chains that every packet goes through, in this order."""
USER_CHAINS = ("user-input", "user-output", "user-forward", "user-logging-input", "user-logging-output")
MORE_USER_CHAINS = ("user-logging-forward", "user-limit", "user-limit-accept")


class Half(NamedTuple):
    """One of the two address families."""

    restore: str
    suffix: str
    """"" or "6": part of the names of chains and files."""


def ufw(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """What the next boot loads, if ufw is switched on."""
    settings = {**reader.settings(DEFAULTS), **reader.settings(CONFIG)}
    if settings.get("ENABLED", "no").lower() != "yes":
        return Plan(Service("ufw", unit.name, False, reason=f"ENABLED is not yes in {CONFIG}"))
    steps = list(_half(reader, Half("iptables-restore", ""), settings))
    if settings.get("IPV6", "no").lower() == "yes":
        steps += _half(reader, Half("ip6tables-restore", "6"), settings)
    else:
        steps.append(_restore(Half("ip6tables-restore", "6"), _closed(), keep=False))
    files = dict.fromkeys(line.path for step in steps for line in step.lines if line.path)
    own = tuple(Step(command[0], command[1:]) for command in unit.commands if command[0] in PROGRAMS)
    hidden = (*SCRIPTS, settings.get("IPT_SYSCTL", ""))
    return Plan(
        Service("ufw", unit.name, True, tuple(files)), tuple(steps), own, tuple(path for path in hidden if path)
    )


def _closed() -> tuple[Line, ...]:
    """Without IPv6 in ufw, it closes IPv6 altogether."""
    policies = generated(*(f":{hook} DROP [0:0]" for hook in ("INPUT", "FORWARD", "OUTPUT")))
    return (*policies, *generated("-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT"))


def _half(reader: Reader, half: Half, settings: dict[str, str]) -> Iterator[Step]:
    yield _restore(half, _primary(half))
    policies = {hook: settings.get(f"DEFAULT_{hook.upper()}_POLICY", "ACCEPT") for hook in HOOKS}
    at = _settings_lines(reader)
    yield _restore(half, tuple(_policies_in_chains(half, policies, at)))
    for name in ("before", "after"):
        yield from _file(reader, half, name)
    user = list(_file(reader, half, "user"))
    if user:
        yield _restore(
            half, generated(*(f":ufw{half.suffix}-{name} - [0:0]" for name in USER_CHAINS + MORE_USER_CHAINS))
        )
        yield from user
        jumps = (f"-A ufw{half.suffix}-before-{hook} -j ufw{half.suffix}-user-{hook}" for hook in HOOKS)
        yield _restore(half, generated(*jumps))
    yield _restore(half, tuple(_policies(policies, at)))


def _restore(half: Half, lines: tuple[Line, ...], keep: bool = True) -> Step:
    whole = (*generated("*filter"), *lines, *generated("COMMIT"))
    return Step(half.restore, ("-n",) if keep else (), whole)


def _file(reader: Reader, half: Half, name: str) -> Iterator[Step]:
    lines = reader.lines(f"{RULES}/{name}{half.suffix}.rules")
    if lines:
        yield Step(half.restore, ("-n",), lines)


def _primary(half: Half) -> tuple[Line, ...]:
    names = [(f"ufw{half.suffix}-{kind}-{hook}", hook) for hook in HOOKS for kind in ORDER]
    declared = [f":{name} - [0:0]" for name, _ in names]
    return generated(*declared, *(f"-A {hook.upper()} -j {name}" for name, hook in names))


def _settings_lines(reader: Reader) -> dict[str, Line]:
    """The lines that set the policies, by hook."""
    lines = reader.lines(DEFAULTS) or ()
    named = ((hook, f"DEFAULT_{hook.upper()}_POLICY=") for hook in HOOKS)
    return {hook: line for hook, name in named for line in lines if line.text.strip().startswith(name)}


def _policies_in_chains(half: Half, policies: dict[str, str], at: dict[str, Line]) -> Iterator[Line]:
    """REJECT is a rule, as no policy can be that; ACCEPT is tracked; and chains that skip to the policy."""
    prefix = f"ufw{half.suffix}"
    names = ("logging-deny", "logging-allow", *(f"skip-to-policy-{hook}" for hook in policies))
    yield from generated(*(f":{prefix}-{name} - [0:0]" for name in names))
    for hook, policy in policies.items():
        yield from generated(f"-A {prefix}-skip-to-policy-{hook} -j {policy}")
        if policy == "REJECT":
            yield _at(at, hook, f"-A {prefix}-reject-{hook} -j REJECT")
        if policy == "ACCEPT":
            rules = (f"-A {prefix}-track-{hook} -p {p} -m conntrack --ctstate NEW -j ACCEPT" for p in ("tcp", "udp"))
            yield from generated(*rules)


def _policies(policies: dict[str, str], at: dict[str, Line]) -> Iterator[Line]:
    """The chains' own policies."""
    for hook, policy in policies.items():
        yield _at(at, hook, f":{hook.upper()} {'ACCEPT' if policy == 'ACCEPT' else 'DROP'} [0:0]")


def _at(at: dict[str, Line], hook: str, text: str) -> Line:
    """A line that comes of the setting for this hook."""
    return at[hook]._replace(text=text) if hook in at else generated(text)[0]
