"""firewalld: a daemon that makes its rules itself, from XML.

On the running system the daemon itself is started in the sandbox, on a D-Bus of its own, and asked for its state, which
it tells once it is ready. Of a mounted image nothing is run, so what its rules would be is known only where they cannot
matter: firewalld lets everything that the machine itself begins through, and the answers to it, unless there are direct
rules or a policy for what comes from the host (firewalld.policies(5), firewalld.direct(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.boot.facts import Service
from azpreflight.firewall.boot.load_plan import Plan, Reader, Step
from azpreflight.guest.systemd_units import UnitFile

DIRECT = "/etc/firewalld/direct.xml"
POLICIES = ("/etc/firewalld/policies", "/usr/lib/firewalld/policies")
PROGRAM = "/usr/sbin/firewalld"
NAME, OBJECT = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
PLACE = "/run/azpreflight"
ADDRESS = f"unix:path={PLACE}/bus"
BUS = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{ADDRESS}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{PLACE}/services</servicedir>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
SERVICE = f"[D-BUS Service]\nName={NAME}\nExec={PROGRAM} --nofork --nopid\n"
FILES = ((f"{PLACE}/bus.conf", BUS), (f"{PLACE}/services/{NAME}.service", SERVICE))
STATE = (
    "--system",
    "--print-reply",
    f"--dest={NAME}",
    OBJECT,
    "org.freedesktop.DBus.Properties.Get",
    f"string:{NAME}",
    "string:state",
)
"""The question that starts it, and that it answers only when its rules are loaded."""
_ELEMENT = re.compile(r"<(?:rule|passthrough|chain)\b[^<>]*>([^<]*)")
_FROM_HOST = re.compile(r"<ingress-zone\s+name=[\"']HOST[\"']")
_AGENTS = "-t security "
"""The agent's own rules, which it adds for good as direct ones: never blamed."""


def firewalld(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """The daemon, and whether it can be told without it what the machine may."""
    environment = (("DBUS_SYSTEM_BUS_ADDRESS", ADDRESS),)
    offline = reader.image.root != "/"
    can_run = not offline and all(reader.image.which(tool) is not None for tool in ("dbus-daemon", "dbus-send"))
    own = (
        Step("dbus-daemon", (f"--config-file={PLACE}/bus.conf", "--fork"), files=FILES, environment=environment),
        Step("dbus-send", STATE, if_well=True, environment=environment),
    )
    found = dict(_outbound(reader))
    blind = f"makes rules for what the machine itself sends, from {', '.join(found)}" if found else None
    why = "nothing of an image is run" if offline else "there is no dbus-daemon to start it with"
    reason = f"it {blind}, and {why}" if blind and not can_run else None
    service = Service("firewalld", unit.name, True, tuple(found), reason)
    return Plan(service, own=own if can_run else (), blind=blind, places=tuple(found.items()))


def _outbound(reader: Reader) -> Iterator[tuple[str, str]]:
    """Files that have a say in what the machine itself sends, with what chains of theirs are called."""
    direct = reader.text(DIRECT)
    if direct is not None and any(not rule.startswith(_AGENTS) for rule in _ELEMENT.findall(direct)):
        yield DIRECT, "OUTPUT"
    seen: set[str] = set()
    for directory in POLICIES:
        for path in reader.image.glob(f"{directory}/*.xml"):
            name = path.rpartition("/")[2].removesuffix(".xml")
            if name not in seen and _FROM_HOST.search(reader.text(path) or ""):
                yield path, f"policy_{name}"
            seen.add(name)
