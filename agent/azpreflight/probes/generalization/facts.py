"""All subjects of the probe, gathered so that one that cannot be inspected does not take the others with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes import subjects
from azpreflight.probes.generalization import (
    accounts,
    cloud_init_state,
    credentials,
    dumps,
    enrolment,
    histories_and_logs,
    hostkeys,
    keyfiles,
    leases,
    machine_identity,
    mounts,
    network,
    other_leftovers,
    own_files,
    provisioned_marker,
    resolver,
    sudoers,
    waagent_state,
)
from azpreflight.probes.generalization.accounts import AccountFacts
from azpreflight.probes.generalization.cloud_init_state import CloudStateFacts
from azpreflight.probes.generalization.credentials import CredentialFacts
from azpreflight.probes.generalization.dumps import DumpFacts
from azpreflight.probes.generalization.enrolment import EnrolmentFacts
from azpreflight.probes.generalization.histories_and_logs import TraceFacts
from azpreflight.probes.generalization.hostkeys import HostKeyFacts
from azpreflight.probes.generalization.keyfiles import KeyFileFacts
from azpreflight.probes.generalization.leases import LeaseFacts
from azpreflight.probes.generalization.machine_identity import IdentityFacts
from azpreflight.probes.generalization.mounts import MountFacts
from azpreflight.probes.generalization.network import NetworkFilesFacts
from azpreflight.probes.generalization.other_leftovers import LitterFacts
from azpreflight.probes.generalization.own_files import OwnFacts
from azpreflight.probes.generalization.provisioned_marker import SentinelFacts
from azpreflight.probes.generalization.resolver import ResolverFacts
from azpreflight.probes.generalization.sudoers import SudoersFacts
from azpreflight.probes.generalization.waagent_state import LibraryFacts


@dataclass(frozen=True)
class GeneralizationFacts:
    """All that was found, subject by subject. None: that subject could not be inspected, and `errors` says why."""

    sentinel: Optional[SentinelFacts] = None
    library: Optional[LibraryFacts] = None
    host_keys: Optional[HostKeyFacts] = None
    resolver: Optional[ResolverFacts] = None
    leases: Optional[LeaseFacts] = None
    accounts: Optional[AccountFacts] = None
    sudoers: Optional[SudoersFacts] = None
    key_files: Optional[KeyFileFacts] = None
    cloud_state: Optional[CloudStateFacts] = None
    identity: Optional[IdentityFacts] = None
    traces: Optional[TraceFacts] = None
    network: Optional[NetworkFilesFacts] = None
    enrolment: Optional[EnrolmentFacts] = None
    mounts: Optional[MountFacts] = None
    litter: Optional[LitterFacts] = None
    own: Optional[OwnFacts] = None
    credentials: Optional[CredentialFacts] = None
    dumps: Optional[DumpFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be inspected, by the name of its field."""


LOOKS: subjects.Looks = {
    "sentinel": provisioned_marker.look,
    "library": waagent_state.look,
    "host_keys": hostkeys.look,
    "resolver": resolver.look,
    "leases": leases.look,
    "accounts": accounts.look,
    "sudoers": sudoers.look,
    "key_files": keyfiles.look,
    "cloud_state": cloud_init_state.look,
    "identity": machine_identity.look,
    "traces": histories_and_logs.look,
    "network": network.look,
    "enrolment": enrolment.look,
    "mounts": mounts.look,
    "litter": other_leftovers.look,
    "own": own_files.look,
    "credentials": credentials.look,
    "dumps": dumps.look,
}


def gather(host: Host, run: Run) -> GeneralizationFacts:
    """Every subject on its own."""
    return subjects.inspect(host, run, LOOKS, GeneralizationFacts)
