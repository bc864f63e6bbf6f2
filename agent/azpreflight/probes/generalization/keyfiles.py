"""SSH keys in home directories: who may come in, and what opens other machines.

cloud-init puts the image's user's keys into root's authorized_keys too, with a command in front that refuses the login;
those let nobody in. A private key in a home is worse than any of them: it stays valid wherever it is trusted
(cloud-init, cloudinit/config/cc_ssh.py and cloudinit/ssh_util.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, several

REFUSED = "Please login as"
"""In the command that cloud-init puts before the keys of an account that is not to be logged in to."""
ROOT_HOME = "/root"


@dataclass(frozen=True)
class Keys:
    """How many keys an authorized_keys has; never one of them."""

    usable: int = 0
    refused: int = 0
    """Keys whose command turns the caller away."""


@dataclass(frozen=True)
class KeyFileFacts:
    """Keys of root, of homes that belong to nobody, and private keys in any home."""

    root: Keys
    orphaned: tuple[str, ...] = ()
    """authorized_keys in a home that no account in passwd has."""
    private: tuple[str, ...] = ()
    """Files that begin as a private key does."""


def look(host: Host, run: Run) -> KeyFileFacts:
    """What is in /root and under /home. HostError without root."""
    homes = (ROOT_HOME, *matching(host, ("/home/*",)))
    known = {
        line.split(":")[5] for line in (host.text("/etc/passwd", SMALL) or "").splitlines() if line.count(":") == 6
    }
    orphans = [home for home in homes[1:] if home not in known and authorized(host, home).usable]
    private = (path for home in homes for path in host.glob(f"{home}/.ssh/*") if is_private(host, path))
    return KeyFileFacts(
        root=authorized(host, ROOT_HOME),
        orphaned=tuple(f"{home}/.ssh/authorized_keys" for home in orphans)[:KEPT],
        private=tuple(private)[:KEPT],
    )


def authorized(host: Host, home: str) -> Keys:
    """The keys of a home's authorized_keys files."""
    texts = (host.text(f"{home}/.ssh/{name}", SMALL) or "" for name in ("authorized_keys", "authorized_keys2"))
    lines = [line.strip() for text in texts for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    refused = sum(REFUSED in key for key in keys)
    return Keys(len(keys) - refused, refused)


def is_private(host: Host, path: str) -> bool:
    """It begins with -----BEGIN ... PRIVATE KEY-----, which is all that is inspected."""
    info = host.info(path, follow=False)
    if info is None or info.kind.value != "file" or not 0 < info.size <= SMALL:
        return False
    first = (host.read(path, SMALL, follow=False) or b"").lstrip()[:80].split(b"\n")[0]
    return first.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in first


def judge_authorized(facts: KeyFileFacts, run: Run) -> Iterator[Verdict]:
    """No key of this machine's people opens root's account or a home without an owner."""
    path = f"{ROOT_HOME}/.ssh/authorized_keys"
    if facts.root.usable:
        message = f"{count(facts.root.usable, 'key')} in {path} can log in as root"
        yield _finding(run, Severity.ERROR, message, (path,))
    elif facts.root.refused:
        message = f"{count(facts.root.refused, 'key')} in {path}, which cloud-init's command refuses"
        yield _finding(run, Severity.NOTE, message, (path,))
    if facts.orphaned:
        message = f"authorized keys in a home without an account: {several(facts.orphaned)}"
        yield _finding(run, Severity.WARNING, message, facts.orphaned)


def judge_private(facts: KeyFileFacts, run: Run) -> Iterator[Verdict]:
    """No private key of a person goes into the image."""
    if facts.private:
        message = f"{count(len(facts.private), 'private SSH key')} in a home: {several(facts.private)}"
        yield _finding(run, Severity.ERROR, message, facts.private)


def _finding(run: Run, severity: Severity, message: str, paths: tuple[str, ...]) -> Verdict:
    return leftover(run, severity, message, "Delete the file.", (f"rm -f {files(paths)}",), cleaned=False)


CHECKS = (
    check(
        "gen-authorized-keys",
        "no authorized SSH key for root or in an orphaned home directory",
        part("key_files", judge_authorized),
        ERROR,
    ),
    check(
        "gen-private-keys",
        "no private SSH key is left in a home directory",
        part("key_files", judge_private),
        ERROR,
    ),
)
