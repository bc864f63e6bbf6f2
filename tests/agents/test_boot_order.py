"""Real trees, and what their own systemd says of the order of a boot: the same cycles are found, and no other."""

from __future__ import annotations

import pytest

from azpreflight.guest import boot_jobs, unit_order
from azpreflight.host import LocalHost
from tests.agents.cloud import CLOUD
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

ETC = "etc/systemd/system/"


def own(unit: str, by: str = "multi-user.target", name: str = "own.service") -> dict[str, str]:
    """A service of one's own, enabled."""
    start = "" if not name.endswith(".service") else "[Service]\nType=oneshot\nExecStart=/bin/true\n"
    return {f"{ETC}{name}": f"[Unit]\n{unit}\n{start}", f"{ETC}{by}.wants/{name}": f"-> /{ETC}{name}"}


def drop_in(name: str, unit: str) -> dict[str, str]:
    """A line more in a unit of a package."""
    return {f"{ETC}{name}.d/a.conf": f"[Unit]\n{unit}\n"}


STATES = {
    "as installed": {},
    "before sysinit": own("Before=sysinit.target"),
    "before sysinit, without defaults": own("Before=sysinit.target\nDefaultDependencies=no", "sysinit.target"),
    "before cloud-init": own("Before=cloud-init-local.service"),
    "before the network": own("Before=network-pre.target\nWants=network-pre.target"),
    "with the sockets": own("", "sockets.target"),
    "with sysinit": own("", "sysinit.target"),
    "with sysinit, after the network": own(
        "After=network-online.target\nWants=network-online.target", "sysinit.target"
    ),
    "with basic, after the end": own("After=multi-user.target", "basic.target"),
    "after the end": own("After=multi-user.target"),
    "each after the other": {**own("After=b.service"), **own("After=own.service", name="b.service")},
    "cloud-init after the end": drop_in("cloud-init-local.service", "After=multi-user.target"),
    "cloud-init after the agent": drop_in("cloud-init-local.service", "After=walinuxagent.service"),
    "the agent after cloud-init": drop_in("walinuxagent.service", "After=cloud-final.service"),
    "the agent before cloud-init": drop_in("walinuxagent.service", "Before=cloud-init-local.service"),
    "ssh before sysinit": drop_in("ssh.service", "Before=sysinit.target"),
    "sysinit after ssh": drop_in("sysinit.target", "After=ssh.service"),
    "the last stage before basic": drop_in("cloud-final.service", "Before=basic.target"),
    "a mount after the network": {
        **own("After=network-online.target\nWants=network-online.target", "local-fs.target", "data.mount"),
        f"{ETC}data.mount.d/a.conf": "[Mount]\nWhat=/dev/sdc1\nWhere=/data\n",
    },
}


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_cycles_are_those_of_systemd(suite: str) -> None:
    """In every state there is one by the image's files exactly where `systemd-analyze verify` drops a job."""
    tree = tree_for_test(suite, CLOUD)
    found: dict[str, bool] = {}
    expected: dict[str, bool] = {}
    for state, files in STATES.items():
        with overlay(tree) as root:
            started = {
                f"{ETC}multi-user.target.wants/cloud-init.target": "-> /usr/lib/systemd/system/cloud-init.target"
            }
            for path, text in {**started, **files}.items():
                place = root / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)
                if text.startswith("-> "):
                    place.symlink_to(text[3:])
                else:
                    place.write_text(text)
            done = run_inside(root, "systemd-analyze", "verify", "--man=no", "default.target")
            expected[state] = "ordering cycle" in done.stdout + done.stderr
            jobs = boot_jobs.jobs(LocalHost(str(root)))
            assert jobs is not None
            found[state] = bool(unit_order.cycles(jobs.order))
    assert found == expected
    assert any(found.values())
    assert not found["as installed"]
