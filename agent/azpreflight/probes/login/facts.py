"""What was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.probes.login.gates import GateFacts
from azpreflight.probes.login.inbound import InboundFacts
from azpreflight.probes.login.modes import ModeFacts
from azpreflight.probes.login.sshd import SshdFacts
from azpreflight.probes.login.sudo import SudoFacts
from azpreflight.probes.login.taken import TakenFacts
from azpreflight.probes.login.tools import ToolFacts


@dataclass(frozen=True)
class LoginFacts:
    """All that was found, subject by subject. None: that subject could not be read, and `errors` says why."""

    sshd: Optional[SshdFacts] = None
    modes: Optional[ModeFacts] = None
    sudo: Optional[SudoFacts] = None
    gates: Optional[GateFacts] = None
    taken: Optional[TakenFacts] = None
    tools: Optional[ToolFacts] = None
    inbound: Optional[InboundFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be read, by the name of its field."""
