"""waagent's library directory: all that it knows of the VM it runs on.

`disable_agent` keeps the agent asleep for ever, private keys in it decrypt the protected settings of the old VM, and a
handler left as installed is not installed again: the agent only enables it, although its payload may be gone
(WALinuxAgent, azurelinuxagent/daemon/main.py, azurelinuxagent/ga/exthandlers.py).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host, HostError
from azpreflight.host.removable import AGENT_LIBRARIES, is_directory_of
from azpreflight.model import ALL_PROFILES, ALL_STAGES, Confidence, Finding, Profile, Run, Severity, Stage, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import config_of, deprovisions, leftover
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, plain, several

PRIVATE = ("*.prv", "TransportPrivate.pem", "Certificates.pem")
"""Files with a private key in them (WALinuxAgent, azurelinuxagent/common/utils/cryptutil.py)."""
SETTINGS = ("ovf-env.xml", "CustomData")
"""What the VM was created with: user name, keys, and custom data, which often has secrets."""
OWN = ("provisioned", "disable_agent", *SETTINGS)
"""Judged apart."""
STATES = ("NotInstalled", "Installed", "Enabled", "FailedUpgrade")
"""Those of a handler (WALinuxAgent, azurelinuxagent/ga/exthandlers.py, ExtHandlerState)."""
_USER_NAME = re.compile(r"<((?:\w{1,20}:)?UserName)>\s{0,99}([^<\s]{1,99})\s{0,99}</\1>", re.ASCII)


@dataclass(frozen=True)
class LibraryFacts:
    """What is in the directory, sorted by what it does."""

    path: str
    disable_agent: bool = False
    settings: tuple[str, ...] = ()
    """Those of ovf-env.xml and CustomData that are there."""
    user: Optional[str] = None
    """The user that ovf-env.xml names, whom deprovisioning deletes; None: no such file, or no name in it."""
    user_unclear: Optional[str] = None
    """Why it cannot be told whom waagent would take for the user; None where that is clear, or there is no file."""
    private_keys: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    """Handler directories whose state is anything but NotInstalled, "name: state"."""
    others: tuple[str, ...] = ()
    """Names of everything else, at most 50."""


def look(host: Host, run: Run) -> LibraryFacts:
    """One listing, the handlers' states and the user's name."""
    path = config_of(run).lib_dir
    if not is_directory_of(path, AGENT_LIBRARIES):
        raise HostError(
            f"Lib.Dir={plain(path)} in waagent.conf is no directory of waagent's own, and was not inspected"
        )
    names = host.list(path) or ()
    user, unclear = _user(host, path) if "ovf-env.xml" in names else (None, None)
    private = tuple(name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in PRIVATE))
    return LibraryFacts(
        path=path,
        disable_agent="disable_agent" in names,
        settings=tuple(name for name in names if name in SETTINGS),
        user=user,
        user_unclear=unclear,
        private_keys=private[:KEPT],
        extensions=_extensions(host, path)[:KEPT],
        others=tuple(name for name in names if name not in OWN and name not in private)[:KEPT],
    )


def _user(host: Host, path: str) -> tuple[Optional[str], Optional[str]]:
    """Whom the file names, and why that is not sure.

    By its element and not by an XML parser, because it is not to be trusted. waagent uses one, and deletes whom that
    finds: where the two could differ, nobody is to be deleted.
    """
    text = host.text(f"{path}/ovf-env.xml", SMALL) or ""
    matches = list(_USER_NAME.finditer(text))
    names = {plain(match.group(2)) for match in matches}
    user = names.pop() if len(names) == 1 else None
    if not text.strip():
        return None, None
    if user is None:
        return None, f"ovf-env.xml names {'several users' if names else 'no user'}"
    if text.count("UserName") != 2 * len(matches) or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return user, "ovf-env.xml has more in it than a user's name in its place"
    return user, None


def _extensions(host: Host, path: str) -> tuple[str, ...]:
    manifests = host.glob(f"{path}/*/HandlerManifest.json")
    states = ((manifest.split("/")[-2], _state(host, manifest)) for manifest in manifests)
    return tuple(f"{plain(name)}: {state}" for name, state in states if state != "NotInstalled")


def _state(host: Host, manifest: str) -> str:
    """One of STATES; NotInstalled where there is none, as the agent has it. Another word is not told."""
    try:
        text = host.text(manifest.replace("HandlerManifest.json", "config/HandlerState"), 4096)
    except HostError:
        return "unreadable"
    word = text.strip() if text else ""
    return word if word in STATES else "in another state" if word else "NotInstalled"


def judge(facts: LibraryFacts, run: Run) -> Iterator[Verdict]:
    """Nothing of this VM is left in the agent's library."""
    if facts.disable_agent:
        yield _asleep(facts, run)
    if run.stage is Stage.FIRSTBOOT or run.profile is Profile.SPECIALIZED:
        return
    if facts.private_keys:
        message = f"{count(len(facts.private_keys), 'file')} with a private key in {facts.path}"
        yield _found(facts, run, Severity.ERROR, message, facts.private_keys)
    if facts.settings:
        message = f"{several(facts.settings)} in {facts.path}: user name, keys and custom data of this VM"
        yield _found(facts, run, Severity.ERROR, message, facts.settings)
    if facts.extensions:
        message = f"an extension left as installed would not be installed again: {several(facts.extensions)}"
        names = tuple(entry.partition(":")[0] for entry in facts.extensions)
        yield _found(facts, run, Severity.WARNING, message, names)
    elif facts.others:
        message = f"{facts.path} is not empty: {several(facts.others)}"
        yield _found(facts, run, Severity.NOTE, message, facts.others)


def _found(facts: LibraryFacts, run: Run, severity: Severity, message: str, names: tuple[str, ...]) -> Finding:
    return leftover(
        run,
        severity,
        message,
        "Deprovision this machine, which empties the directory."
        if deprovisions(run)
        else "Delete these files: waagent, which empties the directory, does not deprovision here.",
        (f"rm -rf {files([f'{facts.path}/{name}' for name in names])}",),
        cleaned=True,
    )


def _asleep(facts: LibraryFacts, run: Run) -> Finding:
    path = f"{facts.path}/disable_agent"
    message = f"{path} exists: the agent sleeps for ever, and extensions never run"
    commands = (f"rm -f {files([path])}",)
    if run.stage is Stage.FIRSTBOOT:
        return Finding(
            Severity.WARNING,
            message,
            "Remove the file and restart the agent, unless the VM was deployed without guest agent on purpose.",
            commands,
            confidence=Confidence.LIKELY,
            confidence_reason="the agent makes the file itself where a VM is deployed without guest agent",
        )
    return leftover(run, Severity.ERROR, message, "Remove the file.", commands, cleaned=True)


CHECKS = (
    check(
        "gen-waagent-library",
        "waagent's state directory holds nothing of this VM",
        part("library", judge),
        ERROR,
        stages=ALL_STAGES,
        profiles=ALL_PROFILES,
    ),
)
