"""Commands that a finding prints, run in a real Debian tree in the state that the finding speaks of.

Those that any tree can take are run by the tests of the probes; here are those that need the distribution's own
programs. After them the finding is gone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.host import LocalHost
from azpreflight.model import Finding, Platform, Run, Stage
from azpreflight.probes import with_needs
from tests.agents.cloud import CLOUD, FILES, PROBE
from tests.support.examples import CHECKS
from tests.support.judging import findings
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
DEAD = "ln -sf /dev/null etc/systemd/system/{}"
DROP_IN = "mkdir -p etc/systemd/system/{0}.d && printf '{1}' > etc/systemd/system/{0}.d/x.conf"
SERVES = "ssh-keygen -A -f . && mkdir -p run/sshd && echo 'PermitRootLogin maybe' > etc/ssh/sshd_config.d/10-x.conf"
STATES = {
    "ssh-start": DEAD.format("ssh.service"),
    "agents-config": DEAD.format("walinuxagent.service"),
    "agents-stages": DEAD.format("cloud-config.service"),
    "boot-target": DEAD.format("systemd-user-sessions.service"),
    "boot-nic": "ln -sf /dev/null etc/systemd/system/networking.service;"
    "rm -f etc/systemd/system/*.wants/systemd-networkd.service",
    "clock-service": "rm -f etc/systemd/system/multi-user.target.wants/chrony.service;"
    "rm -f etc/systemd/system/chronyd.service;"
    "rm -f etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service",
    "login-sshd": SERVES,
    "login-sudo": "echo 'packer NOPASSWD' > etc/sudoers.d/50-x && chmod 440 etc/sudoers.d/50-x",
    "login-modes": "chmod 777 etc/sudoers home && chown 1000 etc/sudoers",
    "login-gates": "sed -i 's/^root:[^:]*:[^:]*:[^:]*:[^:]*/root:*:0:0:60/' etc/shadow",
    "login-names": "echo azureuser:x:890: >> etc/group && echo toor:x:0:0::/root:/bin/sh >> etc/passwd",
    "gen-users": "chroot . useradd -m packer && chroot . usermod -p '$6$abcdefgh$0123456789' packer",
    "boot-entry": "rm -f lib/modules/*/modules.dep* && printf 'RESUME=UUID=77\\n' > etc/initramfs-tools/conf.d/resume",
    "boot-console": "sed -i 's/ console=ttyS0,115200//' boot/grub/grub.cfg etc/default/grub.d/*.cfg",
    "boot-units": "mkdir -p etc/systemd/system/graphical.target.wants && cd etc/systemd/system &&"
    " mv multi-user.target.wants/walinuxagent.service graphical.target.wants/ &&"
    " ln -sf /lib/systemd/system/multi-user.target default.target && cd ../../.. && "
    + DROP_IN.format("cloud-init-local.service", "[Unit]\\nConditionVirtualization=kvm\\n"),
    "boot-filesystems": "echo 'install vfat /bin/true' > etc/modprobe.d/cis.conf",
}
"""By check, what puts the tree into the state."""
OF_THE_ARCHIVE = ("apt-get",)
"""Not run here: they fetch packages from an archive."""


@pytest.fixture(scope="module", name="image")
def published() -> Iterator[Path]:
    """The image as its build leaves it."""
    with overlay(tree_for_test("bookworm", CLOUD)) as root:
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        for key in root.glob("etc/ssh/ssh_host_*"):
            key.unlink()
        (root / "etc/machine-id").write_text("")
        (root / "usr/sbin/grub-probe").write_text(PROBE)
        done = run_inside(root, "sh", "-c", "mkdir -p /boot/grub && grub-mkconfig -o /boot/grub/grub.cfg")
        assert done.returncode == 0, done.stderr
        yield root


def found(root: Path, check: str) -> tuple[Finding, ...]:
    """What the check says of the tree."""
    probes = with_needs({"agents", CHECKS[check][0].name})
    return tuple(findings(assess(gather(LocalHost(str(root), 60.0), probes, RUN), probes), check))


@pytest.mark.parametrize("check", STATES)
def test_the_commands_fix_the_state(image: Path, check: str) -> None:
    """Every one of them ends well, and nothing that had commands is said any more."""
    with overlay(image) as root:
        before = {one.message for one in found(root, check)}
        subprocess.run(["sh", "-c", STATES[check]], cwd=root, check=True, timeout=60, capture_output=True)
        told = [one for one in found(root, check) if one.message not in before]
        assert told
        for command in (command for one in told for command in one.commands):
            if command.split()[0] not in OF_THE_ARCHIVE:
                done = run_inside(root, "sh", "-c", command)
                assert done.returncode == 0, (command, done.stderr)
        left = {one.message for one in found(root, check)} - before
        assert not left & {one.message for one in told if one.commands}
