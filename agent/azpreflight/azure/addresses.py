"""Where the platform is, the same for every VM.

Sources: Microsoft Learn, "What is IP address 168.63.129.16?" and "Azure Instance Metadata Service"; the port of the
HostGAPlugin is in WALinuxAgent (common/protocol/hostplugin.py). Messages name the addresses in their own words, so that
a search for what a console showed finds its line.
"""

from __future__ import annotations

WIRE_SERVER = "168.63.129.16"
"""The wire server (TCP 80), the HostGAPlugin, the platform's DNS and DHCP."""
HOST_PLUGIN_PORT = 32526
"""TCP, at the wire server's address."""
IMDS = "169.254.169.254"
"""The instance metadata service (TCP 80)."""
PLATFORM = (WIRE_SERVER, IMDS)
