"""Rules in a guest and the flows that they stop."""

from __future__ import annotations

from tests.netns.guest import FLOWS

WIRE = "168.63.129.16"
EVERY = {flow.text for flow in FLOWS}
REMOTE = EVERY - {"udp 127.0.0.53:53"}


def all_of(texts: set[str], words: str) -> dict[str, str]:
    return dict.fromkeys(texts, words)
