"""The provisioning disc, as the platform attaches one: a UDF filesystem and nothing else on it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

OVF = """<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
 <wa:ProvisioningSection><wa:Version>1.0</wa:Version>
  <LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
   <ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType>
   <HostName>newvm</HostName><UserName>newuser</UserName><UserPassword>Stand-in.1</UserPassword>
   <DisableSshPasswordAuthentication>false</DisableSshPasswordAuthentication>
  </LinuxProvisioningConfigurationSet></wa:ProvisioningSection>
 <wa:PlatformSettingsSection><wa:Version>1.0</wa:Version>
  <PlatformSettings xmlns="http://schemas.microsoft.com/windowsazure">
   <ProvisionGuestAgent>true</ProvisionGuestAgent><PreprovisionedVm>false</PreprovisionedVm>
  </PlatformSettings></wa:PlatformSettingsSection>
</Environment>
"""
LABEL = "rd_rdfe_stable"
SECTOR = 2048
DESCRIPTORS = 16 * SECTOR
"""Where the volume recognition sequence begins (ECMA-167 2/8.3)."""
ISO9660, LAST = b"CD001", b"TEA01"
TIMEOUT = 60


def write_disc(path: Path) -> Path:
    """A disc with this ovf-env.xml. genisoimage makes it ISO 9660 as well, so the descriptors of that are taken out."""
    document = path.with_suffix(".d") / "ovf-env.xml"
    document.parent.mkdir()
    document.write_text(OVF)
    command = ["genisoimage", "-quiet", "-udf", "-V", LABEL, "-o", str(path), str(document)]
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
    with open(path, "r+b") as disc:
        sectors: list[Any] = []
        disc.seek(DESCRIPTORS)
        while not sectors or sectors[-1][1:6] != LAST:
            sectors.append(disc.read(SECTOR))
        kept = [sector for sector in sectors if sector[1:6] != ISO9660]
        disc.seek(DESCRIPTORS)
        disc.write(b"".join(kept).ljust(len(sectors) * SECTOR, b"\0"))
    return path
