"""What the checks of this probe have in common."""

from __future__ import annotations

WAY = ("firewall-dns", "platform-route", "wireserver-http", "network-address", "network-default-route")
