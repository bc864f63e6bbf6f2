"""Credentials of people and services in homes: tokens of clouds, registries and repositories, keys of any kind.

Whoever starts a VM from the image has them, and they stay valid. A file is named for where it is, and where its kind
also has harmless ones, for a word that is in it; nothing of what it holds is kept. The list of names is closed; keys
are found by their first line, wherever in a home they lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import FileKind, Host, HostError
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import WARNING, check
from azpreflight.probes.generalization.leftover import leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, several

HOMES = ("/root", "/home/*")
PLAIN = (
    *(".azure/msal_token_cache.*", ".azure/accessTokens.json", ".azure/service_principal_entries.*"),
    *(".azure/azureProfile.json", ".aws/credentials", ".aws/sso/cache/*.json", ".git-credentials"),
    *(".config/git/credentials", ".netrc", "_netrc", ".gnupg/private-keys-v1.d/*", ".gnupg/secring.gpg"),
    *(".config/gcloud/credentials.db", ".config/gcloud/access_tokens.db", ".vault-token", ".pgpass", ".dockercfg"),
    *(".config/gcloud/application_default_credentials.json", ".terraform.d/credentials.tfrc.json", ".boto", ".s3cfg"),
    *(".config/containers/auth.json", ".cargo/credentials*", ".gem/credentials", ".config/rclone/rclone.conf"),
    *(
        ".azure/devops.token*",
        ".oci/config",
        ".config/doctl/config.yaml",
        ".config/gh/hosts.yml",
        ".kube/cache/oidc-login/*",
    ),
)
"""Files that hold a credential whenever they are there."""
WITH_WORD = {
    ".docker/config.json": ("auth",),
    ".kube/config": ("token", "client-key-data", "password"),
    ".npmrc": ("_auth",),
    ".pypirc": ("password",),
    ".my.cnf": ("password",),
    ".m2/settings.xml": ("<password>",),
    ".config/pip/pip.conf": ("://", "@"),
}
"""Files that hold one where a word is in them."""
KEY_PLACES = ("*", ".*", "*/*", ".*/*")
"""Where in a home keys are looked for; ~/.ssh is judged with gen-private-keys."""
MAX_LOOKED_AT = 400
"""Files whose first line is read."""
KEY_SIZE = 64 * 1024
HEADS = (b"-----BEGIN ", b"PuTTY-User-Key-File")
KNOWN_HOSTS = (".ssh/known_hosts", ".ssh/known_hosts.old")


@dataclass(frozen=True)
class CredentialFacts:
    """Paths; nothing of what they hold."""

    credentials: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Private keys outside of ~/.ssh."""
    known_hosts: tuple[str, ...] = ()
    capped: bool = False
    """There were more files than are inspected."""


def look(host: Host, run: Run) -> CredentialFacts:
    """Names, sizes, words, and first lines. HostError without root."""
    found = [path for home in HOMES for name in PLAIN for path in host.glob(f"{home}/{name}") if _filled(host, path)]
    for name, words in WITH_WORD.items():
        paths = [path for home in HOMES for path in host.glob(f"{home}/{name}")]
        found += [path for path in paths if all_of(host, path, words)]
    places = matching(host, [f"{home}/{place}" for home in HOMES for place in KEY_PLACES])
    looked = [path for path in places if "/.ssh/" not in path and _filled(host, path, KEY_SIZE)]
    known = [path for home in HOMES for name in KNOWN_HOSTS for path in host.glob(f"{home}/{name}")]
    return CredentialFacts(
        credentials=tuple(dict.fromkeys(found))[:KEPT],
        keys=tuple(path for path in looked[:MAX_LOOKED_AT] if is_key(host, path) and path not in found)[:KEPT],
        known_hosts=tuple(path for path in known if _filled(host, path))[:KEPT],
        capped=len(looked) > MAX_LOOKED_AT,
    )


def _filled(host: Host, path: str, limit: Optional[int] = None) -> bool:
    info = host.info(path, follow=False)
    return info is not None and info.kind is FileKind.FILE and 0 < info.size <= (limit or 1 << 40)


def all_of(host: Host, path: str, words: tuple[str, ...]) -> bool:
    """One of the words is in it; of the pair of an address with a password, both."""
    try:
        text = host.text(path, SMALL) or ""
    except HostError:
        return True
    return all(word in text for word in words) if "@" in words else any(word in text for word in words)


def is_key(host: Host, path: str) -> bool:
    """Its first line is that of a private key."""
    try:
        first = (host.read(path, KEY_SIZE) or b"").lstrip()[:80].split(b"\n")[0]
    except HostError:
        return False
    return first.startswith(HEADS[1]) or (first.startswith(HEADS[0]) and b"PRIVATE KEY" in first)


def judge(facts: CredentialFacts, run: Run) -> Iterator[Verdict]:
    """No credential of a person or a service goes into the image."""
    if facts.credentials:
        message = f"{count(len(facts.credentials), 'file')} with credentials in homes: {several(facts.credentials)}"
        yield _found(run, Severity.WARNING, message, facts.credentials)
    if facts.keys:
        message = f"{count(len(facts.keys), 'private key')} in homes: {several(facts.keys)}"
        yield _found(run, Severity.WARNING, message, facts.keys)
    if facts.known_hosts:
        message = f"names of other machines are left: {several(facts.known_hosts)}"
        yield _found(run, Severity.NOTE, message, facts.known_hosts)


def _found(run: Run, severity: Severity, message: str, paths: tuple[str, ...]) -> Verdict:
    fix = "Delete the files, and withdraw the credentials that were in an image already."
    return leftover(run, severity, message, fix, (f"rm -f {files(paths)}",), cleaned=False)


CHECKS = (
    check(
        "gen-credentials",
        "no credential of the kinds known here, and no private key, is in a home",
        part("credentials", judge),
        WARNING,
    ),
)
