"""What the wire server and the HostGAPlugin say about this VM: versions, goal state, extensions.

Shapes as WALinuxAgent parses them (azurelinuxagent/common/protocol: wire.py, goal_state.py, hostplugin.py,
extensions_goal_state_from_*.py).
"""

from __future__ import annotations

import json
from typing import Optional
from xml.sax.saxutils import escape

from azpreflight.standin import addresses
from azpreflight.standin.extension import STORE_HOSTS, XML, Extension
from azpreflight.standin.identity import STANDIN, Identity

SIGNATURE = "sig=c2VjcmV0LXNpZ25hdHVyZQ"
"""Of the status blob's address: a secret, which must never be found in a report."""
BASE = f"http://{addresses.WIRE_SERVER}:{addresses.WIRE_PORT}"
"""Where the goal state says that the other documents are."""
AGENT_MANIFEST_URI = f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml"
STATUS_BLOB = f"https://{STORE_HOSTS[0]}/status/vm.status?sr=b&sp=rw&{SIGNATURE}"
ACTIVITY, CORRELATION = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"

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


def goal_state(identity: Identity = STANDIN, base: str = BASE) -> str:
    """The document that names all others, below the wire server's address as the client knows it."""
    place = f"{base}/machine/c/i?comp="
    configs = "".join(
        f"<{tag}>{place}config&amp;type={tag[0].lower()}{tag[1:]}&amp;incarnation=1</{tag}>"
        for tag in ("HostingEnvironmentConfig", "SharedConfig", "ExtensionsConfig")
    )
    return (
        f"{XML}<GoalState><Version>2012-11-30</Version><Incarnation>1</Incarnation>"
        "<Machine><ExpectedState>Started</ExpectedState></Machine>"
        f"<Container><ContainerId>{identity.container_id}</ContainerId><RoleInstanceList><RoleInstance>"
        f"<InstanceId>{identity.instance_id}</InstanceId><State>Started</State><Configuration>{configs}"
        f"<Certificates>{place}certificates&amp;incarnation=1</Certificates>"
        f"<ConfigName>{identity.config_name}</ConfigName></Configuration></RoleInstance></RoleInstanceList>"
        "</Container></GoalState>"
    )


def extensions_config(extension: Optional[Extension]) -> str:
    """The goal state of extensions, with a signed address in it, as on Azure."""
    plugins = "" if extension is None else _plugins(extension)
    return (
        f'{XML}<Extensions version="1.0.0.0" goalStateIncarnation="1"><GuestAgentExtension><GAFamilies><GAFamily>'
        f"<Name>Prod</Name><Uris><Uri>{AGENT_MANIFEST_URI}</Uri></Uris>"
        f"</GAFamily></GAFamilies></GuestAgentExtension>{plugins}"
        f'<StatusUploadBlob statusBlobType="BlockBlob">{escape(STATUS_BLOB)}</StatusUploadBlob>'
        f'<InVMGoalStateMetaData inSvdSeqNo="1" createdOnTicks="638900000000000000" activityId="{ACTIVITY}" '
        f'correlationId="{CORRELATION}"/></Extensions>'
    )


def _plugins(extension: Extension) -> str:
    location, failover = extension.manifests
    handler = {"publicSettings": json.loads(extension.settings)}
    settings = escape(json.dumps({"runtimeSettings": [{"handlerSettings": handler}]}))
    named = f'name="{extension.name}" version="{extension.version}"'
    return (
        f'<Plugins><Plugin {named} location="{location}" failoverlocation="{failover}" state="enabled" '
        'autoUpgrade="false" runAsStartupTask="false" isJson="true" useExactVersion="true"/></Plugins>'
        f'<PluginSettings><Plugin {named}><RuntimeSettings seqNo="0">{settings}</RuntimeSettings></Plugin>'
        "</PluginSettings>"
    )


def vm_settings(extension: Optional[Extension], identity: Identity = STANDIN) -> str:
    """The same by the newer way (FastTrack), from the HostGAPlugin."""
    metadata = {"vmName": identity.name, "location": identity.location, "vmId": identity.vm_id, "osType": "Linux"}
    return json.dumps(
        {
            "hostGAPluginVersion": "1.0.8.159",
            "vmSettingsSchemaVersion": "0.0",
            "activityId": ACTIVITY,
            "correlationId": CORRELATION,
            "inSvdSeqNo": 1,
            "extensionsLastModifiedTickCount": 638900000000000001,
            "extensionGoalStatesSource": "FastTrack",
            "statusUploadBlob": {"statusBlobType": "BlockBlob", "value": STATUS_BLOB},
            "inVMMetadata": metadata,
            "requiredFeatures": [],
            "gaFamilies": [{"name": "Prod", "uris": [AGENT_MANIFEST_URI]}],
            "extensionGoalStates": [] if extension is None else [_goal_state_of(extension)],
        }
    )


def _goal_state_of(extension: Extension) -> dict[str, object]:
    location, failover = extension.manifests
    return {
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
            {"protectedSettingsCertThumbprint": None, "protectedSettings": None, "publicSettings": extension.settings}
        ],
    }
