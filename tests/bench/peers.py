"""What people use instead, side by side on one tree: `python -m tests.bench.peers`.

A Debian 12 as Debian's own image for clouds has it, with the tools from Debian's archive in it, is inspected by each as
it is, and again with ten faults planted, all at once. A fault is found where what a tool says anew has the object of it
in it; a question is answered where the tool says anything of that object in either run. Testinfra asks nothing by
itself: the ten questions of `QUESTIONS` are ours, and what they cost is to be written. Processor time and memory are of
the second run. Nothing is asserted. Needs root, as the trees do.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.agents.cloud import CLOUD, FILES, PROBE, UUID
from tests.bench.__main__ import WEIGH
from tests.support.scratchroot import debian_tree, overlay, run_inside

TOOLS = ("lynis", "python3-testinfra")
PATIENCE_S = 1200
"""Seconds for one tool, on a machine with much else to do."""


class Fault(NamedTuple):
    """One thing that is wrong."""

    script: str
    """Run in the tree's top directory."""
    object: str
    """A pattern of what a line that speaks of it names."""
    question: str
    """The body of a test for Testinfra."""


DROPS = "table inet f { chain o { type filter hook output priority 0; ip daddr 168.63.129.16 tcp dport 80 drop; } }"
FAULTS: Mapping[str, Fault] = {
    "SSH host keys left": Fault(
        "ssh-keygen -q -t ed25519 -N '' -f etc/ssh/ssh_host_ed25519_key",
        r"ssh_host_ed25519|host key",
        "assert not host.file('/etc/ssh/ssh_host_ed25519_key').exists",
    ),
    "machine id left": Fault(
        "echo 5f0d3c3b7f6c4a0d9b3f0f6d3f1a2b4c > etc/machine-id",
        r"machine-id|machine id",
        "assert host.file('/etc/machine-id').content_string.strip() in ('', 'uninitialized')",
    ),
    "fstab waits for a disk": Fault(
        "echo '/dev/sdc1 /data ext4 defaults 0 2' >> etc/fstab",
        r"/dev/sdc1|/data\b",
        "assert '/dev/sd' not in host.file('/etc/fstab').content_string",
    ),
    "no serial console": Fault(
        "sed -i 's/ console=ttyS0,115200//' boot/grub/grub.cfg",
        r"console=|ttyS0|serial console",
        "assert 'console=ttyS0' in host.file('/boot/grub/grub.cfg').content_string",
    ),
    "root on a name of a device": Fault(
        f"sed -i 's/root=UUID={UUID}/root=\\/dev\\/vda1/' boot/grub/grub.cfg",
        r"root=|/dev/vda1",
        "assert 'root=/dev/' not in host.file('/boot/grub/grub.cfg').content_string",
    ),
    "cloud-init disabled": Fault(
        "touch etc/cloud/cloud-init.disabled",
        r"cloud-init.*disabled|disabled.*cloud-init|status: disabled",
        "assert not host.file('/etc/cloud/cloud-init.disabled').exists",
    ),
    "extensions switched off": Fault(
        "sed -i 's/^Extensions.Enabled=y/Extensions.Enabled=n/' etc/waagent.conf",
        r"Extensions.Enabled|extensions? .*(off|disabled)",
        "assert 'Extensions.Enabled=n' not in host.file('/etc/waagent.conf').content_string",
    ),
    "rules that drop the wire server": Fault(
        f"echo '{DROPS}' > etc/nftables.conf; mkdir -p etc/systemd/system/sysinit.target.wants;"
        " ln -sf /lib/systemd/system/nftables.service etc/systemd/system/sysinit.target.wants/",
        r"168\.63\.129\.16|wire server",
        "assert '168.63.129.16' not in host.file('/etc/nftables.conf').content_string",
    ),
    "a user without a password": Fault(
        "echo 'eve:x:1500:100::/home/eve:/bin/bash' >> etc/passwd; echo 'eve::19000:0:99999:7:::' >> etc/shadow",
        r"\beve\b|without (a )?password",
        "assert host.user('eve').password != ''",
    ),
    "a unit whose program is absent": Fault(
        "printf '[Service]\\nExecStart=/opt/none/run\\n[Install]\\nWantedBy=multi-user.target\\n'"
        " > etc/systemd/system/none.service; mkdir -p etc/systemd/system/multi-user.target.wants;"
        " ln -s ../none.service etc/systemd/system/multi-user.target.wants/",
        r"/opt/none|none\.service",
        "assert host.file('/opt/none/run').exists",
    ),
}
QUESTIONS = "".join(
    f"def test_{number}(host):\n    {fault.question}\n\n\n" for number, fault in enumerate(FAULTS.values())
)
ASKED = "/root/test_image.py"
INSIDE: Mapping[str, str] = {
    "lynis audit system --quick": "lynis audit system --quick --no-colors; cat /var/log/lynis-report.dat",
    "testinfra, ten tests of ours": f"py.test-3 -q -p no:cacheprovider {ASKED}",
    "cloud-init status, schema": "cloud-init status --long; cloud-init schema --system",
    "systemd-analyze verify": "systemd-analyze --man=no verify default.target multi-user.target",
}
OURS = "azpreflight check --root"
ROW = "{:32} {:>8} {:>9} {:>9} {:>7}"


class Said(NamedTuple):
    """What a tool said, and what that took."""

    lines: frozenset[str]
    cpu_s: float
    peak_mib: float


def main() -> int:
    """Measure, and print a table and what each found."""
    with prepared() as tree:
        before = said_by_all(tree)
        with overlay(tree) as broken:
            for fault in FAULTS.values():
                subprocess.run(["sh", "-ec", fault.script], cwd=broken, check=True, timeout=60)
            after = said_by_all(broken)
    print(ROW.format("Debian 12, ten faults planted", "cpu s", "peak MiB", "answered", "found"))
    for name, said in after.items():
        found, answered = speaks(said.lines - before[name].lines), speaks(said.lines | before[name].lines)
        counts = (f"{len(answered)} of 10", str(len(found)))
        print(ROW.format(name, f"{said.cpu_s:.2f}", f"{said.peak_mib:.0f}", *counts))
    for name, said in after.items():
        missed = [fault for fault in FAULTS if fault not in speaks(said.lines - before[name].lines)]
        print(f"{name} does not find: {'; '.join(missed) or 'nothing'}")
    return 0


@contextmanager
def prepared() -> Iterator[Path]:
    """The image as it is published: no host keys, no machine id, a boot menu; and the tools."""
    with overlay(debian_tree("bookworm", (*CLOUD, *TOOLS))) as root:
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        for key in root.glob("etc/ssh/ssh_host_*"):
            key.unlink()
        (root / "etc/machine-id").write_text("")
        (root / "usr/sbin/grub-probe").write_text(PROBE)
        (root / ASKED[1:]).write_text(QUESTIONS)
        done = run_inside(root, "sh", "-c", "mkdir -p /boot/grub && grub-mkconfig -o /boot/grub/grub.cfg")
        done.check_returncode()
        yield root


def said_by_all(tree: Path) -> dict[str, Said]:
    """What each says of the tree; those of the tree run in it, azpreflight on it."""
    command = [sys.executable, "-I", "-S", "-c", WEIGH, sys.executable, "-m", "azpreflight", "check", "-v"]
    command += ["--platform", "azure", "--timeout", "60", "--root", str(tree)]
    ours = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    return {OURS: read(ours), **{name: inside(tree, script) for name, script in INSIDE.items()}}


def inside(tree: Path, script: str) -> Said:
    """What a script says in the tree, without a network, on a copy: a tool may keep notes."""
    with overlay(tree) as copy:
        weigh = ("/usr/bin/python3", "-I", "-S", "-c", WEIGH, "/bin/sh", "-c", script)
        return read(run_inside(copy, *weigh, network=False, timeout=PATIENCE_S))


def read(done: subprocess.CompletedProcess[str]) -> Said:
    """What was said, without the last line, which has what it took."""
    *errors, figures = done.stderr.splitlines()
    _, cpu, peak, _ = figures.split()
    return Said(frozenset((*done.stdout.splitlines(), *errors)), float(cpu), float(peak))


def speaks(lines: frozenset[str]) -> Sequence[str]:
    """The faults whose object is named."""
    text = "\n".join(sorted(lines))
    return [name for name, fault in FAULTS.items() if re.search(fault.object, text, re.IGNORECASE)]


if __name__ == "__main__":
    sys.exit(main())
