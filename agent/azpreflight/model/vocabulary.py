"""The closed sets of words, apart from the types that use them: the command line needs them to start, and no more."""

from __future__ import annotations

from enum import Enum


class Status(str, Enum):
    """What became of one check. "Could not look" is UNKNOWN with a reason: never a pass, never a finding."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_APPLICABLE = "notapplicable"
    UNKNOWN = "unknown"


class Severity(str, Enum):
    """How bad a finding is, by its consequence for a VM made from this image."""

    NOTE = "note"
    """A leftover or an oddity without consequence."""
    WARNING = "warning"
    """The VM works; something documented does not."""
    ERROR = "error"
    """The VM does not provision, boot or answer, or an identity or secret leaks."""

    @property
    def rank(self) -> int:
        """0 for a note up to 2 for an error, for comparing."""
        return list(Severity).index(self)


class Stage(str, Enum):
    """Where in the life of an image the question is asked."""

    BUILD = "build"
    """A build VM that is still being worked on."""
    CAPTURE = "capture"
    """A build VM right before capture, or a mounted image."""
    FIRSTBOOT = "firstboot"
    """A new VM."""
    REHEARSAL = "rehearsal"
    """A VM of the image in an emulator, beside a stand-in for the platform."""


ALL_STAGES = (Stage.BUILD, Stage.CAPTURE, Stage.FIRSTBOOT)
"""Those at which a machine or its files are inspected; nothing is inspected in a rehearsal."""


class Profile(str, Enum):
    """What the image is to become: a template for many VMs, or the copy of one."""

    GENERALIZED = "generalized"
    SPECIALIZED = "specialized"


class Platform(str, Enum):
    """Whether the platform's own endpoints are to be expected here."""

    AZURE = "azure"
    NONE = "none"


class Confidence(str, Enum):
    """How sure a cause is, surest first."""

    CERTAIN = "certain"
    """The kernel or the server said so."""
    LIKELY = "likely"
    """Evidence, with a stated alternative."""
    POSSIBLE = "possible"


class Cause(str, Enum):
    """Why provisioning fails. The words are permanent; the first five are the ones that Azure support sees most."""

    NOT_GENERALIZED = "not-generalized"
    GUEST_FIREWALL = "guest-firewall"
    DNS_UNREACHABLE = "dns-unreachable"
    NO_EGRESS = "no-egress"
    FORCED_TUNNEL = "forced-tunnel"
    DNS_WRONG_ANSWER = "dns-wrong-answer"
    PROXY = "proxy"
    TLS_INTERCEPTION = "tls-interception"
    CLOCK = "clock"
    PATH_MTU = "path-mtu"
    PLATFORM_UNREACHABLE = "platform-unreachable"
    NO_NETWORK = "no-network"
    NO_PROVISIONING_AGENT = "no-provisioning-agent"
    PROVISIONING_MEDIA = "provisioning-media"
    BOOT_CONFIG = "boot-config"
    AGENT_CONFIG = "agent-config"


class Readiness(str, Enum):
    """The verdict on the machine."""

    READY = "ready"
    NOT_READY = "not-ready"
    UNDECIDED = "undecided"


SEAL_FIXES = (
    "gen-ssh-host-keys",
    "gen-resolv-conf",
    "gen-dhcp-leases",
    "gen-sudoers",
    "gen-password-backup",
    "gen-authorized-keys",
    "gen-private-keys",
    "gen-shell-history",
    "gen-agent-logs",
    "gen-system-logs",
    "gen-litter",
    "gen-random-seed",
    "gen-machine-id",
)
"""Checks whose findings `seal` can fix itself, beyond what the agents clean, in that order."""
