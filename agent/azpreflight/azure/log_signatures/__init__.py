"""What is written into the logs of a boot when something goes wrong, and when it goes well: the one table.

The texts are those of WALinuxAgent 2.2 to 2.16, cloud-init 20.4 to 26.2, azure-init 0.1, the Guest Proxy Agent 1.0, the
kernel, systemd, initramfs-tools, dracut, GRUB and firmware; `source` names the file that prints them. A signature is
evidence beside a cause, hardly ever a cause: who writes it reports what failed, and seldom why.
"""

from __future__ import annotations

from collections.abc import Mapping

from azpreflight.azure.log_signatures.boot import KERNEL_ENDED, KERNEL_LINES, KERNEL_STARTED, SYSTEMD_LINES
from azpreflight.azure.log_signatures.cloud_init import CLOUD_INIT_LINES
from azpreflight.azure.log_signatures.extensions import EXTENSIONS, EXTENSIONS_DONE
from azpreflight.azure.log_signatures.other_agents import OTHER_AGENTS
from azpreflight.azure.log_signatures.root import ROOT_LINES
from azpreflight.azure.log_signatures.signature import (
    AGENTS,
    AZURE_INIT,
    CLOUD_INIT,
    DS_IDENTIFY,
    FIRMWARE,
    INITRAMFS,
    KERNEL,
    PROXY_AGENT,
    SYSTEMD,
    WAAGENT,
    Signature,
    Step,
)
from azpreflight.azure.log_signatures.waagent import CHANGED_IDENTIFIER, PROVISIONING

__all__ = [
    "AGENTS",
    "AZURE_INIT",
    "BY_ID",
    "CHANGED_IDENTIFIER",
    "CLOUD_INIT",
    "DS_IDENTIFY",
    "EXTENSIONS_DONE",
    "FIRMWARE",
    "INITRAMFS",
    "KERNEL",
    "KERNEL_ENDED",
    "KERNEL_STARTED",
    "PROVISIONED",
    "PROXY_AGENT",
    "SIGNATURES",
    "SYSTEMD",
    "WAAGENT",
    "Signature",
    "Step",
]

SIGNATURES = (
    *(*PROVISIONING, *EXTENSIONS, *CLOUD_INIT_LINES, *OTHER_AGENTS),
    *(*KERNEL_LINES, *SYSTEMD_LINES, *ROOT_LINES),
)
BY_ID: Mapping[str, Signature] = {signature.id: signature for signature in SIGNATURES}
PROVISIONED = tuple(signature.id for signature in SIGNATURES if signature.step is Step.READY)
"""Any of these says that the platform was told Ready after real provisioning."""
