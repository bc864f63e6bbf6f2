"""The boots of one rehearsal, one after the other: the first one, the same VM again, and another VM of the image."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from azpreflight.host import programs
from azpreflight.rehearse import console, overlay, requests
from azpreflight.rehearse.disc import LABEL, Operator, ovf_env, without_iso9660
from azpreflight.rehearse.facts import FIRST_BOOT, OTHER_VM, SECOND_BOOT, Booted, Login, Network, Plan
from azpreflight.rehearse.login import MARK
from azpreflight.rehearse.machine import Vm
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.patience import Patience
from azpreflight.rehearse.worker import client
from azpreflight.rehearse.worker.emulator import Emulator
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.rehearse.worker.servers import world
from azpreflight.rehearse.worker.watch import Seen, Watch
from azpreflight.standin.identity import Identity

MACS = ("00:0d:3a:12:34:56", "00:0d:3a:65:43:21")
"""In the range from which Azure gives its NICs' addresses."""
USER = "newuser"
POWER_OFF_S = 90.0
DISC_TIMEOUT = 60.0
LOGIN_S = 90.0
"""Seconds for one login; emulated it takes five to ten."""
WRITTEN_S = 5.0
"""Seconds after which a guest has written its files, where it cannot be powered off."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Station:
    """What all boots of one VM share."""

    order: Order
    operator: Operator
    vm: Vm
    say: Say

    @property
    def identity(self) -> Identity:
        """What the platform says of it."""
        return Identity(
            vm_id=self.vm.vm_id,
            host_name=self.operator.host_name,
            user=self.operator.user,
            public_keys=(self.operator.public_key,),
            custom_data=True,
            mac=self.vm.mac,
        )

    @property
    def folder(self) -> Path:
        """Of this VM."""
        return Path(self.vm.folder)


def boots(order: Order, say: Say) -> Iterator[Booted]:
    """Each boot as soon as it is over. RehearsalError where the machine lacks something for it."""
    folder = Path(order.folder)
    station = _station(order, "vm", "newvm", say)
    with world(order.plan.network, station.identity, folder, order.certificate):
        first = _boot(station, FIRST_BOOT, station.vm)
        yield first
        if SECOND_BOOT in order.plan.trials and first.login.key:
            (folder / "spare").write_bytes(b"")
            programs.run(("truncate", "-s", "64M", str(folder / "spare")), DISC_TIMEOUT, None, None, 1 << 12)
            again = replace(station.vm, disc="", mac=MACS[1], spare=str(folder / "spare"))
            yield _boot(station, SECOND_BOOT, again)
    if OTHER_VM in order.plan.trials and "ready" in first.milestones:
        network = Network.NO_EGRESS if order.plan.network is Network.OPEN else order.plan.network
        elsewhere = replace(order, plan=replace(order.plan, network=network))
        other = _station(elsewhere, "other", "othervm", say)
        with world(network, other.identity, folder, order.certificate):
            yield _boot(other, OTHER_VM, other.vm)


def _station(order: Order, name: str, host_name: str, say: Say) -> Station:
    """A VM with a layer, an operator and a provisioning disc."""
    folder = Path(order.folder) / name
    folder.mkdir()
    layer = folder / "disk.qcow2"
    made = programs.run(
        overlay.create(order.backing, str(layer), order.plan.disk_mib), DISC_TIMEOUT, None, None, 1 << 16
    )
    if made.status != 0:
        raise RehearsalError(f"no layer over the image: {made.stderr.strip()[-200:]}")
    custom = f"#!/bin/sh\n# {MARK}\n"
    operator = Operator(host_name, USER, f"Re-{os.urandom(8).hex()}.1", client.make_key(folder), custom)
    vm = Vm(str(uuid.uuid4()), MACS[0], str(layer), str(folder), _disc(operator, folder))
    return Station(order, operator, vm, say)


def _disc(operator: Operator, folder: Path) -> str:
    """The provisioning disc, as a file."""
    document, image = folder / "disc" / "ovf-env.xml", folder / "disc.iso"
    document.parent.mkdir()
    document.write_text(ovf_env(operator))
    command = ("genisoimage", "-quiet", "-udf", "-V", LABEL, "-o", str(image), str(document))
    made = programs.run(command, DISC_TIMEOUT, None, None, 1 << 16)
    if made.status != 0:
        raise RehearsalError(f"no provisioning disc: {made.stderr.strip()[-200:]}")
    image.write_bytes(without_iso9660(image.read_bytes()))
    return str(image)


def _boot(station: Station, name: str, vm: Vm) -> Booted:
    """From power-on until it has shown what it does, then powered off."""
    plan, say = station.order.plan, station.say
    say(f"{name}: power on")
    (station.folder / "serial").unlink(missing_ok=True)
    (station.folder / "control").unlink(missing_ok=True)
    with Emulator(plan, vm) as emulator:
        patience = Patience(plan.accelerator, station.order.limit_s)
        watch = Watch(emulator, Path(station.order.folder), patience, lambda words: say(f"{name}: {words}"))
        ended = watch.until(_settled if name != SECOND_BOOT else _up)
        if ended != "done" and emulator.out_of_room:
            raise RehearsalError(
                f"no room for what the VM writes in {station.folder.parent} (TMPDIR names another place)"
            )
        login = _login(station, watch.seen, name)
        said = emulator.said()  # before the power-off, at which jobs end that were waiting
        _keep(station.order.console, name, said)
        screen = _picture(station, emulator, watch.seen, ended)
        if not emulator.power_off(POWER_OFF_S if login.key else WRITTEN_S):
            emulator.end()
        if emulator.error:
            raise RehearsalError(f"the emulator has ended: {emulator.error}")
        return _booted(name, plan, said, watch, ended, login, screen, station.operator.host_name)


def _settled(seen: Seen) -> bool:
    """Ready was reported, the extension has come to an end, and an SSH server answers."""
    done = requests.extension_state(seen.entries) in requests.ENDED
    return seen.ready and seen.banner_s is not None and done


def _up(seen: Seen) -> bool:
    """The agent has asked the platform, and an SSH server answers."""
    return "platform" in seen.milestones and seen.banner_s is not None


def _login(station: Station, seen: Seen, name: str) -> Login:
    """As the operator, once the user is due: at once in a VM that has been provisioned before."""
    if seen.banner_s is None:
        return Login()
    login = Login(seen.banner_s, host_keys=client.host_keys(LOGIN_S))
    if not seen.ready and name != SECOND_BOOT:
        return login
    station.say(f"{name}: logging in")
    return client.log_in(station.folder, station.operator, login, LOGIN_S)


def _keep(path: str, name: str, said: bytes) -> None:
    """All that the console said, for its owner alone."""
    if path:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
            file.write(f"===== {name} =====\n".encode() + said + b"\n")


def _picture(station: Station, emulator: Emulator, seen: Seen, ended: str) -> str:
    """Of the screen, where the console does not show how far it came."""
    if not station.order.screen or ended == "done" or not emulator.runs or "prompt" in seen.milestones:
        return ""
    return str(emulator.screen(Path(station.order.screen)) or "")


def _booted(
    name: str,
    plan: Plan,
    said: bytes,
    watch: Watch,
    ended: str,
    login: Login,
    screen: str,
    host_name: str,
) -> Booted:
    seen = watch.seen
    return Booted(
        name=name,
        ended=ended,
        took_s=seen.over_s,
        milestones=dict(seen.milestones),
        signs=(*seen.signs, *(console.pending(said, seen.over_s) if ended != "done" else ())),
        console_bytes=len(said),
        asked=requests.asked(seen.entries),
        reports=requests.reports(seen.entries),
        extension=requests.fetched(seen.entries),
        extension_state=requests.extension_state(seen.entries),
        login=login,
        screen=screen or None,
        network=plan.network,
        host_name=host_name,
        memory_mib=seen.memory_mib,
    )
