"""What ufw and firewalld really make of their own settings: the rehearsal of the next boot names file and line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from azpreflight.probes.firewall.flows import ANYWHERE
from tests.netns import booting
from tests.netns.booting import PERSISTENT, UFW, WANTS, words

pytestmark = pytest.mark.root

WIRE, IMDS = "168.63.129.16", "169.254.169.254"
WAYS = {"machine": booting.running, "image": booting.mounted}
PLATFORM = {
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    f"udp {WIRE}:67",
}
STORES = {f"tcp {ANYWHERE}:443", f"tcp {ANYWHERE}:80"}
SWITCH_ON = "sed -i s/^ENABLED=.*/ENABLED=yes/ /etc/ufw/ufw.conf"


def blocked(flows: set[str], by: str) -> dict[str, str]:
    return dict.fromkeys(flows, f"blocked by {by}")


UFW_CASES: Mapping[str, tuple[str, dict[str, str]]] = {
    "as it comes": ("true", {}),
    "a rule": (
        f"ufw deny out to {IMDS}",
        blocked({f"tcp {IMDS}:80"}, "filter ufw-user-output 1 at /etc/ufw/user.rules:21"),
    ),
    "a default": (
        "ufw default deny outgoing; ufw allow out 443/tcp; ufw allow out 80/tcp; ufw allow out 53",
        blocked({f"tcp {WIRE}:32526", f"udp {WIRE}:67"}, "filter OUTPUT policy at /etc/default/ufw:15"),
    ),
    "a default that rejects": (
        "ufw default reject outgoing; ufw allow out 53",
        blocked(
            PLATFORM - {f"udp {WIRE}:53", f"tcp {WIRE}:53"} | STORES,
            "filter ufw-reject-output 1 at /etc/default/ufw:15",
        ),
    ),
    "the user's own rules": (
        f"sed -i '/^# End required/a -A ufw-before-output -d {WIRE} -p tcp --dport 80 -j DROP' /etc/ufw/before.rules",
        blocked({f"tcp {WIRE}:80"}, "filter ufw-before-output 1 at /etc/ufw/before.rules:18"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", UFW_CASES)
def test_ufw(name: str, way: str) -> None:
    """ufw itself writes the files; on the machine its own script loads them, of an image the same text is loaded."""
    script, expected = UFW_CASES[name]
    with WAYS[way](UFW, {}) as machine:
        machine.shell(script)
        assert machine.look().boots == ()
        machine.shell(SWITCH_ON)
        facts = machine.look()
        assert [(boot.order, boot.rehearsal.error, boot.rehearsal.load_errors) for boot in facts.boots] == [
            (("ufw",), None, ())
        ]
        assert words(facts) == [expected]
        if all(" at " in found for found in expected.values()):
            assert words(booting.mended(machine, facts)) == [{}]


def test_ufw_does_not_run_the_hooks_of_the_user_and_changes_no_setting() -> None:
    with booting.running(UFW, {}) as machine:
        machine.shell(
            f"{SWITCH_ON}; echo kernel/panic=77 >> /etc/ufw/sysctl.conf; cd /etc/ufw; echo '#!/bin/sh' > before.init;"
            " echo 'touch /executed; iptables -P OUTPUT DROP' >> before.init; chmod +x before.init"
        )
        panic = machine.shell("cat /proc/sys/kernel/panic")
        facts = machine.look()
        machine.shell("test ! -e /executed")
        assert machine.shell("cat /proc/sys/kernel/panic") == panic
    assert words(facts) == [{}]
    assert [hook.path for hook in facts.hooks] == ["/etc/ufw/before.init"]


REJECTS = """<?xml version="1.0" encoding="utf-8"?>
<policy target="REJECT">
  <ingress-zone name="HOST"/>
  <egress-zone name="ANY"/>
  <service name="dns"/>
</policy>"""
DIRECT = f"""<?xml version="1.0" encoding="utf-8"?>
<direct>
  <passthrough ipv="ipv4">-t security -A OUTPUT -d {WIRE} -p tcp -m owner --uid-owner 0 -j ACCEPT</passthrough>
  <rule ipv="ipv4" table="filter" chain="OUTPUT" priority="0">-d {IMDS} -j DROP</rule>
</direct>"""
NO_OTHERS = {f"{WANTS}/netfilter-persistent.service": None}
POLICY = "/etc/firewalld/policies/guard.xml"
FIREWALLD_CASES = {
    "as it comes": ({}, {}),
    "a policy for what comes from the host": (
        {POLICY: REJECTS},
        blocked(
            PLATFORM - {f"udp {WIRE}:53", f"tcp {WIRE}:53"} | STORES, f"firewalld filter_OUT_policy_guard 6 at {POLICY}"
        ),
    ),
    "a direct rule": (
        {"/etc/firewalld/direct.xml": DIRECT},
        blocked({f"tcp {IMDS}:80"}, "filter OUTPUT 1 at /etc/firewalld/direct.xml"),
    ),
}


@pytest.mark.parametrize("name", FIREWALLD_CASES)
def test_firewalld(name: str) -> None:
    """The daemon itself makes the rules, on a bus of its own."""
    files, expected = FIREWALLD_CASES[name]
    with booting.running(PERSISTENT, {**NO_OTHERS, **files}) as machine:
        facts = machine.look()
        assert [(boot.order, boot.rehearsal.error, boot.rehearsal.load_errors) for boot in facts.boots] == [
            (("firewalld",), None, ())
        ]
        assert "table inet firewalld" in facts.boots[0].dumps[-1].text
        assert words(facts) == [expected]
        if POLICY in files:
            assert words(booting.mended(machine, facts)) == [{}]


@pytest.mark.parametrize("name", FIREWALLD_CASES)
def test_firewalld_of_an_image_is_known_only_where_it_cannot_matter(name: str) -> None:
    files, expected = FIREWALLD_CASES[name]
    with booting.mounted(PERSISTENT, {**NO_OTHERS, **files}) as machine:
        (found,) = words(machine.look())
    assert set(found) == (PLATFORM | STORES if expected else set())
    assert all("unknown firewalld makes rules for what the machine itself sends" in said for said in found.values())
