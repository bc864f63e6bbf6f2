"""The documents of the instance metadata service, as Microsoft Learn describes them."""

from __future__ import annotations

from ipaddress import ip_network

from azpreflight.standin import addresses
from azpreflight.standin.identity import STANDIN, Identity

VERSIONS = ["2017-08-01", "2018-02-01", "2019-06-01", "2020-09-01", "2021-02-01", "2021-08-01"]
"""Of the API, the newest last. All are answered alike."""


def no_version() -> dict[str, object]:
    """What the service says to a request without an api-version."""
    return {"error": "Bad request. api-version was not specified in the request", "newest-versions": VERSIONS[::-1][:3]}


def instance(identity: Identity = STANDIN) -> dict[str, object]:
    """The instance metadata document, api-version 2021-08-01."""
    return {"compute": _compute(identity), "network": _network(identity)}


def _compute(identity: Identity) -> dict[str, object]:
    keys = [
        {"keyData": f"{key}\r\n", "path": f"/home/{identity.user}/.ssh/authorized_keys"} for key in identity.public_keys
    ]
    return {
        "azEnvironment": "AzurePublicCloud",
        "location": identity.location,
        "name": identity.name,
        "osType": "Linux",
        "osProfile": {  # cloud-init goes by it where it cannot read the provisioning disc
            "adminUsername": identity.user,
            "computerName": identity.host_name,
            "disablePasswordAuthentication": "false" if identity.password_login else "true",
        },
        "publicKeys": keys,
        "publisher": "",
        "offer": "",
        "sku": "",
        "version": "",
        "subscriptionId": identity.subscription,
        "resourceGroupName": "standin",
        "vmId": identity.vm_id,
        "vmSize": identity.size,
        "platformFaultDomain": "0",
        "platformUpdateDomain": "0",
        "placementGroupId": "",
        "tags": "",
        "userData": identity.user_data,
        "zone": "",
    }


def _network(identity: Identity) -> dict[str, object]:
    network = ip_network(f"{identity.address}/{addresses.PREFIX_LENGTH}", strict=False)
    subnet = {"address": str(network.network_address), "prefix": str(network.prefixlen)}
    return {
        "interface": [
            {
                "ipv4": {
                    "ipAddress": [{"privateIpAddress": identity.address, "publicIpAddress": ""}],
                    "subnet": [subnet],
                },
                "ipv6": {"ipAddress": []},
                "macAddress": identity.mac.replace(":", "").upper(),
            }
        ]
    }


def extended(identity: Identity = STANDIN) -> dict[str, object]:
    """The same with what `extended=true` adds: cloud-init asks for it."""
    return {**instance(identity), "extended": {"compute": {"hasCustomData": identity.custom_data}}}
