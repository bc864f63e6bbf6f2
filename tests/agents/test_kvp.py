"""The value for the host, read back by cloud-init's own reader beside what cloud-init has written itself."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from azpreflight.render import kvp as render
from azpreflight.sinks import kvp
from tests.agents.debian import PACKAGES
from tests.support.reports import BROKEN
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

POOL = "var/lib/hyperv/.kvp_pool_1"
WRITER = """
from cloudinit.reporting import events, handlers
handler = handlers.HyperVKvpReportingHandler()
handler._append_kvp_item([handler._encode_kvp_item("PROVISIONING_REPORT", "result=success")])
handler.publish_event(events.ReportingEvent("start", "azure-ds", "d" * 3000))
handler.q.join()
"""
READER = """
import json
from cloudinit.reporting import handlers
print(json.dumps(list(handlers.HyperVKvpReportingHandler()._iterate_kvps(0))))
"""


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_cloud_init_reads_what_we_write_and_we_keep_what_it_writes(suite: str) -> None:
    """Also after a second verdict, and its reader takes the pool for one of this boot."""
    with overlay(tree_for_test(suite, PACKAGES)) as root:
        pool = root / POOL
        pool.parent.mkdir(parents=True)
        pool.touch()
        assert run_inside(root, "python3", "-c", WRITER).returncode == 0
        before = pairs(root)
        kvp.write_kvp("result=unknown", str(pool))
        kvp.write_kvp(render.render(BROKEN), str(pool))
        after = pairs(root)
    assert len(before) > 2 and after[:-1] == before
    assert after[-1]["key"] == kvp.KEY
    (row,) = csv.reader([after[-1]["value"]], delimiter="|", quotechar="'")
    fields = dict(field.split("=", 1) for field in row)
    assert (fields["result"], fields["causes"]) == ("error", "guest-firewall,dns-unreachable")
    assert fields["vm_id"] == BROKEN.run.vm_id


def pairs(root: Path) -> list[dict[str, str]]:
    """What cloud-init's own reader finds in the pool."""
    done = run_inside(root, "python3", "-c", READER)
    assert done.returncode == 0, done.stderr
    read: list[dict[str, str]] = json.loads(done.stdout)
    return read
