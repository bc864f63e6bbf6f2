"""The files in which a proxy is set, read as their owners read them. Pure; no password comes out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Optional
from urllib.parse import urlsplit

from azpreflight import shell
from azpreflight.guest.shell_variables import VALUE_MOST, expanded

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?(\w+)=(.*)$")
_APT = re.compile(r'\b(https?)\s*(?:::|\{)\s*proxy\s+"([^"]*)"', re.IGNORECASE)
_DNF = re.compile(r"^proxy\s*[=:]\s*(\S+)", re.MULTILINE)
_HOST = re.compile(r"[a-z0-9._:-]+")
"""A name or an address; what a shell would have to compute is neither."""
_NONE = ("", "direct", "_none_", "none")
"""How apt and dnf say that there is none."""


def proxy_of(value: Optional[str]) -> Optional[str]:
    """HOST:PORT of a proxy's address, without scheme, user and password; None for none, or where it is malformed."""
    if value is None or value.strip().lower() in _NONE:
        return None
    text = value.strip()
    try:
        parts = urlsplit(text if "://" in text or text.startswith("//") else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or not _HOST.fullmatch(host) or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return None  # with an @ after it, the host may be a piece of a password
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def mistake(value: Optional[str]) -> Optional[str]:
    """What is wrong with a variable, in words that follow "sets", where the agent takes it for no proxy; None if it
    does not, or if none is meant. The agent reads it by urlparse() alone (WALinuxAgent, common/utils/restutil.py)."""
    if value is None or value.strip().lower() in _NONE:
        return None
    proxy = proxy_of(value)
    if proxy is None:
        return "a proxy without a host, or with one of / ? # in its password"
    if urlsplit(value.strip()).hostname is None:
        return f"the proxy {proxy} without http:// before it"
    return f"the proxy {proxy} without a port" if urlsplit(value.strip()).port is None else None


def assignments(text: str) -> dict[str, str]:
    """Variables that a file of the shell's form sets, with those that it has set before put in.

    /etc/environment, EnvironmentFile= of systemd and /etc/profile.d are near enough to one another for the variables
    of a proxy. What a shell would have to compute is left out.
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        found = _ASSIGNMENT.match(line)
        if found is not None:
            value = _first_word(found.group(2))
            values[found.group(1)] = expanded(value, values)
    return values


def _first_word(text: str) -> str:
    """What the shell would take for the value: quotes away, up to a blank, a semicolon or a comment. Nothing for one
    that is too long for a proxy; shlex takes quadratic time."""
    if len(text) > VALUE_MOST:
        return ""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";")
        lexer.whitespace_split = True
        return lexer.get_token() or ""
    except ValueError:
        return ""


def unit_environment(text: str, key: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables of all lines `key=` (Environment or DefaultEnvironment) and the files of EnvironmentFile= lines.

    An empty value takes back what the same file said before (systemd.exec(5)).
    """
    values: dict[str, str] = {}
    files: list[str] = []
    for line in _joined(text):
        name, _, rest = line.partition("=")
        if name.strip() == key:
            if not rest.strip():
                values.clear()
            values.update(_pairs(rest))
        elif name.strip() == "EnvironmentFile":
            if not rest.strip():
                files.clear()
            files += rest.strip().lstrip("-").splitlines()
    return values, tuple(files)


def _joined(text: str) -> list[str]:
    """Lines, those that end in a backslash joined with the next, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and line.strip()[0] not in "#;["]


def _pairs(rest: str) -> Iterable[tuple[str, str]]:
    try:
        words = shell.words(rest)
    except ValueError:
        return ()
    return [(name, value) for name, mark, value in (word.partition("=") for word in words) if mark]


def apt_proxies(text: str) -> dict[str, Optional[str]]:
    """The proxy by scheme in a file of apt (apt.conf(5))."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
    return {scheme.lower(): proxy_of(value) for scheme, value in _APT.findall("\n".join(kept))}


def dnf_proxy(text: str) -> Optional[str]:
    """The proxy in dnf.conf or yum.conf."""
    found = _DNF.search(text)
    return proxy_of(found.group(1)) if found is not None else None


def variable(values: Mapping[str, str], name: str) -> Optional[str]:
    """A variable in lower case or, failing that, in upper case; None if it is not set."""
    return values.get(name, values.get(name.upper()))


def exempt_of(values: Mapping[str, str]) -> tuple[str, ...]:
    """The entries of no_proxy."""
    entries = (variable(values, "no_proxy") or "").replace(" ", ",").split(",")
    return tuple(entry for entry in entries if entry)
