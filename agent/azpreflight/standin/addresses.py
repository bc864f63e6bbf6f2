"""Who has which address: the platform's own, and those of a virtual network around one VM.

Real public addresses are used beside the platform's, so that an agent runs unchanged.
"""

from __future__ import annotations

from azpreflight.azure import addresses as platform

WIRE_SERVER, IMDS = platform.WIRE_SERVER, platform.IMDS
VM = "10.0.0.4"
GATEWAY = "10.0.0.1"
PREFIX_LENGTH = 24
VM_IPV6, GATEWAY_IPV6 = "fd00:a::4", "fd00:a::1"
"""Where the virtual network has IPv6 as well."""
PROXY = "10.0.0.8"
STORE = "20.60.0.10"
PUBLIC = "20.60.0.20"
"""Every public host that is no package account."""

WIRE_PORT, HOST_PLUGIN_PORT = 80, platform.HOST_PLUGIN_PORT
HTTP, HTTPS, DNS, DHCP, NTP, PROXY_PORT = 80, 443, 53, 67, 123, 3128
DHCPV6 = 547
