"""Network configuration of the build VM that the next VM cannot use, whatever wrote it.

cloud-init writes its file again for every instance unless it was told to leave the network alone; all others stay
(cloud-init, cloudinit/stages.py; Microsoft Learn, "Create an Ubuntu virtual machine image").
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader, interface_names, network_bindings, network_renderers, yaml_file
from azpreflight.guest.interface_names import Named
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.guest.network_renderers import RendererFacts
from azpreflight.host import FileKind, Host, HostError
from azpreflight.model import Run, Severity, Unknown, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import agents_of, leftover
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

READERS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "/etc/netplan/*.yaml": network_bindings.of_netplan,
    "/etc/systemd/network/*.network": network_bindings.of_networkd,
    "/etc/systemd/network/*.link": network_bindings.of_networkd,
    "/etc/NetworkManager/system-connections/*": network_bindings.of_keyfile,
    "/etc/network/interfaces": network_bindings.of_interfaces,
    "/etc/network/interfaces.d/*": network_bindings.of_interfaces,
    "/etc/sysconfig/network-scripts/ifcfg-*": network_bindings.of_ifcfg,
    "/etc/sysconfig/network/ifcfg-*": network_bindings.of_ifcfg,
    "/etc/udev/rules.d/*net*.rules": network_bindings.of_udev,
    "/etc/cloud/cloud.cfg.d/*.cfg": network_bindings.of_cloud_cfg,
}
GENERATED = "cloud-init"
"""In the first line of what cloud-init writes where the name is the NIC's (ifcfg-eth0)."""
WRITTEN = (
    *("/etc/netplan/50-cloud-init.yaml", "/etc/systemd/network/10-cloud-init-*.network"),
    *("/etc/NetworkManager/system-connections/cloud-init-*", "/etc/network/interfaces.d/50-cloud-init*"),
)
"""Files that cloud-init writes (cloud-init, cloudinit/distros/ and cloudinit/net/); it writes no .link."""
IFCFG_TO_DHCP = (
    "sed -i -E -e '$a BOOTPROTO=dhcp' "
    "-e '/^(HWADDR|LLADDR|BOOTPROTO|(IPADDR|NETMASK|PREFIX|PREFIXLEN|GATEWAY)_?[0-9]*)=/d'"
)
INTERFACES_TO_DHCP = (
    r"sed -i -E -e 's/^([[:space:]]*iface[[:space:]]+(eth|en)[^[:space:]]*[[:space:]]+inet[[:space:]]+)static/\1dhcp/' "
    "-e '/^[[:space:]]*hwaddress[[:space:]]/d'"
)
"""An address that is left beside `dhcp` has no effect: that method has no such option (interfaces(5))."""
TO_DHCP = {"/ifcfg-": IFCFG_TO_DHCP, "/etc/network/interfaces": INTERFACES_TO_DHCP}
"""Files without which a NIC gets no address at all, from the RHEL family's scripts, wicked or ifupdown."""
ELSEWHERE = "an image that runs in one place only may have a network configuration of its own"


@dataclass(frozen=True)
class Pin:
    """A file that holds for one NIC or one network only."""

    path: str
    what: str
    generated: bool
    """cloud-init wrote it."""


@dataclass(frozen=True)
class NetworkFilesFacts:
    """All such files."""

    pins: tuple[Pin, ...] = ()
    renderers: RendererFacts = field(default_factory=RendererFacts)
    """How cloud-init writes anew, and what is read."""
    invalid: tuple[str, ...] = ()
    """Files that are no YAML, or more than is read, "path: reason"."""
    named: tuple[Named, ...] = ()
    """Files that bring up NICs of other names than those of Azure, where nothing brings up its own."""
    boot_source: str = ""
    """The boot loader's file that has the kernel command line of the next boot; empty: none was found."""
    boot_address: Optional[str] = None
    """What its ip= says, if that is an address (Linux, admin-guide/nfs/nfsroot.rst; dracut.cmdline(7))."""
    boot_error: Optional[str] = None
    """Why the command line could not be read; None if it could."""


def look(host: Host, run: Run) -> NetworkFilesFacts:
    """Every kind of file by its own reader. HostError where one cannot be read."""
    found: list[Pin] = []
    invalid: list[str] = []
    for pattern, reader in READERS.items():
        for path in host.glob(pattern)[:KEPT]:
            info = host.info(path, follow=True)
            if info is None or info.kind is FileKind.DIRECTORY:  # no program reads one, nor a link to nowhere
                continue
            text = host.text(path, SMALL) or ""
            try:
                told = tuple(reader(text))
            except (yaml_file.NotYaml, yaml_file.Refused) as error:
                invalid.append(f"{plain(path)}: {error}")
                continue
            found += [Pin(path, plain(what), _generated(path, text)) for what in told]
    renderers = network_renderers.look(host, agents_of(run).cloud_init.config.renderers)
    named = interface_names.named(host)
    return _with_boot(host, NetworkFilesFacts(tuple(found[:KEPT]), renderers, tuple(invalid[:KEPT]), named))


def _generated(path: str, text: str) -> bool:
    """cloud-init wrote it (cloud-init, cloudinit/net/sysconfig.py, _make_header)."""
    first = text.partition("\n")[0]
    return any(fnmatch.fnmatchcase(path, name) for name in WRITTEN) or (
        first.startswith("#") and f"Created by {GENERATED}" in first
    )


def _with_boot(host: Host, facts: NetworkFilesFacts) -> NetworkFilesFacts:
    try:
        line = bootloader.command_line(host)
    except HostError as error:
        return replace(facts, boot_error=str(error))
    addresses = (
        [value for value in line.values("ip") if network_bindings.has_address(value)] if line is not None else []
    )
    if line is None or not addresses:
        return facts
    return replace(facts, boot_source=line.source, boot_address=_plain(addresses[0]))


def _plain(value: str) -> str:
    return value if bootloader.VALUE.fullmatch(value) else bootloader.HIDDEN


def _fix_commands(path: str) -> str:
    return next((command for part, command in TO_DHCP.items() if part in path), "rm -f")


def _harmless(pin: Pin, renderers: RendererFacts) -> str:
    """Why a file that cloud-init wrote does no harm; empty where it may."""
    form = network_renderers.form_of(pin.path)
    if not pin.generated:
        return ""
    if renderers.chosen in (None, form):
        return ", which cloud-init writes again on a new VM"
    return (
        "" if form in renderers.read else f", which no enabled service reads; cloud-init now writes {renderers.chosen}"
    )


def _other_form(pin: Pin, renderers: RendererFacts) -> str:
    """Said of a file that looks as if it were written again."""
    form = network_renderers.form_of(pin.path)
    if not pin.generated or renderers.chosen in (None, form):
        return ""
    return f"; cloud-init wrote it, and now writes {renderers.chosen}, so that it stays"


def judge(facts: NetworkFilesFacts, run: Run) -> Iterator[Verdict]:
    """The network of a new VM does not hang on this one's NIC or addresses."""
    for pin in facts.pins:
        harmless = _harmless(pin, facts.renderers) if agents_of(run).network_written_again else ""
        yield leftover(
            run,
            Severity.NOTE if harmless else Severity.ERROR,
            f"{plain(pin.path)}: {pin.what}{harmless or _other_form(pin, facts.renderers)}",
            "Leave the network to DHCP, for a NIC of any MAC address.",
            (f"{_fix_commands(pin.path)} {files([pin.path])}",),
            cleaned=False,
            unless=None if harmless else ELSEWHERE,
        )
    for one in facts.named if not agents_of(run).network_written_again else ():
        yield leftover(
            run,
            Severity.ERROR,
            f"{plain(one.path)} brings up {one.card} and nothing brings up {interface_names.CARD}, "
            "as the NIC of a VM on Azure is called",
            "Name the NIC as it is called on Azure, or match all.",
            (rf"sed -i 's/\b{one.card}\b/{interface_names.CARD}/g' {files([one.path])}",),
            cleaned=False,
            unless="something that is not inspected may bring up the NIC",
        )
    if facts.boot_address is not None:
        yield leftover(
            run,
            Severity.ERROR,
            f"ip={facts.boot_address} on the kernel command line in {facts.boot_source} gives every VM one address",
            "Remove ip= from the boot loader's configuration.",
            (),
            cleaned=False,
            unless=ELSEWHERE,
        )
    if facts.boot_error is not None:
        yield Unknown(facts.boot_error)
    for reason in facts.invalid:
        message = f"netplan cannot read {plain(reason, 160)}"
        yield leftover(run, Severity.WARNING, message, "Correct the file.", (), cleaned=False)


CHECKS = (
    check(
        "gen-network-config",
        "network configuration is not tied to this machine's NIC or address",
        part("network", judge),
        ERROR,
    ),
)
