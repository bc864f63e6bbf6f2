"""Random machines whose configuration, files and names were made by somebody who wants `seal` to delete too much.

What may go is written down here once more and independently of the product's list, as regular expressions.
"""

from __future__ import annotations

import random
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

from azpreflight.host import HostError
from azpreflight.host.removable import PLACES as PLACES_OF_PRODUCT
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes import agents, generalization
from azpreflight.seal import cleanup
from tests.support.fakes import FakeHost, Link

NAME = r"[^/\0]+"
HOME = rf"(/root|/home/{NAME})"
ALLOWED = re.compile(
    "|".join(
        (
            rf"/var/log/(azure|waagent|walinuxagent)[^/\0]*(/{NAME})+",
            r"/var/log/waagent\.log[^/\0]*|/var/log/cloud-init[^/\0]*\.log[^/\0]*",
            rf"/var/log/journal/{NAME}",
            r"/var/log/(syslog|messages|auth\.log|secure|wtmp|btmp|lastlog|wtmp\.db|audit/audit\.log)",
            rf"{HOME}/(\.[^/\0]*(_history|_hist)|\.histfile|\.lesshst|\.viminfo)",
            rf"{HOME}/\.ssh/{NAME}",
            r"/root/(anaconda-ks|original-ks|initial-setup-ks)\.cfg|/root/autoinst\.xml",
            r"/var/log/installer/autoinstall-user-data|/var/adm/autoinstall/cache/installedSystem\.xml",
            r"/etc/(shadow-|resolv\.conf|machine-id)",
            r"(/usr/local)?/etc/sudoers\.d/(waagent|90-cloud-init-users|azure-init-user)",
            r"(/usr/local)?/etc/ssh/ssh_host_[^/\0]*key(\.pub)?",
            r"/etc/ssh/sshd_config\.d/50-(cloud|azure)-init\.conf",
            r"/var/lib/(dbus/machine-id|random-seed|(systemd|urandom)/random-seed|systemd/credential\.secret)",
            rf"/var/lib/(dhclient|dhcpcd|dhcp|systemd/network)/{NAME}|/var/db/dhclient\.leases\.[^/\0]*",
            r"/var/lib/NetworkManager/(secret_key|seen-bssids|timestamps|[^/\0]*\.lease)",
            r"/var/lib/dhcpcd5/[^/\0]*\.lease|/var/lib/wicked/lease-[^/\0]*\.xml",
            r"/var/lib/hyperv/\.kvp_pool_[0-4]",
            r"/etc/systemd/system/[^/\0]*\.wants/[^/\0]*-network-setup\.service",
            r"(/etc|/lib|/usr/lib)/systemd/system/azure[^/\0]*\.slice",
            rf"/var/spool/cron/(crontabs/)?{NAME}",
            r"/var/(lib|log)/azpreflight|/run/azpreflight/as-captured\.json",
            r"/etc/systemd/system/(sysinit\.target\.wants/azpreflight-capture\.service|azpreflight-capture\.service\.d(/armed\.conf)?)",
        )
    )
)
DOTS = re.compile(r"(^|/)\.{1,2}(/|$)|//|/$")
KEYS = ("Extension.LogDir", "Lib.Dir", "OS.SudoersDir", "OS.SshDir", "OS.PasswordPath", "ResourceDisk.MountPoint")
PIECES = (
    *("", ".", "..", "/", "//", "etc", "var", "log", "lib", "azure", "waagent", "usr", "home", "root", "sudoers.d"),
    *("ssh", "shadow", "passwd", "journal", "*", "?", "[a-z]*", "#", '"', " ", "None", "~", "$HOME", "\t", "azure/.."),
    *("\\", "dpkg", "cron", ".ssh", "a\nb", "\x1b[2J", "\udcff", "boot"),
)
VALUES = ("", ".", "/", "/var/log", "/etc", "/var/lib", "../..", "# comment", "/var/log/azure", "/var/lib/waagent")
HASH = "x:$6$saltsalt$" + "a" * 86 + ":1::::::\n"
TEXTS = (
    "x",
    "",
    HASH,
    "someone ALL=(ALL) ALL\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    "lease {\n}\n",
    "nameserver 10.0.0.1\n",
)
PLACES = (
    *(
        "/etc/passwd",
        "/etc/passwd-",
        "/etc/shadow",
        "/etc/shadow-",
        "/etc/group-",
        "/etc/resolv.conf",
        "/etc/machine-id",
    ),
    *("/bin/sh", "/usr/bin/waagent", "/etc/waagent", "/waagent", "/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key"),
    *(
        "/var/log/azure/ext/1.log",
        "/var/log/dpkg.log",
        "/var/log/journal/a/b",
        "/var/lib/dpkg/status",
        "/root/.x_history",
    ),
    *("/home/a/.ssh/id_rsa", "/home/a/.bash_history", "/var/spool/cron/gone", "/var/spool/cron/crontabs/gone", "/a-"),
    *("/var/lib/waagent/ovf-env.xml", "/var/lib/dhcp/dhclient.x.leases", "/usr/lib/systemd/system/azure.slice"),
)


def allowed(path: str) -> bool:
    """The path may go."""
    return ALLOWED.fullmatch(path) is not None and DOTS.search(path) is None


def value(chance: random.Random) -> str:
    """A value of a key: one that is known to hurt, or any pieces."""
    if chance.random() < 0.4:
        return chance.choice(VALUES)
    return chance.choice(("", "/")) + chance.choice(("/", "")).join(chance.choices(PIECES, k=chance.randint(1, 6)))


def path(chance: random.Random) -> str:
    """Where a file is: one of the places, or anywhere, also with a hostile name."""
    if chance.random() < 0.6:
        return chance.choice(PLACES)
    parts = [part for part in chance.choices(PIECES, k=chance.randint(1, 5)) if part.strip("/.")]
    return "/" + "/".join(part.replace("/", "_") for part in parts or ["x"])


def near(chance: random.Random) -> str:
    """A path that is one of the product's places but for a piece or two."""
    place = chance.choice(PLACES_OF_PRODUCT).pattern
    parts = [piece.replace("*", chance.choice(PIECES)) for piece in place.split("/")]
    if chance.random() < 0.5:
        parts.insert(chance.randint(0, len(parts)), chance.choice(PIECES))
    return "/".join(parts)


def configuration(chance: random.Random) -> str:
    """Lines of waagent.conf, with a key twice at times."""
    keys = chance.choices(KEYS, k=chance.randint(1, 6))
    lines = [f"{key}={value(chance)}" for key in keys]
    return "\n".join((*lines, "Provisioning.Agent=auto", "Provisioning.RegenerateSshHostKeyPair=y")) + "\n"


def machine(chance: random.Random) -> FakeHost:
    """Files, links and a configuration."""
    files: dict[str, Any] = {path(chance): chance.choice(TEXTS) for _ in range(chance.randint(1, 25))}
    for _ in range(chance.randint(0, 3)):
        files[path(chance)] = Link(chance.choice((path(chance), "..", "/", ".")))
    program = {"/usr/sbin/waagent": "#!/usr/bin/python3\n", "/usr/sbin/sshd": "x"}
    return FakeHost(
        files={**files, **program, "/etc/waagent.conf": configuration(chance).encode("utf-8", "surrogateescape")}
    )


def planned(host: FakeHost) -> tuple[cleanup.Change, ...]:
    """What seal would do to it, with every subject asked for."""
    run = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
    with suppress(HostError):  # links in a circle: then the defaults count, and seal refuses
        run = replace(run, needed={"agents": agents.PROBE.gather(host, run)})
    return cleanup.changes(generalization.PROBE.gather(host, run), run, tuple(cleanup.FIXES))
