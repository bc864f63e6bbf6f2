"""What is tried over SSH, and what its output says. Pure.

One login by the operator's key runs a script that reads what only the inside shows; another one uses the password.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from azpreflight.foreign import whole
from azpreflight.rehearse.facts import Login
from azpreflight.text import plain

MARK = "azpreflight-rehearsal"
"""In the custom data, by which it is found again."""
SECTION = "@@"
_SCRIPT = f"""
root() {{ sudo -n "$@" 2>/dev/null || echo "$password" | sudo -S -p "" "$@" 2>/dev/null; }}
say() {{ echo "{SECTION}$1 $2"; }}
say host "$(hostname)"
sudo=no
[ "$(root id -u)" = 0 ] && sudo=yes
say sudo "$sudo"
say machine-id "$(cat /etc/machine-id 2>/dev/null)"
found=no
for file in /var/lib/cloud/instance/user-data.txt /var/lib/waagent/CustomData; do
    text=$(root cat "$file" | tr -d '\\0')
    case "$text" in *{MARK}*) found=yes ;; esac
    case "$(echo "$text" | base64 -d 2>/dev/null)" in *{MARK}*) found=yes ;; esac
done
say custom-data "$found"
statuses=$(root sh -c 'cat /var/lib/waagent/*/status/*.status')
say extension "$(echo "$statuses" | sed -n 's/.*"status": "\\([a-z]*\\)".*/\\1/p' | tail -n 1)"
say disk "$(df -P -m / | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2,4)"
systemctl list-units --failed --plain --no-legend 2>/dev/null | while read -r unit rest; do say failed "$unit"; done
say end .
"""
"""For a POSIX shell, as the user; what needs root is read by sudo, with the operator's password where it wants one."""
REASONS = re.compile(
    r"Permission denied \([a-z,-]{1,80}\)|Connection (?:closed|reset|refused|timed out)|No route to host"
    r"|account has expired|password has expired|not available|System is booting up"
)
"""What OpenSSH's client and pam_nologin say."""
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def script(password: str) -> str:
    """What is run in the VM; it goes over the connection, and is on no command line."""
    return f"password={shlex.quote(password)}\n{_SCRIPT}"


def read(login: Login, output: str) -> Login:
    """The login with what the script printed."""
    rows = [line[len(SECTION) :].partition(" ") for line in output.splitlines() if line.startswith(SECTION)]
    found: Mapping[str, str] = {key: value.strip() for key, _, value in rows}
    if "end" not in found:
        return login
    return replace(
        login,
        key=True,
        host_name=plain(found.get("host", "")) or None,
        sudo=found.get("sudo") == "yes",
        machine_id=plain(found.get("machine-id", "")) or None,
        custom_data=found.get("custom-data") == "yes" if found.get("sudo") == "yes" else None,
        extension=plain(found.get("extension", "")) or None,
        root_mib=_disk(found)[0],
        free_mib=_disk(found)[1],
        failed_units=tuple(plain(value.strip()) for key, _, value in rows if key == "failed")[:20],
    )


def _disk(found: Mapping[str, str]) -> tuple[Optional[int], Optional[int]]:
    """Size and room of the root filesystem, as df(1) counts them."""
    size, _, free = found.get("disk", "").partition(" ")
    return whole(size), whole(free)


def reason(text: str) -> str:
    """Why a client failed, of what it says; the server may have added anything to it."""
    found = REASONS.search(text)
    return found.group() if found is not None else ""


def fingerprints(text: str) -> tuple[str, ...]:
    """Those that ssh-keygen printed."""
    return tuple(sorted(set(FINGERPRINT.findall(text))))
