"""What programs make of the rules while the machine runs: they make it again after each boot, so nobody need save it.

A container engine has chains of its own, jumps to them from the chains that everybody has, and masquerades behind its
bridges. Saved with the rest and loaded before the engine starts, such rules are there twice, or name bridges that are
gone. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Optional

from azpreflight.firewall.other_filters import PROGRAMS

INTERFACES = {
    "docker": re.compile(r"\b(?:docker0|docker_gwbridge|br-[0-9a-f]{12})\b"),
    "podman": re.compile(r"\b(?:podman\d+|cni-podman\d+)\b"),
    "kube-proxy": re.compile(r"\b(?:cni0|flannel\.1|cali[0-9a-f]{11}|cilium_\w+)\b"),
    "k3s": re.compile(r"\b(?:cni0|flannel\.1)\b"),
    "libvirt": re.compile(r"\bvirbr\d+\b"),
    "tailscale": re.compile(r"\btailscale0\b"),
}
"""The interfaces that these programs make, in the rules that they put into other chains."""
MORE_CHAINS = {"kube-proxy": ("FLANNEL-", "cali-", "CNI-", "CILIUM_"), "k3s": ("FLANNEL-", "CNI-", "KUBE-")}
"""Chains of what comes with them, by their beginnings."""
CLOSES_FORWARD = ("docker",)
"""Programs that set the policy of FORWARD to DROP."""


FRONT_ENDS = {"ufw": ("ufw-", "ufw6-"), "firewalld": ("firewalld",)}
"""Front ends whose rules are saved and loaded at boot, by their chains or tables."""
TABLES = {"podman": ("netavark",), "libvirt": ("libvirt_",), "kube-proxy": ("kube-proxy",), "fail2ban": ("f2b-",)}
"""Tables in nft's own language, where they begin otherwise than the chains."""


def maker(table: str, chain: str) -> Optional[str]:
    """The program that makes a chain, or a table, of that name; None for a name that is nobody's."""
    if chain.startswith("KUBE-"):
        return "kube-proxy"
    every = {name: (*_beginnings([name]), *TABLES.get(name, ())) for name in PROGRAMS} | FRONT_ENDS
    return next((name for name, words in every.items() if chain.startswith(words) or table.startswith(words)), None)


def _beginnings(programs: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for name in programs for word in (PROGRAMS[name][1], *MORE_CHAINS.get(name, ())))


def chain_is_made(table: str, chain: str, programs: Sequence[str]) -> bool:
    """The chain, or its table, belongs to one of these programs."""
    tables = tuple(word for name in programs for word in TABLES.get(name, ()))
    return chain.startswith(_beginnings(programs)) or table.startswith((*_beginnings(programs), *tables))


def line_is_made(line: str, programs: Sequence[str]) -> bool:
    """The rule jumps to a chain of theirs, or speaks of an interface of theirs."""
    words = line.replace("{", " ").split()
    targets = [after for word, after in zip(words, words[1:]) if word in ("-j", "-g", "jump", "goto")]
    if any(target.startswith(_beginnings(programs)) for target in targets):
        return True
    return any(INTERFACES[name].search(line) for name in programs if name in INTERFACES) or (
        "wg-quick" in programs and "wg-quick(8) rule" in line
    )


def policy_is_made(chain: str, programs: Sequence[str]) -> bool:
    """The policy DROP of this chain is what one of them sets."""
    return chain == "FORWARD" and any(name in CLOSES_FORWARD for name in programs)
