"""Who the VM is: what the platform says of it in the goal state, the instance metadata and its DHCP answers."""

from __future__ import annotations

from dataclasses import dataclass

from azpreflight.standin import addresses

VM_ID = "5c1e4cbf-3f4a-4b0e-9a54-6f0f6f2b9d11"
CONTAINER_ID = "0f6b1a5e-7c0d-4b53-8a55-d2a6e5b9c301"
CONFIG_NAME = "standin0.0.standin0.0.standinvm.1.xml"
INSTANCE_ID = "standin_IN_0"


@dataclass(frozen=True)
class Identity:
    """One VM."""

    vm_id: str = VM_ID
    """The SMBIOS UUID, in lower case."""
    container_id: str = CONTAINER_ID
    config_name: str = CONFIG_NAME
    instance_id: str = INSTANCE_ID
    name: str = "standin"
    """Of the resource."""
    host_name: str = "newvm"
    user: str = "newuser"
    password_login: bool = True
    """False: the operator has forbidden it, and cloud-init turns it off in sshd."""
    public_keys: tuple[str, ...] = ()
    """Of the user, as one line of authorized_keys each."""
    custom_data: bool = False
    """The metadata says that there is custom data, which is on the provisioning disc."""
    user_data: str = ""
    """Base64, as the metadata has it."""
    location: str = "westeurope"
    subscription: str = "00000000-0000-0000-0000-000000000001"
    size: str = "Standard_B2s"
    mac: str = "00:0d:3a:12:34:56"
    address: str = addresses.VM


STANDIN = Identity()
