"""sudo rights that the agents wrote for users of the build VM.

waagent drops its line when it deletes the user, cloud-init appends and never takes away, and
azure-init overwrites its file on the next VM. A rule for somebody who is
gone waits for the next user of that name, who then is root without a password (WALinuxAgent,
azurelinuxagent/common/osutil/default.py; cloud-init, cloudinit/distros/__init__.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.leftover import config_of, leftover
from azpreflight.text import files, plain, several

WAAGENT_FILE = "waagent"
AZURE_INIT_FILE = "azure-init-user"
CLOUD_INIT_FILE = "90-cloud-init-users"


@dataclass(frozen=True)
class SudoersFacts:
    """Whom each of the agents' files gives rights to; None: the file is not there."""

    directory: str
    waagent: tuple[str, ...] = ()
    """Names of users and %groups; empty: no such file, or no rule in it."""
    cloud_init: tuple[str, ...] = ()
    azure_init: tuple[str, ...] = ()


def look(host: Host, run: Run) -> SudoersFacts:
    """The first word of every rule. HostError without root."""
    directory = config_of(run).sudoers_dir
    names = (WAAGENT_FILE, CLOUD_INIT_FILE, AZURE_INIT_FILE)
    waagent, cloud_init, azure_init = (users(host.text(f"{directory}/{name}", SMALL) or "") for name in names)
    return SudoersFacts(directory, waagent, cloud_init, azure_init)


def users(text: str) -> tuple[str, ...]:
    """Whom the rules are for, in order (sudoers(5)); settings and aliases are no rules."""
    words = (line.split() for line in text.splitlines() if not line.lstrip().startswith(("#", "Defaults", "@")))
    return tuple(dict.fromkeys(plain(row[0]) for row in words if len(row) > 1 and not row[0].endswith("_Alias")))


def judge(facts: SudoersFacts, user: Optional[str], run: Run) -> Iterator[Verdict]:
    """No rule of this machine's users goes into the image; `user` is the one whom ovf-env.xml names.

    Deprovisioning takes that user's line out of waagent's file, and nobody else's.
    """
    deleted = user is not None and set(facts.waagent) == {user}
    for name, named, cleaned in (
        (WAAGENT_FILE, facts.waagent, deleted),
        (CLOUD_INIT_FILE, facts.cloud_init, False),
        (AZURE_INIT_FILE, facts.azure_init, False),
    ):
        if named:
            path = f"{facts.directory}/{name}"
            yield leftover(
                run,
                Severity.WARNING,
                f"{path} makes {several(named)} root; a later user of that name gets the same",
                "Delete the file; the agent writes it again for the user of the next VM.",
                (f"rm -f {files([path])}",),
                cleaned=cleaned,
            )
