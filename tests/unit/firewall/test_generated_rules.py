"""Which chains and rules running programs make again after each boot."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.firewall import generated_rules

DOCKER = ("docker",)


@pytest.mark.parametrize(
    ("chain", "programs", "is_made"),
    [
        ("DOCKER-USER", DOCKER, True),
        ("DOCKER-USER", (), False),
        ("KUBE-SERVICES", ("kube-proxy",), True),
        ("cali-FORWARD", ("kube-proxy",), True),
        ("f2b-sshd", ("fail2ban",), True),
        ("OUTPUT", DOCKER, False),
    ],
)
def test_chains(chain: str, programs: tuple[str, ...], is_made: bool) -> None:
    assert generated_rules.chain_is_made("filter", chain, programs) is is_made


@pytest.mark.parametrize(
    ("table", "chain", "maker"),
    [
        ("filter", "DOCKER-USER", "docker"),
        ("filter", "KUBE-FIREWALL", "kube-proxy"),
        ("filter", "ts-input", "tailscale"),
        ("filter", "f2b-sshd", "fail2ban"),
        ("filter", "ufw-user-output", "ufw"),
        ("firewalld", "filter_OUT_public", "firewalld"),
        ("wg-quick-wg0", "preraw", "wg-quick"),
        ("filter", "OUTPUT", None),
        ("guard", "output", None),
    ],
)
def test_makers(table: str, chain: str, maker: Optional[str]) -> None:
    assert generated_rules.maker(table, chain) == maker


@pytest.mark.parametrize(
    ("line", "is_made"),
    [
        ("-A FORWARD -j DOCKER-USER", True),
        ("-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", True),
        ("-A POSTROUTING -s 10.5.0.0/16 ! -o br-2f1c0a9b7d34 -j MASQUERADE", True),
        ('oifname "docker0" counter jump DOCKER', True),
        ("-A OUTPUT -d 168.63.129.16/32 -p tcp -j DROP", False),
        ('-A INPUT -m comment --comment "not for DOCKER" -j ACCEPT', False),
        ("-A FORWARD -o br0 -j ACCEPT", False),
    ],
)
def test_rules_in_chains_that_everybody_has(line: str, is_made: bool) -> None:
    assert generated_rules.line_is_made(line, DOCKER) is is_made
    assert not generated_rules.line_is_made(line, ())


def test_docker_alone_closes_forward() -> None:
    assert generated_rules.policy_is_made("FORWARD", DOCKER)
    assert not generated_rules.policy_is_made("OUTPUT", DOCKER)
    assert not generated_rules.policy_is_made("FORWARD", ("fail2ban",))
