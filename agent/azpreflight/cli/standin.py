"""`azpreflight standin`: a stand-in for the platform that runs by itself, for tests of whatever speaks to it."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import ipaddress
import json
import signal
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from azpreflight.cli import values
from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.model.errors import UsageError
from azpreflight.sinks.stderr import say
from azpreflight.sinks.stdout import write_stdout

if TYPE_CHECKING:
    from azpreflight.standin.certificates import Authority
    from azpreflight.standin.config import Config

PARTS = ("wire", "hostgaplugin", "imds", "store", "dns", "ntp")
PORTS = (*PARTS, "store-http")
NETWORKS = ("open", "no-egress", "dns-dead", "tls-interception")
LIBRARIES = {"cryptography": "python3-cryptography", "dns": "python3-dnspython"}
"""What it needs, and how distributions call that."""
DESCRIPTION = """\
A stand-in for the Azure platform, for tests of an agent, of an extension or of an
image: wire server, HostGAPlugin, instance metadata, DNS, a store of packages over TLS
with its own certificate authority, and the time; DHCP where an interface is named. It
listens on 127.0.0.1 with free ports, prints where, and runs until Ctrl-C. Each request
is written to a file, with what an agent reports by it, such as Ready.
"""
EXAMPLES = """\
examples:
  azpreflight standin                                    on 127.0.0.1, with free ports
  azpreflight standin --port wire=8080 --requests -      print what is asked, as JSON lines
  azpreflight standin --extension Example.Hello__1.0.0.zip   have this extension installed

  A network namespace as a VM's host, with the platform's own addresses (as root):
  ip netns add host; ip -n host link set lo up
  for a in 168.63.129.16 169.254.169.254 20.60.0.10 20.60.0.20; do
      ip -n host address add $a/32 dev lo
  done
  ip netns exec host azpreflight standin --azure-addresses
"""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    address: str
    """Where to listen; empty: at the platform's own addresses."""
    parts: tuple[str, ...]
    ports: Mapping[str, int]
    dhcp: Optional[str]
    """The interface on which a guest asks for its address."""
    directory: Optional[str]
    """Where the certificate authority is kept; None: for this run alone."""
    requests: Optional[str]
    """The file for the requests; None: they are not kept."""
    extension: Optional[str]
    """A package; None: one that only reports success."""
    no_extension: bool
    settings: str
    fast_track: bool
    network: str
    vm_id: Optional[str]
    format: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it listens, what the guest hears, and what is kept."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    group = parser.add_argument_group("where it listens")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--address", metavar="IPV4", type=_address, default="127.0.0.1", help="default: 127.0.0.1")
    where.add_argument(
        "--azure-addresses",
        action="store_true",
        help="the platform's own addresses and ports, in a network namespace that has them",
    )
    group.add_argument(
        "--parts", metavar="PART,...", type=_parts, default=PARTS, help=f"only these (default: {','.join(PARTS)})"
    )
    group.add_argument(
        "--port",
        metavar="PART=PORT",
        type=_port,
        action="append",
        default=[],
        help=f"of one of {', '.join(PORTS)} (default: a free one); repeatable",
    )
    group.add_argument(
        "--dhcp",
        metavar="INTERFACE",
        help="serve DHCP on this interface: 10.0.0.4/24, gateway 10.0.0.1, options 121 and 245; with --azure-addresses",
    )
    group = parser.add_argument_group("what the guest hears")
    wanted = group.add_mutually_exclusive_group()
    wanted.add_argument(
        "--extension", metavar="FILE", help="a package, NAME__VERSION.zip (default: one that only reports success)"
    )
    wanted.add_argument("--no-extension", action="store_true", help="the VM shall have none")
    group.add_argument(
        "--settings", metavar="JSON", type=_settings, default="{}", help="public settings of the extension"
    )
    group.add_argument("--fast-track", action="store_true", help="serve vmSettings at the HostGAPlugin (default: 404)")
    group.add_argument(
        "--vm-id", metavar="UUID", type=_vm_id, help="what instance metadata says (default: a fixed one)"
    )
    group.add_argument(
        "--network",
        choices=NETWORKS,
        default="open",
        help="no-egress: the store is silent; dns-dead: the name server is; tls-interception: the store's certificate "
        "is issued by somebody unknown (default: open)",
    )
    group = parser.add_argument_group("what is kept")
    group.add_argument(
        "--directory",
        metavar="DIR",
        type=values.absolute,
        help="keep the certificate authority there, for a guest that shall trust it (default: for this run alone)",
    )
    group.add_argument("--requests", metavar="FILE", help="append every request to this file, as JSON lines; -: print")
    group.add_argument("--format", choices=("text", "json"), default="text", help="of the ports (default: text)")


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv4 address") from None


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}; choose from {', '.join(PARTS)}")
    return parts


def _port(text: str) -> tuple[str, int]:
    part, _, number = text.partition("=")
    port = whole(number)
    if part not in PORTS or port is None or not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not PART=PORT, such as wire=8080; parts: {', '.join(PORTS)}")
    return part, port


def _vm_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a UUID") from None


def _settings(text: str) -> str:
    try:
        valid = isinstance(json.loads(text), dict)
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return text


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    if asked.dhcp and not asked.azure_addresses:
        raise UsageError("--dhcp serves a guest of a network namespace: give --azure-addresses as well")
    return Request(
        address="" if asked.azure_addresses else asked.address,
        parts=asked.parts,
        ports=dict(asked.port),
        dhcp=asked.dhcp,
        directory=asked.directory,
        requests=asked.requests,
        extension=asked.extension,
        no_extension=asked.no_extension,
        settings=asked.settings,
        fast_track=asked.fast_track,
        network=asked.network,
        vm_id=asked.vm_id,
        format=asked.format,
    )


def run(request: Request) -> int:
    """Serve until Ctrl-C, which is no error: 0."""
    _need_the_package()
    with contextlib.suppress(KeyboardInterrupt), _directory(request) as directory:
        _serve(request, directory)
    return 0


def _need_the_package() -> None:
    if importlib.util.find_spec("azpreflight.standin") is None:
        raise UsageError("the stand-in is not part of azpreflight's own package: install azpreflight-rehearse")
    for library, package in LIBRARIES.items():
        if importlib.util.find_spec(library) is None:
            raise UsageError(f"the stand-in needs {package}: install it, or azpreflight[rehearse] with pip")


@contextlib.contextmanager
def _directory(request: Request) -> Iterator[Path]:
    """The one that is kept, made if it is not there; or one for this run."""
    if request.directory is None:
        with tempfile.TemporaryDirectory(prefix="azpreflight-standin-") as directory:
            yield Path(directory)
        return
    path = Path(request.directory)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {path}: {error.strerror}") from None
    yield path


def _serve(request: Request, directory: Path) -> None:
    from azpreflight.standin import certificates, listing
    from azpreflight.standin.servers.start import CannotListen, start

    try:
        config, authority = _config(request, directory)
        opened = start(config, lambda nonce: certificates.attested(authority, config.setup.identity, nonce))
    except CannotListen as error:
        raise UsageError(listing.advice(error)) from None
    except OSError as error:
        raise UsageError(f"cannot use {error.filename or directory}: {error.strerror}") from None
    lines = (listing.json if request.format == "json" else listing.text)(opened, directory)
    if request.requests == "-" and request.format == "text":
        for line in lines:
            say(line)
    else:
        write_stdout("".join(f"{line}\n" for line in lines))
    signal.pause()


def _config(request: Request, directory: Path) -> tuple[Config, Authority]:
    """What the servers are to do, and the authority that signs; OSError as the files have it."""
    from azpreflight.standin import alone, certificates
    from azpreflight.standin.config import Config, Offer, Setup, Zone
    from azpreflight.standin.extension import HELLO
    from azpreflight.standin.identity import STANDIN, Identity

    try:
        extension = alone.extension_of(request.extension) if request.extension else HELLO
    except alone.BadExtension as error:
        raise UsageError(str(error)) from None
    network = alone.Network(request.network)
    authority = alone.authority_in(directory)
    issuer = authority
    if network is alone.Network.TLS_INTERCEPTION:
        issuer = certificates.make_authority("Traffic Inspection")
    parts = (*request.parts, *(("dhcp",) if request.dhcp else ()))
    config = Config(
        listeners=alone.listeners(alone.Place(request.address, parts, request.ports), network),
        log=request.requests or "",
        setup=Setup(
            extension=None if request.no_extension else replace(extension, settings=request.settings),
            identity=Identity(vm_id=request.vm_id) if request.vm_id else STANDIN,
            fast_track=request.fast_track,
        ),
        zone=Zone(request.address, request.address) if request.address else Zone(),
        offer=Offer(request.dhcp) if request.dhcp else None,
        certificate=str(alone.certificate_in(directory, issuer, request.address)),
    )
    return config, authority
