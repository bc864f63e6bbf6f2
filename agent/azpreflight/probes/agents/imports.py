"""Whether the Python of an agent has what the agent imports at its start: told from the agent's own source.

Imports at the beginning of a line are not within `try:`, so that one that fails ends the agent. Its modules are
followed from those that a start imports; what these take from elsewhere must be in one of Python's directories
(Python, "The import system"; WALinuxAgent, azurelinuxagent/agent.py; cloud-init, cloudinit/cmd/main.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from azpreflight.guest import package_database
from azpreflight.host import Host

STARTS = {
    "azurelinuxagent": ("agent", "daemon/main", "ga/update"),
    "cloudinit": ("cmd/main", "sources/DataSourceAzure", "config/cc_users_groups", "config/cc_ssh"),
}
"""Modules that every start imports, by the agent's package."""
MAX_FILES = 250
LIMIT = 1 << 20
"""Bytes of one source file; the largest has 200 KiB."""
_IMPORT = re.compile(r"^(?:import|from)[ \t]+([A-Za-z_][\w.]*)(?:[ \t]+import[ \t]+([\w, \t]+))?", re.MULTILINE)
JUDGED_ELSEWHERE = ("crypt", "distutils")
_BUILT_IN = """
sys builtins time errno posix pwd grp spwd fcntl select array math cmath zlib syslog binascii itertools marshal gc
atexit faulthandler signal unicodedata resource termios mmap __future__
"""
BUILT_IN = frozenset(_BUILT_IN.split())
"""Modules that are a part of the interpreter in some builds and a file in others."""
WITH = {"ssl": "_ssl", "requests": "_ssl"}
"""What a module of the library needs that is packed apart at times."""


def missing(host: Host, package: str, module: str, python: str) -> tuple[str, ...]:
    """Names that the agent in this directory imports and this Python does not find, sorted.

    None in an image that is not a whole one, where what is not found may have been left out.
    """
    bases = [f"{top}/python{python}" for top in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")]
    whole = next((base for base in bases if host.info(f"{base}/encodings/__init__.py") is not None), None)
    if whole is None or not package_database.is_whole(host):
        return ()
    names = _imported(host, package, module) - BUILT_IN - {module, *JUDGED_ELSEWHERE}
    needed = names | {WITH[name] for name in names & set(WITH)}
    places = (package, "/usr/lib/python3/dist-packages", *_places(bases))
    return tuple(sorted(name for name in needed if not _found(host, name, places)))


def _places(bases: list[str]) -> Iterator[str]:
    for base in bases:
        yield from (base, f"{base}/lib-dynload", f"{base}/site-packages", f"{base}/dist-packages")


def _found(host: Host, name: str, places: tuple[str, ...]) -> bool:
    for place in places:
        if any(host.info(f"{place}/{name}{end}") is not None for end in (".py", "")) or host.glob(
            f"{place}/{name}.*so"
        ):
            return True
    return False


def _imported(host: Host, package: str, module: str) -> set[str]:
    """Names of modules of elsewhere, by following those of the agent."""
    waiting = [f"{module}/{start}" for start in STARTS[module]]
    seen: set[str] = set()
    names: set[str] = set()
    while waiting and len(seen) < MAX_FILES:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        text = host.text(f"{package}/{path}.py", LIMIT)
        if text is None:
            text = host.text(f"{package}/{path}/__init__.py", LIMIT) or ""
        for name, parts in _IMPORT.findall(text):
            if name.split(".")[0] != module:
                names.add(name.split(".")[0])
                continue
            inner = name.replace(".", "/")
            waiting.append(inner)
            waiting += [f"{inner}/{part.split()[0]}" for part in parts.split(",") if part.split()]
    return names
