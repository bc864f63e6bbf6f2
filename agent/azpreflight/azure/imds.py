"""Asking the instance metadata service who this VM is.

It answers at 169.254.169.254, on the host itself, and never through a proxy. Any user may ask.

What is kept is what a report needs: the cloud, region and image that a fault belongs to, and the VNet's prefixes, by
which a hop on the way is known to be outside of it. User data, custom data, tags, public keys and the OS profile may
hold secrets and are left where they are. Shape: Microsoft Learn, "Azure Instance Metadata Service".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from azpreflight.azure.addresses import IMDS
from azpreflight.azure.answer import Answer, answer_of
from azpreflight.azure.goal_state import Unreadable
from azpreflight.dataclass import dataclass
from azpreflight.foreign import loads
from azpreflight.host import Host

URL = f"http://{IMDS}/metadata/instance?api-version=2021-08-01"
"""This version of the interface is the one that cloud-init asks for."""
TIMEOUT = 1.2
"""Seconds. The host answers in milliseconds; a lost first packet is sent again after 1.0 s."""
CLOUDS = {"AzurePublicCloud": "public", "AzureUSGovernmentCloud": "usgov", "AzureChinaCloud": "china"}
"""What `azEnvironment` calls them; these names come from there too."""


@dataclass(frozen=True)
class Instance:
    """Who this VM is. None where the document does not say."""

    environment: Optional[str] = None
    """azEnvironment: AzurePublicCloud and the like."""
    location: Optional[str] = None
    """The region's short name."""
    vm_id: Optional[str] = None
    name: Optional[str] = None
    vm_size: Optional[str] = None
    publisher: Optional[str] = None
    offer: Optional[str] = None
    sku: Optional[str] = None
    version: Optional[str] = None
    """Of the image, such as 12.20260801.0; empty for one of a gallery, whose version stands in `image`."""
    image: Optional[str] = None
    """The reference of an image that is not from the marketplace, from its gallery on, without the subscription."""
    subnets: tuple[str, ...] = ()
    """10.0.0.0/24, of every interface."""

    @property
    def cloud(self) -> Optional[str]:
        """public, usgov or china; of any other cloud the name that it has; None where it is not told."""
        return CLOUDS.get(self.environment, self.environment) if self.environment else None


@dataclass(frozen=True)
class Metadata:
    """How the instance metadata service answered."""

    answer: Answer
    instance: Optional[Instance] = None
    """None if the document could not be had."""
    fault: Optional[str] = None
    """Why the document that came could not be read."""


def ask(host: Host) -> Metadata:
    """The instance document; the service wants the header, which a forged request of a web application lacks."""
    got = host.get(URL, TIMEOUT, headers={"Metadata": "true"})
    answer = answer_of(URL, got)
    if not answer.delivered:
        return Metadata(answer)
    try:
        return Metadata(answer, parse(got.body))
    except Unreadable as error:
        return Metadata(answer, fault=str(error))


def parse(body: bytes) -> Instance:
    """Unreadable unless it is a JSON object that tells the VM id."""
    try:
        document = loads(body)
    except ValueError:
        raise Unreadable("it is not JSON") from None
    compute = _of(document, "compute", dict)
    vm_id = _word(compute, "vmId")
    if not vm_id:
        raise Unreadable("it tells no VM id")
    return Instance(
        environment=_word(compute, "azEnvironment"),
        location=_word(compute, "location"),
        vm_id=vm_id.lower(),
        name=_word(compute, "name"),
        vm_size=_word(compute, "vmSize"),
        publisher=_word(compute, "publisher"),
        offer=_word(compute, "offer"),
        sku=_word(compute, "sku"),
        version=_word(compute, "version"),
        image=_image(_of(_of(compute, "storageProfile", dict), "imageReference", dict)),
        subnets=tuple(dict.fromkeys(_subnets(document))),
    )


def _image(reference: Any) -> Optional[str]:
    """galleries/g/images/i/versions/1.2.3, or images/i: what stands behind the provider in the resource id."""
    for key in ("id", "sharedGalleryImageId", "communityGalleryImageId"):
        whole = _word(reference, key)
        if whole:
            return whole.partition("/providers/Microsoft.Compute/")[2] or whole.lstrip("/")
    return None


def _subnets(document: Any) -> Iterator[str]:
    for interface in _of(_of(document, "network", dict), "interface", list):
        for subnet in _of(_of(interface, "ipv4", dict), "subnet", list):
            address, prefix = _word(subnet, "address"), _word(subnet, "prefix")
            if address and prefix:
                yield f"{address}/{prefix}"


def _of(value: Any, key: str, kind: type) -> Any:
    """The member if it is of that kind, else an empty one."""
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, kind) else kind()


def _word(value: Any, key: str) -> Optional[str]:
    member = _of(value, key, str)
    return member[:120].encode("ascii", "backslashreplace").decode() or None
