"""Managed boot diagnostics: Azure Resource Manager is asked for the machines, and for a signed URL of each log.

Five requests, so no client of 30 MB for all of Compute: they are plain REST, and only the token comes from a library,
azure-identity (docs/adr/0014). The machines are listed page by page, and a few logs are asked for at a time. What a log
is not to be had for is in its row. Microsoft Learn: "Virtual Machines - List All", "Virtual Machine Scale Set VMs -
List", "Virtual Machines - Retrieve Boot Diagnostics Data" and the same of scale sets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Optional
from urllib.parse import quote, urlsplit

from azpreflight.dataclass import dataclass
from azpreflight.engine.fleet import Traits, image_of
from azpreflight.fleet import web
from azpreflight.fleet.item import Item, Kind
from azpreflight.foreign import loads
from azpreflight.model.errors import UsageError

PUBLIC = "https://management.azure.com"
"""Of the public cloud; https://management.usgovcloudapi.net and https://management.chinacloudapi.cn of the others."""
VERSION = "2024-07-01"
"""Of the interface of Microsoft.Compute."""
AT_ONCE = 8
"""Logs that are asked for at a time; ARM allows some hundred requests a minute."""
PAGE_MOST = 32 << 20
_COMPUTE = "providers/Microsoft.Compute"


@dataclass(frozen=True)
class Scope:
    """Which machines are meant."""

    subscription: str
    group: Optional[str] = None
    """A resource group; None: all of the subscription."""
    endpoint: str = PUBLIC
    stamps: bool = False
    """Ask storage too whether a log has changed, for a run that reads only what is new."""


def found(scope: Scope) -> Iterator[Item]:
    """A log of each machine and of each instance of a scale set; what is not to be had is among them."""
    arm = _Arm(scope.endpoint, scope.stamps)
    where = f"subscriptions/{quote(scope.subscription, safe='')}"
    if scope.group is not None:
        where += f"/resourceGroups/{quote(scope.group, safe='')}"
    yield from _signed(arm, _machines(arm, where))


def _machines(arm: _Arm, where: str) -> Iterator[Item]:
    """All machines, then all instances; an item whose place is the resource."""
    yield from _listed(arm, f"{where}/{_COMPUTE}/virtualMachines")
    try:
        for scale_set in arm.pages(f"{where}/{_COMPUTE}/virtualMachineScaleSets"):
            mode = _of(scale_set, "properties", "orchestrationMode")
            if mode != "Flexible":  # those are listed as machines
                yield from _listed(arm, f"{str(scale_set.get('id')).strip('/')}/virtualMachines")
    except web.Refused as error:
        yield Item(where, f"cannot list scale sets: {error}", Kind.LOST)


def _listed(arm: _Arm, path: str) -> Iterator[Item]:
    try:
        for one in arm.pages(path):
            yield Item(_name(str(one.get("id"))), str(one.get("id")).strip("/"), Kind.SIGNED, traits=_traits(one))
    except web.Refused as error:
        yield Item(path, f"cannot list: {error}", Kind.LOST)


def _name(resource: str) -> str:
    """group/machine, or group/scale set/instance."""
    parts = resource.strip("/").split("/")
    kinds = dict(zip(parts[::2], parts[1::2]))
    lower = {key.lower(): value for key, value in kinds.items()}
    names = [lower.get(key) for key in ("resourcegroups", "virtualmachinescalesets", "virtualmachines")]
    return "/".join(name for name in names if name) or resource


def _signed(arm: _Arm, machines: Iterator[Item]) -> Iterator[Item]:
    """Each with the signed URL of its log, in their order, some asked for ahead."""
    ahead: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for one in machines:
            ahead.append(threads.submit(_sign, arm, one))
            if len(ahead) > 2 * AT_ONCE:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _sign(arm: _Arm, one: Item) -> Item:
    if one.kind is Kind.LOST:
        return one
    try:
        said = arm.post(f"{one.place}/retrieveBootDiagnosticsData")
    except web.Refused as error:
        return replace(one, place=f"no boot diagnostics: {error}", kind=Kind.LOST)
    url = said.get("serialConsoleLogBlobUri")
    if not isinstance(url, str) or not _safe(url):
        return replace(one, place="no boot diagnostics: no URL of a log came", kind=Kind.LOST)
    return replace(one, place=url, stamp=web.stamp(url) if arm.stamps else None)


def _traits(one: Mapping[str, Any]) -> Traits:
    """What Azure says of the machine; its subnet is said by another service."""
    reference = _of(one, "properties", "storageProfile", "imageReference")
    publisher, offer, sku = (_text(reference, key) for key in ("publisher", "offer", "sku"))
    version = _text(reference, "exactVersion") or _text(reference, "version")
    whole = (_text(reference, "id") or "").partition("/providers/Microsoft.Compute/")[2] or None
    image, version = image_of(publisher, offer, sku, version, whole)
    size = _text(_of(one, "properties", "hardwareProfile"), "vmSize") or _text(one.get("sku"), "name")
    return Traits(image, version, _text(one, "location"), size)


class _Arm:
    """Requests to one endpoint, with a token of whoever runs this."""

    def __init__(self, endpoint: str, stamps: bool) -> None:
        self.stamps = stamps
        if not _safe(endpoint):
            raise UsageError(f"{endpoint} is not https")
        try:
            import requests
            from azure.identity import DefaultAzureCredential
        except ImportError:
            raise UsageError("--subscription needs the libraries of azpreflight[fleet]") from None
        self._endpoint = endpoint.rstrip("/")
        self._credential = DefaultAzureCredential()
        self._session = requests.Session()

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The entries of a list, page by page."""
        url: Optional[str] = f"{self._endpoint}/{path}?api-version={VERSION}"
        while url is not None:
            page = self._ask("GET", url)
            entries = page.get("value")
            yield from (one for one in (entries if isinstance(entries, list) else ()) if isinstance(one, dict))
            url = _text(page, "nextLink")
            if url is not None and _origin(url) != _origin(self._endpoint):
                raise web.Refused("its next page is at another host")

    def post(self, path: str) -> Mapping[str, Any]:
        """The answer to an action."""
        return self._ask("POST", f"{self._endpoint}/{path}?api-version={VERSION}")

    def _ask(self, method: str, url: str) -> Mapping[str, Any]:
        got = web.ask(self._session, method, url, {"Authorization": f"Bearer {self._token()}"})
        content = web.body(got, PAGE_MOST)
        try:
            said = loads(content)
        except ValueError:
            said = None
        if got.status_code != 200 or not isinstance(said, dict):
            code = _text(_of(said, "error"), "code")
            raise web.Refused(f"HTTP {got.status_code}" + (f", {code}" if code else ""))
        return said

    def _token(self) -> str:
        """azure-identity keeps it as long as it is valid."""
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return str(
                self._credential.get_token(f"{PUBLIC if _local(self._endpoint) else self._endpoint}/.default").token
            )
        except ClientAuthenticationError as error:
            raise UsageError(f"nobody is logged in to Azure: {str(error).splitlines()[0]}") from None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _safe(url: str) -> bool:
    """A token goes over TLS, or stays on this machine."""
    return url.startswith("https://") or _local(url)


def _local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "::1")


def _of(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any, key: str) -> Optional[str]:
    found_text = _of(value, key)
    return found_text if isinstance(found_text, str) and found_text else None
