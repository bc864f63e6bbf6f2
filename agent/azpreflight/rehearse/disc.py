"""The provisioning disc: what ovf-env.xml says of a VM. Pure.

As the platform writes it, and as waagent and cloud-init read it (WALinuxAgent, common/protocol/ovfenv.py; cloud-init,
sources/helpers/azure.py, OvfEnvXml).
"""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape

from azpreflight.dataclass import dataclass

LABEL = "rd_rdfe_stable"
"""Of the volume, as on Azure."""
SECTOR = 2048
DESCRIPTORS = 16 * SECTOR
"""Where the volume recognition sequence begins (ECMA-167, 2/8.3)."""
ISO9660, LAST = b"CD001", b"TEA01"


@dataclass(frozen=True)
class Operator:
    """What whoever makes the VM has asked for."""

    host_name: str
    user: str
    password: str
    public_key: str
    """A line of authorized_keys."""
    custom_data: str


def ovf_env(operator: Operator) -> str:
    """The document."""
    keys = f"/home/{operator.user}/.ssh/authorized_keys"
    custom = base64.b64encode(operator.custom_data.encode()).decode()
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
 <wa:ProvisioningSection><wa:Version>1.0</wa:Version>
  <LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
   <ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType>
   <HostName>{escape(operator.host_name)}</HostName>
   <UserName>{escape(operator.user)}</UserName><UserPassword>{escape(operator.password)}</UserPassword>
   <DisableSshPasswordAuthentication>false</DisableSshPasswordAuthentication>
   <CustomData>{custom}</CustomData>
   <SSH><PublicKeys><PublicKey><Path>{escape(keys)}</Path><Value>{escape(operator.public_key)}</Value>
   </PublicKey></PublicKeys></SSH>
  </LinuxProvisioningConfigurationSet></wa:ProvisioningSection>
 <wa:PlatformSettingsSection><wa:Version>1.0</wa:Version>
  <PlatformSettings xmlns="http://schemas.microsoft.com/windowsazure">
   <ProvisionGuestAgent>true</ProvisionGuestAgent><PreprovisionedVm>false</PreprovisionedVm>
  </PlatformSettings></wa:PlatformSettingsSection>
</Environment>
"""


def without_iso9660(image: bytes) -> bytes:
    """The image of a disc that genisoimage made as ISO 9660 and UDF, as UDF alone, as on Azure."""
    sectors: list[bytes] = []
    at = DESCRIPTORS
    while at < len(image) and (not sectors or sectors[-1][1:6] != LAST):
        sectors.append(image[at : at + SECTOR])
        at += SECTOR
    kept = b"".join(sector for sector in sectors if sector[1:6] != ISO9660)
    return image[:DESCRIPTORS] + kept.ljust(len(sectors) * SECTOR, b"\0") + image[at:]
