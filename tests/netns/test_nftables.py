"""The kernel's count of nft tables in a namespace of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.netns import namespaces

pytestmark = pytest.mark.root

COUNT = "from azpreflight.host import nft_tables; print(nft_tables.tables(2.0))"


def test_tables_of_every_family_are_counted() -> None:
    names = namespaces.new_names(["nft"])
    name = names["nft"]
    namespaces.create([name])
    try:
        counts = []
        for command in ("true", "nft add table inet a", "iptables-nft -A OUTPUT -j ACCEPT", "nft add table bridge b"):
            namespaces.shell(name, command)
            done = subprocess.run(
                namespaces.inside(name, [sys.executable, "-c", COUNT]), check=True, capture_output=True, timeout=20
            )
            counts.append(int(done.stdout))
        assert counts == [0, 1, 2, 3]
    finally:
        namespaces.remove([name])
