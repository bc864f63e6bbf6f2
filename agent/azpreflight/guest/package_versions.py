"""Which versions of a package are installed, by dpkg's own list or by rpm. No opinion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from azpreflight.guest.package_database import DATABASES
from azpreflight.host import Host, HostError

STATUS, *RPM = DATABASES
STATUS_LIMIT = 64 << 20
"""Bytes of dpkg's list; that of a desktop with 4,000 packages has 6 MB."""
TIMEOUT = 3.0
"""Seconds for rpm, which opens its database in half a second."""
FORMAT = "%{NAME}\\t%{VERSION}-%{RELEASE}\\n"


def installed(host: Host, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The installed versions of each of these packages, none for one that is not installed.

    HostError where there is no database, or where rpm's would have to be read of a mounted image: only rpm reads it.
    """
    has_dpkg = host.info(STATUS) is not None
    has_rpm = any(host.info(path) is not None for path in RPM)
    if not has_dpkg and not has_rpm:
        raise HostError("there is neither a database of dpkg nor one of rpm")
    found: dict[str, list[str]] = {name: [] for name in names}
    pairs = [
        *(of_status(host.text(STATUS, STATUS_LIMIT) or "") if has_dpkg else ()),
        *(_of_rpm(host, names) if has_rpm else ()),
    ]
    for name, version in pairs:
        if name in found:
            found[name].append(version)
    return {name: tuple(dict.fromkeys(versions)) for name, versions in found.items()}


def of_status(text: str) -> Iterator[tuple[str, str]]:
    """Name and version of all that dpkg has installed, in whatever state of configuration it is (deb-control(5))."""
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[:1] != " ")
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            yield fields["Package"], fields.get("Version", "")


def _of_rpm(host: Host, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """rpm says on standard output of each package that it is not installed, and ends with their number."""
    done = host.run(("rpm", "--query", "--queryformat", FORMAT, "--", *names), TIMEOUT)
    for line in done.stdout.splitlines():
        name, tab, version = line.partition("\t")
        if tab:
            yield name, version
