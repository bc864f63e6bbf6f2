"""The host keys of sshd, which VMs of one image must not share.

Who replaces them differs. cloud-init deletes all of them on a new instance unless `ssh_deletekeys` is false, so that
Ubuntu's waagent leaves them alone when it deprovisions, and that is no fault. Where waagent provisions, it makes them
again only with Provisioning.RegenerateSshHostKeyPair=y, in deprovisioning and in provisioning alike (cloud-init,
cloudinit/config/cc_ssh.py; WALinuxAgent, azurelinuxagent/pa/provision/default.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.agents.facts import Provisioner
from azpreflight.probes.generalization.leftover import agents_of, config_of, leftover
from azpreflight.text import count, files

CLOUD_INIT_SSH_DIR = "/etc/ssh"
"""cloud-init deletes and makes keys here and nowhere else."""


@dataclass(frozen=True)
class HostKeyFacts:
    """Which host keys there are; never what is in them."""

    directory: str
    private: tuple[str, ...] = ()
    """Names of the private keys."""
    sshd: bool = False
    """sshd is installed, so that keys that are missing were deleted."""
    newest: Optional[float] = None
    """When the newest of them was written, in seconds since the epoch; None without keys."""


def look(host: Host, run: Run) -> HostKeyFacts:
    """The names that sshd uses."""
    directory = config_of(run).ssh_dir
    paths = host.glob(f"{directory}/ssh_host_*key")
    written = [info.modified for path in paths if (info := host.info(path)) is not None]
    return HostKeyFacts(
        directory=directory,
        private=tuple(path.rpartition("/")[2] for path in paths),
        sshd=host.info("/usr/sbin/sshd") is not None,
        newest=max(written, default=None),
    )


def replaced_by(facts: HostKeyFacts, run: Run) -> Optional[str]:
    """Who makes new keys on a new VM; None if nobody does."""
    agents = agents_of(run)
    if agents.cloud_init_provisions and agents.cloud_init.config.ssh_deletekeys:
        return "cloud-init" if facts.directory == CLOUD_INIT_SSH_DIR else None
    if agents.provisioner is Provisioner.WAAGENT and config_of(run).regenerate_ssh_host_keys:
        return "waagent"
    return None


def judge(facts: HostKeyFacts, run: Run) -> Iterator[Verdict]:
    """No host key goes into the image, or none that stays."""
    if not facts.private:
        return
    keys = f"{count(len(facts.private), 'SSH host key')} in {facts.directory}"
    who = replaced_by(facts, run)
    yield leftover(
        run,
        Severity.NOTE if who else Severity.ERROR,
        f"{keys}, which {who} replaces on a new VM" if who else f"{keys} stay valid on every VM made from this",
        "Delete the host keys; a new VM makes its own."
        if who
        else "Delete the host keys, and let an agent make new ones.",
        (f"rm -f {files([facts.directory])}/ssh_host_*key*",),
        cleaned=config_of(run).regenerate_ssh_host_keys,
        evidence={"keys": " ".join(facts.private)},
    )
