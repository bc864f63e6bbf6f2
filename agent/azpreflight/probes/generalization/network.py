"""Network configuration of the build VM that the next VM cannot use, whatever wrote it.

cloud-init writes its file anew for every instance unless it was told to leave the network alone; all others stay
(cloud-init, cloudinit/stages.py; Microsoft Learn, "Create an Ubuntu virtual machine image").
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes import yamltext
from azpreflight.probes.agents import AgentsFacts
from azpreflight.probes.generalization import pins
from azpreflight.probes.generalization.common import KEPT, SMALL, agents_of, leftover
from azpreflight.probes.wording import files, plain

READERS: "Mapping[str, Callable[[str], Iterator[str]]]" = {
    "/etc/netplan/*.yaml": pins.of_netplan,
    "/etc/systemd/network/*.network": pins.of_networkd,
    "/etc/systemd/network/*.link": pins.of_networkd,
    "/etc/NetworkManager/system-connections/*": pins.of_keyfile,
    "/etc/network/interfaces": pins.of_interfaces,
    "/etc/network/interfaces.d/*": pins.of_interfaces,
    "/etc/sysconfig/network-scripts/ifcfg-*": pins.of_ifcfg,
    "/etc/udev/rules.d/*net*.rules": pins.of_udev,
}
GENERATED = "cloud-init"
"""In the name of every file that cloud-init writes."""
ELSEWHERE = "an image that runs in one place only may have a network configuration of its own"


@dataclass(frozen=True)
class Pin:
    """A file that holds for one card or one network only."""

    path: str
    what: str
    generated: bool
    """cloud-init wrote it."""


@dataclass(frozen=True)
class NetworkFilesFacts:
    """All such files."""

    pins: tuple[Pin, ...] = ()
    invalid: tuple[str, ...] = ()
    """Files that are no YAML, or more than is read, "path: reason"."""


def look(host: Host, run: Run) -> NetworkFilesFacts:
    """Every kind of file by its own reader. HostError where one cannot be read."""
    found: list[Pin] = []
    invalid: list[str] = []
    for pattern, reader in READERS.items():
        for path in host.glob(pattern)[:KEPT]:
            try:
                told = tuple(reader(host.text(path, SMALL) or ""))
            except (yamltext.NotYaml, yamltext.Refused) as error:
                invalid.append(f"{plain(path)}: {error}")
                continue
            found += [Pin(path, plain(what), GENERATED in path) for what in told]
    return NetworkFilesFacts(tuple(found[:KEPT]), tuple(invalid[:KEPT]))


def rewritten(agents: AgentsFacts) -> bool:
    """cloud-init writes its network configuration anew on the next VM."""
    return agents.cloud_init_provisions and not agents.cloud_init.config.network_disabled


def judge(facts: NetworkFilesFacts, run: Run) -> Iterator[Verdict]:
    """The network of a new VM does not hang on this one's card or addresses."""
    for pin in facts.pins:
        harmless = pin.generated and rewritten(agents_of(run))
        yield leftover(
            run,
            Severity.NOTE if harmless else Severity.ERROR,
            f"{plain(pin.path)}: {pin.what}" + (", which cloud-init writes anew on a new VM" if harmless else ""),
            "Leave the network to DHCP, for a card of any MAC address.",
            (f"rm -f {files([pin.path])}",),
            cleaned=False,
            unless=None if harmless else ELSEWHERE,
        )
    for reason in facts.invalid:
        message = f"netplan cannot read {plain(reason, 160)}"
        yield leftover(run, Severity.WARNING, message, "Correct the file.", (), cleaned=False)
