"""What azure-init 0.1 and the Guest Proxy Agent 1.0 write."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import AZURE_INIT, PROXY_AGENT, Signature, Step
from azpreflight.model import Cause


def _line(id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None) -> Signature:
    return Signature(id, AZURE_INIT, re.compile(pattern), source, cause, step)


OTHER_AGENTS = (
    _line("azure-init-started", r"Kernel Version: .{1,80}, Azure-Init Version: ", "src/main.rs", step=Step.AGENT),
    _line(
        "azure-init-ready",
        r"Report 'Ready' succeeded|azure_init: Provisioning completed successfully|result=success\|agent=Azure-Init/",
        "libazureinit/src/health.rs",
        step=Step.READY,
    ),
    _line(
        "azure-init-already",
        r"Provisioning already completed earlier\. Skipping provisioning",
        "src/main.rs",
    ),
    _line(
        "azure-init-failed",
        r"Provisioning failed with error: |result=error\|reason=.{1,200}\|agent=Azure-Init/",
        "src/main.rs",
    ),
    _line("azure-init-media", r"Successfully parsed OVF environment", "src/main.rs", step=Step.DISC),
    _line(
        "azure-init-no-media",
        r"Failed to find valid OVF provisioning data on any block device|Failed to mount media\.",
        "src/main.rs",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "azure-init-imds",
        r"failed to get instance metadata from IMDS|reason=failed to retrieve instance metadata|"
        r"InstanceMetadataFailure",
        "libazureinit/src/error.rs",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "azure-init-username",
        r"Could not determine username from IMDS or OVF environment|reason=failed to determine username",
        "src/main.rs",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "azure-init-report",
        r"Report '(?:Ready|NotReady)' timed out|Failed to send provisioning success report",
        "libazureinit/src/health.rs",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "azure-init-password",
        r"Provisioning a user with a non-empty password is not supported|"
        r"reason=provisioning with non-empty password is unsupported",
        "libazureinit/src/error.rs",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "azure-init-step",
        r"reason=(?:failed to (?:provision (?:hostname|user|password)|(?:update|load) sshd config)|subprocess failed)",
        "libazureinit/src/error.rs",
        Cause.AGENT_CONFIG,
    ),
    Signature(
        "proxy-agent-key",
        PROXY_AGENT,
        re.compile(r"Failed to acquire key details"),
        "proxy_agent/src/key_keeper.rs",
        Cause.PLATFORM_UNREACHABLE,
    ),
    Signature(
        "proxy-agent-redirector",
        PROXY_AGENT,
        re.compile(r"Failed to start (?:eBPF/)?redirector"),
        "proxy_agent/src/redirector.rs",
        Cause.AGENT_CONFIG,
    ),
)
