"""Who makes an interface: by its name, as each program calls them, and by the kernel's word for its kind. Pure."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.host import Routing

_BY_NAME = (
    ("docker", re.compile(r"docker\d+|docker_gwbridge|br-[0-9a-f]{12}")),
    ("kubernetes", re.compile(r"cni\d+|flannel[.\w-]*|cali[0-9a-f]+|vxlan\.calico|cilium_\w+|kube-\w+|weave|azure\d+")),
    ("podman", re.compile(r"podman\d+|cni-podman\d+")),
    ("libvirt", re.compile(r"virbr\d+")),
    ("LXD", re.compile(r"lxdbr\d+|lxcbr\d+|incusbr\d+")),
    ("Tailscale", re.compile(r"tailscale\d+")),
    ("ZeroTier", re.compile(r"zt[0-9a-z]{8}")),
    ("NetBird", re.compile(r"wt\d+")),
    ("WireGuard", re.compile(r"wg\d+|wg-[\w-]+")),
    ("a VPN", re.compile(r"tun\d+|tap\d+|ppp\d+|utun\d+|vpn\w*|gpd\d+|cscotun\d+|nordlynx|proton\d+")),
)
"""The names that these programs give by themselves, in their sources or documentation."""
_BY_KIND = {"wireguard": "WireGuard", "tun": "a VPN", "ppp": "a VPN", "bridge": "a bridge of this machine"}
CONTAINERS = ("docker", "kubernetes", "podman", "libvirt", "LXD", "a bridge of this machine")
"""Owners of networks inside this machine; the others lead out of it by a way of their own."""


def owner(interface: Optional[str], routing: Routing) -> Optional[str]:
    """The program that an interface belongs to; None for a NIC, and for what nobody is known to make."""
    if interface is None:
        return None
    named = next((who for who, pattern in _BY_NAME if pattern.fullmatch(interface)), None)
    kind = next((link.kind for link in routing.links if link.name == interface), None)
    return named or _BY_KIND.get(kind or "")
