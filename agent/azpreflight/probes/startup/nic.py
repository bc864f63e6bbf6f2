"""Whether something brings up the NIC of a new VM: a manager that starts, and a configuration that fits eth0.

cloud-init writes the configuration at each first boot unless `network: {config: disabled}` says that the image has one;
a NIC that no file is about is brought up by NetworkManager and dhcpcd alone. systemd-networkd, ifupdown, wicked and
netplan leave it down, and the agents wait for their endpoint (cloud-init, cloudinit/stages.py; systemd.network(5);
interfaces(5); NetworkManager.conf(5)).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import kernels, network_bindings, networkmanager, yaml_file
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import FileKind, Host, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import Finding, NotApplicable, Profile, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

NIC, DRIVER = "eth0", "hv_netvsc"
MANAGERS = {
    "NetworkManager.service": "networkmanager",
    "systemd-networkd.service": "networkd",
    "networking.service": "ifupdown",
    "wicked.service": "ifcfg",
    "network.service": "ifcfg",
    "dhcpcd.service": "dhcpcd",
    "connman.service": "connman",
    "ifupdown-ng.service": "ifupdown",
}
"""Services that bring NICs up, and whose files they read."""
BY_THEMSELVES = ("dhcpcd", "connman")
WITHOUT_CLIENT = ("networking.service", "network.service", "ifupdown-ng.service")
"""Those that call a DHCP client; the others have one built in, or are one."""
CLIENTS = tuple(
    f"{place}/{name}" for place in ("/sbin", "/usr/sbin") for name in ("dhclient", "dhcpcd", "udhcpc", "pump")
)
NETPLAN_GENERATOR = "/usr/lib/systemd/system-generators/netplan"
INTERFACES = "/etc/network/interfaces"
YES = ("yes", "true", "ipv4", "both", "1", "on")


@dataclass(frozen=True)
class NicFacts:
    """Managers, and which kinds of files are about eth0."""

    managers: tuple[Unit, ...] = ()
    """Those that are installed."""
    fitting: tuple[str, ...] = ()
    """Files that bring up eth0, whatever their kind."""
    kinds: tuple[str, ...] = ()
    """Managers' kinds that have such a file."""
    idle: tuple[str, ...] = ()
    """Files that are about eth0, or may be, and bring it up under no condition."""
    unmanaged: Optional[str] = None
    """The file that has NetworkManager leave eth0 to others, whatever profiles there are."""
    left_alone: bool = False
    """NetworkManager does not bring up a NIC without a profile: no-auto-default, or all unmanaged."""
    kernel: bool = True
    interfaces: bool = True
    """/etc/network/interfaces is there, without which cloud-init writes nothing for ifupdown."""
    client: bool = True
    """A DHCP client is installed."""

    @property
    def enabled(self) -> tuple[Unit, ...]:
        """Managers that the next boot starts."""
        return tuple(one for one in self.managers if one.state is UnitState.ENABLED)


def look(host: Host, run: Run) -> NicFacts:
    """Units and the files of all managers; one that cannot be parsed fits nothing."""
    units = [systemd.unit(host, name) for name in MANAGERS]
    found = tuple(_fitting(host))
    netplan = any(kind == "netplan" for _, kind in found)
    kinds = [kind for _, kind in found] + (["networkd", "networkmanager"] if netplan else [])
    managers = [one for one in units if one.state is not UnitState.ABSENT]
    if netplan and host.info(NETPLAN_GENERATOR) is not None:
        managers = [_started_by_netplan(one) for one in managers]
    return NicFacts(
        managers=tuple(managers),
        fitting=tuple(path for path, _ in found)[:KEPT],
        kinds=tuple(dict.fromkeys(kinds)),
        idle=tuple(_idle(host))[:KEPT],
        unmanaged=networkmanager.unmanaged(host, NIC, DRIVER),
        left_alone=_left_alone(host),
        kernel=kernels.is_there(host),
        interfaces=host.info(INTERFACES) is not None,
        client=any(host.info(path) is not None for path in CLIENTS),
    )


def _idle(host: Host) -> Iterator[str]:
    """Files for a NIC of any name that do not fit, or give it no address."""
    for pattern, (_, fits) in READERS.items():
        for path in host.glob(pattern)[:KEPT] if pattern not in OF_PACKAGES else ():
            info = host.info(path)
            if info is not None and info.kind is FileKind.FILE and "ifcfg-lo" not in path:
                text = host.text(path, SMALL) or ""
                if not fits(text) and _is_about_a_nic(text):
                    yield path


def _is_about_a_nic(text: str) -> bool:
    return any(word in text for word in ("eth", "ens", "eno", "enp", "ethernets", "[Match]", "iface"))


def _started_by_netplan(unit: Unit) -> Unit:
    """netplan's generator has networkd started wherever it has something to do."""
    wanted = unit.name == "systemd-networkd.service" and unit.state is UnitState.DISABLED
    return Unit(unit.name, UnitState.ENABLED, unit.path) if wanted else unit


def _fitting(host: Host) -> Iterator[tuple[str, str]]:
    for pattern, (kind, fits) in READERS.items():
        for path in host.glob(pattern)[:KEPT]:
            info = host.info(path)
            if info is None or info.kind is not FileKind.FILE:
                continue
            if fits(host.text(path, SMALL) or ""):
                yield path, kind
    for path in host.glob("/etc/udev/rules.d/*.rules")[:KEPT]:
        if "cloud-ifupdown-helper" in path or "cloud-ifupdown-helper" in (host.text(path, SMALL) or ""):
            yield path, "ifupdown"


def of_netplan(text: str) -> bool:
    """A NIC of `ethernets:` is eth0, by name, pattern or driver, and gets an address."""
    try:
        network = _mapping(yaml_file.mapping(text).get("network"))
    except (yaml_file.NotYaml, yaml_file.Refused):
        return False
    return any(_netplan_fits(str(name), _mapping(card)) for name, card in _mapping(network.get("ethernets")).items())


def _netplan_fits(name: str, card: Mapping[object, object]) -> bool:
    match = card.get("match")
    found = _mapping(match)
    pattern = str(found.get("name", "*")) if match is not None else name
    driver = str(found.get("driver", DRIVER))
    addressed = str(card.get("dhcp4", "")).lower() in YES or bool(card.get("addresses"))
    return (
        addressed
        and fnmatch.fnmatchcase(NIC, pattern)
        and fnmatch.fnmatchcase(DRIVER, driver)
        and "macaddress" not in found
    )


def of_networkd(text: str) -> bool:
    """[Match] fits eth0, and [Network] gives it an address (systemd.network(5))."""
    sections = network_bindings.sections(text)
    match, network = sections.get("match", {}), sections.get("network", {})
    if set(match) & {"macaddress", "permanentmacaddress", "wlaninterfacetype", "ssid", "kind", "path", "host", "bssid"}:
        return False
    if "virtualization" in match and match["virtualization"].lower() not in ("yes", "vm", "microsoft", "true", "1"):
        return False
    names = match.get("name", "*").split()
    wanted = any(fnmatch.fnmatchcase(NIC, name) for name in names if not name.startswith("!"))
    refused = any(fnmatch.fnmatchcase(NIC, name[1:]) for name in names if name.startswith("!"))
    driver = any(fnmatch.fnmatchcase(DRIVER, name) for name in match.get("driver", DRIVER).split())
    kind = match.get("type", "ether").split()
    addressed = network.get("dhcp", "").lower() in YES or "address" in network or "address" in sections
    return wanted and not refused and driver and "ether" in kind and addressed


def of_interfaces(text: str) -> bool:
    """A stanza for eth0 that is brought up by itself, or a directory of files made at boot (interfaces(5))."""
    rows = [line.split() for line in text.splitlines()]
    auto = {name for row in rows if row[:1] and row[0] in ("auto", "allow-hotplug", "allow-auto") for name in row[1:]}
    stanza = any(
        row[:1] == ["iface"] and row[2:3] == ["inet"] and fnmatch.fnmatchcase(NIC, row[1])
        for row in rows
        if len(row) > 3
    )
    return stanza and any(fnmatch.fnmatchcase(NIC, name.lstrip("/")) for name in auto)


def of_ifcfg(text: str) -> bool:
    """ifcfg-eth0 of the RHEL family or of SUSE: started at boot, with an address."""
    rows = (line.split("#")[0].partition("=") for line in text.splitlines())
    values = {key.strip(): value.strip().strip("\"'").lower() for key, _, value in rows}
    starts = values.get("ONBOOT", values.get("STARTMODE", "")) in ("yes", "true", "1", "auto", "hotplug", "onboot")
    return (
        starts
        and (values.get("BOOTPROTO", "").startswith(("dhcp", "auto")) or "IPADDR" in values)
        and "HWADDR" not in values
    )


def of_keyfile(text: str) -> bool:
    """A profile of NetworkManager for a wired NIC, any or eth0, that connects by itself."""
    sections = network_bindings.sections(text)
    connection = sections.get("connection", {})
    wired = connection.get("type", "") in ("ethernet", "802-3-ethernet")
    named = connection.get("interface-name", NIC) == NIC and "mac-address" not in sections.get("ethernet", {})
    addressed = sections.get("ipv4", {}).get("method", "auto") != "disabled"
    return wired and named and addressed and connection.get("autoconnect", "true").lower() not in ("false", "no", "0")


READERS = {
    "/etc/netplan/*.yaml": ("netplan", of_netplan),
    "/usr/lib/netplan/*.yaml": ("netplan", of_netplan),
    "/etc/systemd/network/*.network": ("networkd", of_networkd),
    "/usr/lib/systemd/network/*.network": ("networkd", of_networkd),
    "/lib/systemd/network/*.network": ("networkd", of_networkd),
    "/etc/network/interfaces": ("ifupdown", of_interfaces),
    "/etc/network/interfaces.d/*": ("ifupdown", of_interfaces),
    "/etc/sysconfig/network/ifcfg-eth0": ("ifcfg", of_ifcfg),
    "/etc/sysconfig/network-scripts/ifcfg-*": ("ifcfg", of_ifcfg),
    "/etc/NetworkManager/system-connections/*": ("networkmanager", of_keyfile),
}


OF_PACKAGES = tuple(pattern for pattern in READERS if not pattern.startswith("/etc"))
"""What packages bring is mostly for tunnels and containers."""


def _left_alone(host: Host) -> bool:
    for pattern in ("/etc/NetworkManager/NetworkManager.conf", "/etc/NetworkManager/conf.d/*.conf"):
        for path in host.glob(pattern)[:KEPT]:
            sections = network_bindings.sections(host.text(path, SMALL) or "")
            alone = sections.get("main", {}).get("no-auto-default", "")
            if alone in ("*", NIC):
                return True
    return False


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


def judge(facts: NicFacts, run: Run) -> Iterator[Verdict]:
    """A manager starts, and brings up the NIC of a new VM."""
    agents = run.facts(AgentsFacts)
    if not facts.kernel:
        yield NotApplicable("no kernel is installed here, so the network is somebody else's")
    elif agents is None:
        yield Unknown("the agents could not be inspected")
    elif not facts.enabled:
        yield _no_manager(facts)
    elif not facts.client and all(one.name in WITHOUT_CLIENT for one in facts.enabled):
        yield _no_client(facts)
    elif facts.unmanaged is not None and all(MANAGERS[one.name] == "networkmanager" for one in facts.enabled):
        yield _unmanaged(facts.unmanaged)
    elif not (agents.provisioner is Provisioner.CLOUD_INIT and agents.network_written_again):
        yield from _judge_files(facts, agents)
    elif not facts.interfaces and {MANAGERS[one.name] for one in facts.enabled} == {"ifupdown"}:
        yield _no_manager(facts)


def _unmanaged(path: str) -> Finding:
    return Finding(
        Severity.ERROR,
        f"{plain(path)} has NetworkManager leave {NIC} alone (unmanaged-devices), and nothing else that brings it up is"
        " enabled",
        "Remove the line, or except Ethernet from it.",
        (f"sed -i '/^unmanaged-devices=/s/^/# /' {files([path])}",) if path.startswith("/etc/") else (),
        flow="any",
    )


def _no_client(facts: NicFacts) -> Finding:
    return Finding(
        Severity.ERROR,
        f"{several([one.name for one in facts.enabled])} calls a DHCP client, and none is installed (looked for"
        f" dhclient, dhcpcd, udhcpc and pump): {NIC} of a new VM gets no address",
        "Install a DHCP client, such as dhcpcd-base or isc-dhcp-client of Debian.",
        flow="any",
    )


def _no_manager(facts: NicFacts) -> Finding:
    states = [f"{one.name} is {one.state.value}" for one in facts.managers]
    if facts.enabled:
        states.append(f"cloud-init writes nothing for ifupdown without {INTERFACES}")
    first = [one for one in facts.managers if one.state is not UnitState.ENABLED][:1]
    masked = tuple(f"systemctl unmask {one.name}" for one in first if one.state is UnitState.MASKED)
    return Finding(
        Severity.ERROR,
        f"nothing brings up the NIC of a new VM: {several(states) or 'no network manager is installed'}",
        "Enable the network manager.",
        (*masked, *(f"systemctl enable {one.name}" for one in first)),
        flow="any",
    )


def _judge_files(facts: NicFacts, agents: AgentsFacts) -> Iterator[Verdict]:
    kinds = [MANAGERS[one.name] for one in facts.enabled]
    of_its_own = [path for path in facts.idle if "/system-connections/" in path or path.endswith(f"/ifcfg-{NIC}")]
    alone = facts.left_alone or bool(of_its_own)
    by_itself = any(kind in BY_THEMSELVES for kind in kinds) or ("networkmanager" in kinds and not alone)
    if by_itself or set(kinds) & set(facts.kinds):
        return
    config = agents.cloud_init.config
    switched_off = agents.provisioner is Provisioner.CLOUD_INIT and config.network_disabled
    where = plain(config.source("network"))
    why = f"cloud-init is told by {where} not to" if switched_off else f"{agents.provisioner.value} writes none"
    yield Finding(
        Severity.ERROR,
        f"{several([one.name for one in facts.enabled])} has no configuration for {NIC} of a new VM, and {why}"
        + (f" ({several(facts.idle)} brings up none of that name)" if facts.idle else ""),
        f"Let cloud-init configure the network: remove `network: {{config: disabled}}` from {where}."
        if switched_off
        else f"Write a configuration with DHCP for {NIC}.",
        (f"sed -i '/^network:/d' {where}",) if switched_off and where.startswith("/") else (),
        flow="any",
    )


CHECKS = (
    check(
        "boot-nic",
        "a network manager starts and has or gets a configuration for the NIC",
        part("nic", judge),
        profiles=(Profile.GENERALIZED,),
    ),
)
