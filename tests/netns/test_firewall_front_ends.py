"""Rules that ufw and firewalld really made, live: each flow is decided, and the rule of theirs is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from azpreflight.model import codec
from tests.netns.booting import PERSISTENT, UFW, Machine, running
from tests.netns.guest import Look
from tests.netns.vm import CHECKOUT

pytestmark = pytest.mark.root

WIRE, IMDS = "168.63.129.16", "169.254.169.254"
LOOK = f"import sys; sys.path.insert(0, '{CHECKOUT}'); from tests.netns import guest; guest.main()"
BUS = """
cat > /tmp/bus.conf <<'END'
<busconfig><type>system</type><listen>unix:path=/run/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy></busconfig>
END
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus
dbus-daemon --config-file=/tmp/bus.conf --fork --nopidfile >/dev/null 2>&1
firewalld --nopid >/dev/null 2>&1
for _ in $(seq 100); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.1; done
"""


@pytest.fixture(name="ufw")
def machine_with_ufw() -> Iterator[Machine]:
    with running(UFW, {}) as machine:
        yield machine


@pytest.fixture(name="firewalld")
def machine_with_firewalld() -> Iterator[Machine]:
    with running(PERSISTENT, {}) as machine:
        yield machine


def look(machine: Machine) -> Look:
    found: Look = codec.decode(Look, json.loads(machine.shell(f'{sys.executable} -c "{LOOK}"')))
    return found


def ufw_with(machine: Machine, backend: str, *rules: str) -> dict[str, str]:
    machine.shell(f"update-alternatives --set iptables /usr/sbin/iptables-{backend} >/dev/null")
    machine.shell(f"update-alternatives --set ip6tables /usr/sbin/ip6tables-{backend} >/dev/null")
    machine.shell("\n".join([*(f"ufw {rule} >/dev/null" for rule in rules), "ufw --force enable >/dev/null 2>&1"]))
    return look(machine).summary


@pytest.mark.parametrize("backend", ["legacy", "nft"])
def test_ufw_as_it_comes_stops_nothing(ufw: Machine, backend: str) -> None:
    assert ufw_with(ufw, backend) == {}


@pytest.mark.parametrize("backend", ["legacy", "nft"])
def test_a_rule_of_ufws_user_is_named(ufw: Machine, backend: str) -> None:
    assert ufw_with(ufw, backend, f"deny out to {IMDS}", "reject out 443/tcp") == {
        f"tcp {IMDS}:80": "blocked by filter ufw-user-output 1",
        "tcp 20.60.0.10:443": "blocked by filter ufw-user-output 2",
    }


def test_firewalld_as_it_comes_stops_nothing(firewalld: Machine) -> None:
    firewalld.shell(BUS)
    assert look(firewalld).summary == {}


def test_a_policy_of_firewalld_is_named(firewalld: Machine) -> None:
    firewalld.shell(
        f"{BUS}\nfirewall-cmd -q --permanent --new-policy out\n"
        "firewall-cmd -q --permanent --policy out --add-ingress-zone HOST\n"
        "firewall-cmd -q --permanent --policy out --add-egress-zone ANY\n"
        "firewall-cmd -q --permanent --policy out --add-rich-rule"
        f" 'rule family=ipv4 destination address={WIRE} port port=32526 protocol=tcp reject'\n"
        "firewall-cmd -q --reload"
    )
    assert look(firewalld).summary == {f"tcp {WIRE}:32526": "blocked by firewalld filter_OUT_policy_out_deny 1"}
