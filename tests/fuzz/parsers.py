"""Every parser of foreign text, as a target: bytes in, and one of the exceptions that it may raise, or a value.

`tests/fuzz/corpus/TARGET/` has what broke one once; the tests run all of it, and `make fuzz` begins with it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from azpreflight.azure import goal_state, imds
from azpreflight.cli import log_bundle
from azpreflight.cli.recognise import recognise
from azpreflight.config import ConfigError, goss
from azpreflight.config import parse as parse_config
from azpreflight.console.decode import decode
from azpreflight.engine import baseline
from azpreflight.explain import explain
from azpreflight.firewall import parse_iptables_save, parse_nft
from azpreflight.firewall.boot import loaders, nftfile, other_scripts
from azpreflight.firewall.boot.load_plan import Step, lines_of
from azpreflight.firewall.boot.saved_rules import Ruleset
from azpreflight.firewall.facts import Backend
from azpreflight.firewall.static import match, nft_rule
from azpreflight.foreign import edge
from azpreflight.guest import (
    boot_jobs,
    bootloader,
    cloud_init,
    cpio,
    dhcp_leases,
    dns_sources,
    efi_signature,
    ini_file,
    interface_names,
    network_bindings,
    networkmanager,
    package_versions,
    repositories,
    resolv_conf,
    systemd_units,
    unified,
    unit_order,
    waagent_conf,
    yaml_file,
)
from azpreflight.guest import proxy_files as proxies
from azpreflight.host import HostError, tls
from azpreflight.host.disk import container, filesystem_magic, fstab, lvm, partition_table
from azpreflight.host.disk.types import Volume
from azpreflight.model import codec
from azpreflight.probes.agents import state
from azpreflight.probes.generalization import machine_identity
from azpreflight.probes.logs.collect import parse
from azpreflight.probes.logs.facts import EVERY
from azpreflight.probes.network.collect import parse_ipv4, parse_ipv6
from azpreflight.probes.startup import names
from azpreflight.rehearse import console
from azpreflight.rehearse import login as rehearsed_login
from azpreflight.rehearse.facts import Login
from azpreflight.render import explained
from azpreflight.shell import words
from azpreflight.watch.state import Memory
from tests.support.fakes import FakeHost

CORPUS = Path(__file__).parent / "corpus"
ALLOWED = (
    HostError,
    ConfigError,
    goal_state.Unreadable,
    imds.Unreadable,
    yaml_file.NotYaml,
    yaml_file.Refused,
    codec.DecodeError,
    lvm.Damaged,
    partition_table.Damaged,
    cpio.BadArchive,
)
"""What a parser may raise, and its callers expect."""


def run(target: str, data: bytes) -> None:
    """Feed it; raises what a bug raises."""
    try:
        found = TARGETS[target](data)
        if isinstance(found, Iterable) and not isinstance(found, (str, bytes, Mapping, Sequence)):
            for _ in found:
                pass
    except ALLOWED:
        pass


def _text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda data: parse(data.decode("utf-8", "replace"))


def _unified(data: bytes) -> Any:
    """As the boot loader's options are read, within the edge of the file."""
    with edge(ValueError):
        return unified.command_line(data)


def _disk(data: bytes) -> Any:
    """As `image` reads it."""

    def read(at: int, count: int) -> bytes:
        return data[at : at + count] if 0 <= at < 1 << 62 else b""

    container.identify(read, len(data))
    layout = partition_table.read_layout(read, len(data))
    volumes = [filesystem_magic.filled(volume, read) for volume in layout.volumes]
    return [lvm.volumes(volume, read) for volume in volumes]


def _archive(data: bytes) -> Any:
    """As `explain-log` reads a compressed log, or a bundle."""
    recognise(data[:65536], data[-65536:])
    with log_bundle.unpacked(io.BytesIO(data)) as (head, rest):
        if log_bundle.is_tar(head) or log_bundle.is_zip(head):
            return list(log_bundle.members(head, rest))
        return list(log_bundle.Pieces(rest, 1 << 20, head))


def _group(text: str) -> Any:
    """The metadata of a volume group, whose checksum is right."""
    physical = Volume("partition 1", 0, 1 << 30, kind="LVM")
    with edge(lvm.Damaged, lvm.Damaged):
        return [list(lvm._of_group(name, group, physical)) for name, group in lvm.parse(text).items()]


def _rules(tool: str) -> Callable[[str], Any]:
    def take(text: str) -> Any:
        ruleset = Ruleset({}).take([Step(tool, (), lines_of("/etc/rules", text))])
        if ruleset.unread:
            raise AssertionError(ruleset.unread[0])  # the edge caught it; the parser is to be fixed all the same
        return ruleset.tables()

    return take


def _saved(text: str) -> Any:
    return parse_iptables_save.parse(text, Backend.NFT, "ip") if parse_iptables_save.is_whole(text) else None


def _listed(text: str) -> Any:
    return [parse_nft.loadable(one) for one in parse_nft.parse(text)] if parse_nft.is_whole(text) else None


def _rule(text: str) -> Any:
    packet = match.Packet("tcp", "10.0.0.4", "10.0.0.5", None, 80, "", "eth0", "NEW", 0)
    try:
        return match.matches(match.parse(f"-A OUTPUT {text}"), packet)
    except ValueError:  # a quote that is not closed; the callers take it for "cannot be told"
        return None


def _command(text: str) -> Any:
    try:
        return list(loaders.loads_of(words(text, comments=True)))
    except ValueError:
        return None


def _answer(data: bytes) -> Any:
    """As a name server sends it: the id of the question in front."""
    import dns.message

    from azpreflight.host import dns as ours

    query = dns.message.make_query("example.org", "A")
    return ours._read(query, query.id.to_bytes(2, "big") + data)


def _cpio(data: bytes) -> Any:
    return cpio.files(cpio.Stream([data], 1 << 20), lambda path, size: size < 1000)


def _json(parse: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    def take(data: bytes) -> Any:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return parse(value)

    return take


def _unit_of_boot(text: str) -> object:
    """One unit of a boot that is all the text, as fstab is."""
    files = {"/etc/fstab": text, "/etc/systemd/system/default.target": text, "/etc/systemd/system/a.service": text}
    jobs = boot_jobs.jobs(FakeHost(files=files))
    return unit_order.cycles(jobs.order) if jobs is not None else None


TARGETS: Mapping[str, Callable[[bytes], Any]] = {
    "archive": _cpio,
    "apt": _text(proxies.apt_proxies),
    "cards": _text(lambda text: [list(reader(text)) for reader in interface_names.READERS.values()]),
    "certificate": tls.issuer_of_der,
    "cloud-cfg": _text(lambda text: cloud_init.merged([("x.cfg", text)])),
    "command": _text(_command),
    "config": _text(lambda text: parse_config(text, "config.yaml", ["dns-resolve"])),
    "crontab": _text(lambda text: [part.findall(text) for _, part in other_scripts.PARTS]),
    "daemon-state": _json(lambda value: codec.decode(Memory, value)),
    "decode": decode,
    "dhcpcd": lambda data: dhcp_leases.of_dhcpcd(data, "x"),
    "disk": _disk,
    "dnf": _text(proxies.dnf_proxy),
    "dns": _answer,
    "dpkg-status": _text(lambda text: list(package_versions.of_status(text))),
    "environment": _text(proxies.assignments),
    "extensions": goal_state.parse_extensions_config,
    "fstab": _text(lambda text: list(fstab.wanted(text))),
    "goal-state": goal_state.parse_goal_state,
    "efi-signature": efi_signature.signature,
    "goss": _text(goss.convert),
    "grub": _text(lambda text: list(bootloader.of_grub(text))),
    "grub-defaults": _text(lambda text: bootloader.of_defaults([text])),
    "grub-entry": _text(lambda text: bootloader.of_entry(text, {"a": "b"})),
    "cloud-network": _text(lambda text: list(network_bindings.of_cloud_cfg(text))),
    "devices": _text(lambda text: networkmanager.fits(text, "eth0", "hv_netvsc")),
    "unified": _unified,
    "hosts-line": _text(lambda text: names.reaches_servers(text, resolves=False)),
    "hosts": _text(machine_identity.names_in_hosts),
    "ini": _text(ini_file.entries),
    "instance": imds.parse,
    "iptables": _text(_rules("iptables-restore")),
    "iptables-save": _text(_saved),
    "lease-dhclient": _text(lambda text: dhcp_leases.of_dhclient(text, "x")),
    "lease-networkd": _text(lambda text: dhcp_leases.of_networkd(text, "x")),
    "lease-network-manager": _text(lambda text: dhcp_leases.of_network_manager(text, "x")),
    "lease-wicked": _text(lambda text: dhcp_leases.of_wicked(text, "x")),
    "log-explained": lambda data: explained.render((explain("log", (data,)),)),
    "log-archive": _archive,
    "log": _text(lambda text: [parse(text, log) for log in EVERY]),
    "lvm": _text(_group),
    "manifest": goal_state.parse_manifest,
    "name-servers": _text(lambda text: [list(reader(text)) for reader in set(dns_sources.READERS.values())]),
    "nft": _text(_rules("nft")),
    "nft-file": _text(lambda text: list(nftfile.statements(lines_of("x", text)))),
    "nft-list": _text(_listed),
    "nft-rule": _text(lambda text: [nft_rule.parse(line) for line in text.splitlines()]),
    "pins-netplan": _text(network_bindings.of_netplan),
    "pins-udev": _text(network_bindings.of_udev),
    "repositories": _text(lambda text: [list(repositories.servers(text, path)) for path in ("x.repo", "x.list")]),
    "resolv-conf": _text(resolv_conf.parse),
    "route-4": _text(parse_ipv4),
    "route-6": _text(parse_ipv6),
    "rehearsed-console": lambda data: [
        (console.reached(line), console.sign(line, 0.0)) for line in console.lines(data)
    ],
    "rehearsed-login": _text(lambda text: rehearsed_login.read(Login(), text)),
    "rule": _text(_rule),
    "stamp": _text(baseline.parse),
    "status": _json(state.status_of),
    "unit-of-boot": _text(_unit_of_boot),
    "unit": _text(lambda text: systemd_units._parsed("x.service", "/x.service", text)),
    "unit-environment": _text(lambda text: proxies.unit_environment(text, "Environment")),
    "vm-settings": goal_state.parse_vm_settings,
    "waagent-conf": _text(lambda text: waagent_conf.config_of(waagent_conf.parse(text))),
    "yaml": _text(yaml_file.mapping),
}
"""By the name of the folder of its corpus."""


def seeds(target: str) -> list[bytes]:
    """What broke it once."""
    return [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))]
