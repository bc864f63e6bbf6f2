"""The agents as Python programs: whether the interpreter finds them and what waagent imports, and what its version is
known for.

The agent breaks when Python is replaced under it: `distutils` left the library in 3.12 and `crypt` in 3.13, and both
are imported by agents of some years ago before they log a line, so that nothing tells why no VM is provisioned. All of
it is told from files, the same for a mounted image; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from azpreflight.azure.agent_versions import number
from azpreflight.dataclass import dataclass
from azpreflight.host import Host
from azpreflight.probes.agents import imports

LIMIT = 1 << 20
"""Bytes of one source file; the largest has 100 KiB."""
HEAD = 200
"""Characters of a program in which its first line is."""
SOURCES = (
    "common/osutil/default.py",
    "common/osutil/factory.py",
    "common/utils/textutil.py",
    "common/utils/flexible_version.py",
)
"""What is imported at every start and uses modules that left Python."""
GONE = re.compile(r"^(?:from|import) +(distutils|crypt)\b", re.MULTILINE)
"""Only at the head of a module; newer agents try one import after another."""
NO_TOSTRING = (3, 9)
"""The first Python without array.tostring (What's New In Python 3.9, "Removed"). waagent up to 2.2.47 calls it when it
provisions, to list the NICs (common/osutil/default.py); newer ones only on an older Python (common/future.py)."""
START = "ExecStart="
MAX_LINKS = 5
"""From /usr/bin/python by the alternatives system to python3.9."""


@dataclass(frozen=True)
class ProgramFacts:
    """The program and its interpreter."""

    interpreter: Optional[str] = None
    """Of the first line, or of the unit's command; None: it names none."""
    interpreter_found: bool = False
    python: Optional[str] = None
    """3.11; None where the interpreter's name does not tell."""
    package: Optional[str] = None
    """Where this Python finds the agent's modules; None where it finds none, or the version is not known."""
    missing: tuple[str, ...] = ()
    """Modules that the agent imports at every start and this Python does not have."""
    hashing: tuple[str, ...] = ()
    """The modules of which this version of the agent needs one to hash a password; empty: no agent."""
    hashes: bool = True
    """This Python has one of them."""
    lacks_tostring: bool = False
    """It calls array.tostring when it provisions, which this Python has no more."""
    hides_errors: bool = False
    """Its own report of an error raises TypeError on this Python (2.7.3 on 3.10 and newer)."""


def look(host: Host, program: str, unit_text: str) -> ProgramFacts:
    """The program's first line or the unit's command, and the files of the Python that it names."""
    found = look_for(host, program, unit_text, "azurelinuxagent")
    package, python = found.package, found.python
    texts = [host.text(f"{package}/azurelinuxagent/{source}", LIMIT) or "" for source in SOURCES] if package else []
    imported = {name for text in texts for name in GONE.findall(text)}
    gone = {name for name in imported if not _importable(host, name, python or "")}
    return replace(
        found,
        missing=tuple(sorted({*found.missing, *gone})),
        lacks_tostring=bool(texts) and number(python or "") >= NO_TOSTRING and "buff.tostring()" in texts[0],
        hides_errors=python is not None and number(python) >= (3, 10) and any("(etype=" in text for text in texts),
    )


def look_for(host: Host, program: str, unit_text: str, module: str) -> ProgramFacts:
    """The interpreter, and whether it finds the modules of the agent and what those import."""
    interpreter = _interpreter((host.text(program, LIMIT) or "")[:HEAD], unit_text)
    if interpreter is None:
        return ProgramFacts()
    python = _version(host, interpreter)
    package = next(_packages(host, python, module), None) if python is not None else None
    lacking = imports.missing(host, package, module, python) if package is not None and python is not None else ()
    return ProgramFacts(interpreter, host.info(interpreter) is not None, python, package, lacking)


def with_hashes(host: Host, found: ProgramFacts, modules: tuple[str, ...]) -> ProgramFacts:
    """The same, with whether a password can be hashed with one of these; taken for granted where the version of Python
    is not known."""
    python = found.python
    hashes = python is None or any(_importable(host, name, python) for name in modules)
    return replace(found, hashing=modules, hashes=hashes)


def _interpreter(head: str, unit_text: str) -> Optional[str]:
    starts = [line[len(START) :].lstrip("-@:+!").split() for line in unit_text.splitlines() if line.startswith(START)]
    in_unit = next((words[0] for words in starts if len(words) > 1 and _is_python(words[0])), None)
    if in_unit is not None:
        return in_unit
    match = re.match(r"#! *(?:/usr/bin/env +(\S+)|(/\S+))", head)
    if match is None:
        return None
    return f"/usr/bin/{match.group(1)}" if match.group(1) else match.group(2)


def _is_python(word: str) -> bool:
    return word.startswith("/") and "python" in word


def _version(host: Host, interpreter: str) -> Optional[str]:
    """From the name that the interpreter's links lead to."""
    path = interpreter
    for _ in range(MAX_LINKS):
        match = re.search(r"python(\d+\.\d+)$", path)
        if match is not None:
            return match.group(1)
        info = host.info(path, follow=False)
        if info is None or info.target is None:
            return None
        path = info.target if info.target.startswith("/") else f"{path.rpartition('/')[0]}/{info.target}"
    return None


def _packages(host: Host, python: str, module: str) -> Iterator[str]:
    """Directories of this Python that have the agent in them."""
    shared = ("/usr/lib/python3/dist-packages",) if python.startswith("3.") else ()
    bases = [f"{top}/python{python}" for top in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")]
    places = [*shared, *(f"{base}/{kind}-packages" for base in bases for kind in ("site", "dist"))]
    places += [egg for place in tuple(places) for egg in host.glob(f"{place}/WALinuxAgent-*.egg")]
    yield from (place for place in places if host.info(f"{place}/{module}") is not None)


def _importable(host: Host, name: str, python: str) -> bool:
    """In the library, beside the packages, or for distutils by what setuptools puts in its place."""
    bases = [f"{top}/python{python}" for top in ("/usr/lib", "/usr/lib64", "/usr/local/lib")]
    places = [
        "/usr/lib/python3/dist-packages",
        *bases,
        *(f"{base}/{kind}-packages" for base in bases for kind in ("site", "dist")),
    ]
    files = (f"{name}.py", f"{name}/__init__.py", *(("distutils-precedence.pth",) if name == "distutils" else ()))
    return any(host.info(f"{place}/{file}") is not None for place in places for file in files)
