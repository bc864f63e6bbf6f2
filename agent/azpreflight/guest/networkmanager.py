"""NetworkManager's own configuration: which NICs it leaves to others (NetworkManager.conf(5)).

Files below /etc hide those of the same name below /usr/lib, all are read by name, and the last word on a key counts. A
list of devices names what fits any of its specifications and none that begins with "except:".
"""

from __future__ import annotations

import fnmatch
from typing import Optional

from azpreflight.guest import network_bindings
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host

NO = ("0", "no", "false")
MAIN = "/etc/NetworkManager/NetworkManager.conf"
DIRECTORIES = ("/usr/lib/NetworkManager/conf.d", "/etc/NetworkManager/conf.d")


def unmanaged(host: Host, name: str, driver: str) -> Optional[str]:
    """The file that has an Ethernet NIC of this name and driver left alone; None: it is managed."""
    by_name = {path.rpartition("/")[2]: path for base in DIRECTORIES for path in host.glob(f"{base}/*.conf")[:KEPT]}
    paths = sorted(by_name.values(), key=lambda path: (path.startswith("/etc"), path))
    found: Optional[tuple[str, str]] = None
    switched_off: Optional[str] = None
    for path in (*(one for one in paths if one.startswith("/usr")), MAIN, *(one for one in paths if "/etc/" in one)):
        sections = network_bindings.sections(host.text(path, SMALL) or "")
        value = sections.get("keyfile", {}).get("unmanaged-devices")
        for title, settings in sections.items():
            off = settings.get("managed", "").lower() in NO and fits(settings.get("match-device", "*"), name, driver)
            switched_off = path if title.startswith("device") and off else switched_off
        found = (path, value) if value is not None else found
    return found[0] if found is not None and fits(found[1], name, driver) else switched_off


def fits(specifications: str, name: str, driver: str) -> bool:
    """A list of devices names this NIC."""
    words = [word.strip() for word in specifications.replace(";", ",").split(",") if word.strip()]
    but = [word.partition("except:")[2] for word in words if word.startswith("except:")]
    named = [word for word in words if not word.startswith("except:")]
    return any(_fits(word, name, driver) for word in named) and not any(_fits(word, name, driver) for word in but)


def _fits(word: str, name: str, driver: str) -> bool:
    key, colon, value = word.partition(":")
    if not colon:
        return word in ("*", name)
    sought = {"interface-name": name, "driver": driver, "type": "ethernet"}.get(key)
    return sought is not None and fnmatch.fnmatchcase(sought, value.lstrip("="))
