"""What the platform says about this VM: goal state, extensions, manifests, packages, instance metadata.

Shapes as WALinuxAgent parses them (azurelinuxagent/common/protocol: wire.py, goal_state.py, hostplugin.py,
extensions_goal_state_from_*.py; ga/exthandlers.py) and as Microsoft Learn documents the instance metadata service.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

VM_ID = "5c1e4cbf-3f4a-4b0e-9a54-6f0f6f2b9d11"
CONTAINER_ID = "0f6b1a5e-7c0d-4b53-8a55-d2a6e5b9c301"
CONFIG_NAME = "standin0.0.standin0.0.standinvm.1.xml"
STORE_HOSTS = ("umsastandin0000000000.blob.core.windows.net", "zrdfepirv2standin01a.blob.core.windows.net")
"""The accounts of `location` and `failoverlocation`; the fabric names two for every extension."""
SIGNATURE = "sig=c2VjcmV0LXNpZ25hdHVyZQ"
"""Of the status blob's address: a secret, which must never be found in a report."""
XML = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True)
class Extension:
    """An extension that this VM shall have."""

    name: str = "Example.Standin.Hello"
    version: str = "1.0.0"

    @property
    def manifests(self) -> tuple[str, ...]:
        """Where its manifest is, in the order of the goal state."""
        return tuple(f"https://{host}/{self.name}/{self.name}_manifest.xml" for host in STORE_HOSTS)

    @property
    def packages(self) -> tuple[str, ...]:
        """Where its package is, in the order of the manifest."""
        return tuple(f"https://{host}/{self.name}/{self.name}__{self.version}.zip" for host in STORE_HOSTS)


HELLO = Extension()
DIAGNOSTICS = Extension("Microsoft.Azure.Diagnostics.LinuxDiagnostic", "4.0.27")

VERSIONS = (
    f"{XML}<Versions><Preferred><Version>2015-04-05</Version></Preferred>"
    "<Supported><Version>2015-04-05</Version><Version>2012-11-30</Version></Supported></Versions>"
)
HOSTING_ENVIRONMENT = (
    f'{XML}<HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="1"><Deployment name="standin0"/>'
    '<Incarnation number="1" instance="standin_IN_0"/><Role name="standin"/></HostingEnvironmentConfig>'
)
SHARED_CONFIG = (
    f'{XML}<SharedConfig version="1.0.0.0" goalStateIncarnation="1"><Deployment name="standin0"/></SharedConfig>'
)
CERTIFICATES = (
    f"{XML}<CertificateFile><Version>2010-12-15</Version><Incarnation>1</Incarnation>"
    "<Format>Pkcs7BlobWithPfxContents</Format></CertificateFile>"
)
HOST_PLUGIN_VERSIONS = json.dumps(["2015-09-01"])


def goal_state() -> str:
    """The document that names all others."""
    base = "http://168.63.129.16:80/machine/c/i?comp="
    configs = "".join(
        f"<{tag}>{base}config&amp;type={tag[0].lower()}{tag[1:]}&amp;incarnation=1</{tag}>"
        for tag in ("HostingEnvironmentConfig", "SharedConfig", "ExtensionsConfig")
    )
    return (
        f"{XML}<GoalState><Version>2012-11-30</Version><Incarnation>1</Incarnation>"
        "<Machine><ExpectedState>Started</ExpectedState></Machine>"
        f"<Container><ContainerId>{CONTAINER_ID}</ContainerId><RoleInstanceList><RoleInstance>"
        f"<InstanceId>standin_IN_0</InstanceId><State>Started</State><Configuration>{configs}"
        f"<Certificates>{base}certificates&amp;incarnation=1</Certificates>"
        f"<ConfigName>{CONFIG_NAME}</ConfigName></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>"
    )


def extensions_config(extension: Extension) -> str:
    """The goal state of extensions, with protected settings and a signed address in it, as on Azure."""
    location, failover = extension.manifests
    settings = json.dumps(
        {
            "runtimeSettings": [{"handlerSettings": {"publicSettings": {"hello": "world"}}}],
        }
    )
    named = f'name="{extension.name}" version="{extension.version}"'
    return (
        f'{XML}<Extensions version="1.0.0.0" goalStateIncarnation="1"><GuestAgentExtension><GAFamilies><GAFamily>'
        f"<Name>Prod</Name><Uris><Uri>https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml</Uri></Uris>"
        "</GAFamily></GAFamilies></GuestAgentExtension>"
        f'<Plugins><Plugin {named} location="{location}" failoverlocation="{failover}" state="enabled" '
        'autoUpgrade="false" runAsStartupTask="false" isJson="true" useExactVersion="true"/></Plugins>'
        f'<PluginSettings><Plugin {named}><RuntimeSettings seqNo="0">{settings}</RuntimeSettings></Plugin>'
        "</PluginSettings>"
        f'<StatusUploadBlob statusBlobType="BlockBlob">https://{STORE_HOSTS[0]}/status/vm.status?sr=b&amp;sp=rw&amp;'
        f"{SIGNATURE}</StatusUploadBlob>"
        '<InVMGoalStateMetaData inSvdSeqNo="1" createdOnTicks="638900000000000000" '
        'activityId="00000000-0000-0000-0000-00000000000a" correlationId="00000000-0000-0000-0000-00000000000b"/>'
        "</Extensions>"
    )


def vm_settings(extension: Extension) -> str:
    """The same by the newer way (FastTrack), from the HostGAPlugin."""
    location, failover = extension.manifests
    return json.dumps(
        {
            "hostGAPluginVersion": "1.0.8.159",
            "vmSettingsSchemaVersion": "0.0",
            "activityId": "00000000-0000-0000-0000-00000000000a",
            "correlationId": "00000000-0000-0000-0000-00000000000b",
            "inSvdSeqNo": 1,
            "extensionsLastModifiedTickCount": 638900000000000001,
            "extensionGoalStatesSource": "FastTrack",
            "statusUploadBlob": {
                "statusBlobType": "BlockBlob",
                "value": f"https://{STORE_HOSTS[0]}/status/vm.status?sr=b&sp=rw&{SIGNATURE}",
            },
            "inVMMetadata": {"vmName": "standin", "location": "westeurope", "vmId": VM_ID, "osType": "Linux"},
            "requiredFeatures": [],
            "gaFamilies": [{"name": "Prod", "uris": [f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml"]}],
            "extensionGoalStates": [
                {
                    "name": extension.name,
                    "version": extension.version,
                    "location": location,
                    "failoverlocation": failover,
                    "additionalLocations": [],
                    "state": "enabled",
                    "autoUpgrade": False,
                    "runAsStartupTask": False,
                    "isJson": True,
                    "useExactVersion": True,
                    "settingsSeqNo": 0,
                    "settings": [
                        {
                            "protectedSettingsCertThumbprint": None,
                            "protectedSettings": None,
                            "publicSettings": json.dumps({"hello": "world"}),
                        }
                    ],
                }
            ],
        }
    )


def manifest(extension: Extension) -> str:
    """Which versions there are, and where."""
    uris = "".join(f"<Uri>{uri}</Uri>" for uri in extension.packages)
    return (
        f"{XML}<PluginVersionManifest><Plugins><Plugin><Version>{extension.version}</Version>"
        f"<Uris>{uris}</Uris></Plugin></Plugins></PluginVersionManifest>"
    )


AGENT_MANIFEST = f"{XML}<PluginVersionManifest><Plugins></Plugins></PluginVersionManifest>"

HANDLER = """#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
mkdir -p "$here/status"
cat > "$here/status/0.status" <<STATUS
[{"version": 1, "timestampUTC": "2026-01-01T00:00:00Z", "status": {"operation": "$1", "status": "success", "code": 0,
  "formattedMessage": {"lang": "en", "message": "hello"}}}]
STATUS
"""


def package(extension: Extension) -> bytes:
    """A whole extension: manifest, handler, and enough ballast that it does not fit into one range request."""
    commands = {
        f"{verb}Command": f"bin/handler {verb}" for verb in ("install", "uninstall", "update", "enable", "disable")
    }
    handler = {**commands, "rebootAfterInstall": False, "reportHeartbeat": False}
    manifest_json = json.dumps([{"name": extension.name, "version": 1.0, "handlerManifest": handler}])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_entry("HandlerManifest.json", 0o644), manifest_json)
        archive.writestr(_entry("bin/handler", 0o755), HANDLER)
        archive.writestr(_entry("ballast", 0o644), bytes(range(256)) * 1024)
    return buffer.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    """A member with a fixed date, so that the package is the same whenever it is made."""
    entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
    entry.external_attr = mode << 16
    return entry


def instance() -> dict[str, object]:
    """The instance metadata document, api-version 2021-08-01."""
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "location": "westeurope",
            "name": "standin",
            "osType": "Linux",
            "osProfile": {  # cloud-init goes by it where it cannot read the provisioning disc
                "adminUsername": "newuser",
                "computerName": "newvm",
                "disablePasswordAuthentication": "false",
            },
            "publisher": "",
            "offer": "",
            "sku": "",
            "version": "",
            "subscriptionId": "00000000-0000-0000-0000-000000000001",
            "resourceGroupName": "standin",
            "vmId": VM_ID,
            "vmSize": "Standard_B2s",
            "platformFaultDomain": "0",
            "platformUpdateDomain": "0",
            "placementGroupId": "",
            "tags": "",
            "zone": "",
        },
        "network": {
            "interface": [
                {
                    "ipv4": {
                        "ipAddress": [{"privateIpAddress": "10.0.0.4", "publicIpAddress": ""}],
                        "subnet": [{"address": "10.0.0.0", "prefix": "24"}],
                    },
                    "ipv6": {"ipAddress": []},
                    "macAddress": "000D3A123456",
                }
            ]
        },
    }
