"""Random rules in a VM of the stand-in platform: the rehearsal foretells what becomes of the real connections."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from tests.netns import namespaces
from tests.netns.rulesets import rulesets
from tests.netns.standin import platform

pytestmark = pytest.mark.root

RULESETS = 40
"""For each kind of tables; a second for each."""


@pytest.mark.parametrize("backend", ["legacy", "nft"])
def test_the_rehearsal_and_the_real_connections_agree(backend: str) -> None:
    seen: Counter[str] = Counter()
    with platform() as (names, _):
        command = namespaces.inside(names["vm"], [sys.executable, "-m", "tests.netns.traffic"])
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

            @settings(
                max_examples=RULESETS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
                phases=(Phase.generate,),
            )
            @given(rulesets())
            def compare(text: str) -> None:
                note(text)
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(json.dumps([f"iptables-{backend}-restore", text]) + "\n")
                child.stdin.flush()
                for flow, said, answered in json.loads(child.stdout.readline()):
                    assert said == ("allowed" if answered else "blocked"), flow
                    seen[said] += 1

            compare()
    assert min(seen["allowed"], seen["blocked"]) > RULESETS / 2
