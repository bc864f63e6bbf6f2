"""Where the configuration comes from: one file, and files that are dropped in beside it, in the order of their names.

Lists add up in that order; of anything else the last file has the last word. Whoever may write one of these files
decides over what runs as root, so each must belong to root and be writable by nobody else, and so must their
directories. A file that is named on the command line is the caller's own word, stands alone, and may be anybody's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.config.errors import ConfigError
from azpreflight.config.keys import MOST_WAIVERS, keys
from azpreflight.config.reader import SIZE_LIMIT, Entry, entries
from azpreflight.config.site_keys import MOST_CHECKS, MOST_OF_NETWORK
from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError
from azpreflight.model import Config
from azpreflight.model.site import PREFIX
from azpreflight.paths import CONFIG_DROP_INS as DROP_INS
from azpreflight.text import similar

MOST_FILES = 50
WHOLE_LIMIT = 256 * 1024
"""Bytes of all files together: PyYAML in pure Python reads some 200 KiB a second."""
OTHERS_WRITE = 0o022


@dataclass(frozen=True)
class Origin:
    """One value, and who said so."""

    key: str
    value: Any
    place: str
    """FILE:LINE."""


@dataclass(frozen=True)
class Loaded:
    """The configuration that is in force."""

    config: Config
    files: tuple[str, ...] = ()
    """What was read, in order."""
    origins: tuple[Origin, ...] = ()
    """Of each value that is not the default; of a list, of each of its items."""


def load(host: Host, path: str, *, required: bool, check_ids: Sequence[str]) -> Config:
    """The configuration that is in force, see `load_all`."""
    return load_all(host, path, required=required, check_ids=check_ids).config


def load_all(host: Host, path: str, *, required: bool, check_ids: Sequence[str]) -> Loaded:
    """The configuration in a file of the running system, with what is dropped in beside it unless it is `required`.

    The defaults if nothing is there, or for /dev/null. Raises ConfigError.
    """
    if path == os.devnull:
        return Loaded(Config())
    try:
        texts = _required(host, path) if required else tuple(_system(host, path))
    except HostError as error:
        raise ConfigError(str(error)) from None
    if sum(len(text) for _, text in texts) > WHOLE_LIMIT:
        raise ConfigError(f"{path} and the files in {DROP_INS} have more than {WHOLE_LIMIT >> 10} KiB together")
    return merged(texts, check_ids)


def parse(text: str, path: str, check_ids: Sequence[str]) -> Config:
    """The configuration that one text says; ConfigError with `path` and the line where it is wrong."""
    return merged([(path, text)], check_ids).config


def merged(texts: Sequence[tuple[str, str]], check_ids: Sequence[str]) -> Loaded:
    """What these files, each with its path, say together."""
    known = keys(check_ids)
    values: dict[str, Any] = {}
    origins: dict[str, list[Origin]] = {}
    for path, text in texts:
        for entry in entries(text, path, known):
            if known[entry.key].many:
                values[entry.key] = (*values.get(entry.key, ()), *entry.value)
                origins.setdefault(entry.key, []).extend(_items(entry, path))
            else:
                values[entry.key] = entry.value
                origins[entry.key] = [Origin(entry.key, entry.value, f"{path}:{entry.line}")]
    said = tuple(origin for of_key in origins.values() for origin in of_key)
    _refuse_contradictions(said)
    _refuse_too_many(said)
    return Loaded(replace(Config(), **values), tuple(path for path, _ in texts), said)


def _items(entry: Entry, path: str) -> Iterator[Origin]:
    for value, line in zip(entry.value, entry.lines):
        yield Origin(entry.key, value, f"{path}:{line}")


def _refuse_contradictions(origins: Sequence[Origin]) -> None:
    """Two checks of one id, and words about a check of the site's that no file defines."""
    defined: dict[str, str] = {}
    for origin in origins:
        if origin.key == "checks":
            if origin.value.id in defined:
                first = defined[origin.value.id]
                raise ConfigError(f"{origin.place}: checks: {origin.value.id} is defined at {first} already")
            defined[origin.value.id] = origin.place
    for origin in origins:
        name = _check_of(origin)
        if name is not None and name.startswith(PREFIX) and name not in defined:
            raise ConfigError(f"{origin.place}: {origin.key}: no check {name} is defined{similar(name, defined)}")


def _refuse_too_many(origins: Sequence[Origin]) -> None:
    """More than can be asked within a run."""
    checks = [origin for origin in origins if origin.key == "checks"]
    network = [origin for origin in checks if origin.value.kind.of_network]
    waivers = [origin for origin in origins if origin.key == "waive"]
    for found, most, what in (
        (checks, MOST_CHECKS, "checks"),
        (network, MOST_OF_NETWORK, "checks of the network"),
        (waivers, MOST_WAIVERS, "waivers"),
    ):
        if len(found) > most:
            raise ConfigError(f"{found[most].place}: {found[most].key}: more than {most} {what}")


def _check_of(origin: Origin) -> Optional[str]:
    if origin.key == "ignore":
        return str(origin.value)
    return str(origin.value.check) if origin.key == "waive" else None


# --- files --------------------------------------------------------------------------------------------------------


def _required(host: Host, path: str) -> tuple[tuple[str, str], ...]:
    text = host.text(path, SIZE_LIMIT)
    if text is None:
        raise ConfigError(f"cannot read {path}: no such file")
    return ((path, text),)


def _system(host: Host, path: str) -> Iterator[tuple[str, str]]:
    """The system's own file, if it is there, and those that are dropped in."""
    dropped = host.glob(f"{DROP_INS}/*.yaml")
    if len(dropped) > MOST_FILES:
        raise ConfigError(f"{DROP_INS} has more than {MOST_FILES} files")
    if dropped:
        _refuse_foreign(host, DROP_INS)
    for one in (path, *dropped):
        text = host.text(one, SIZE_LIMIT)
        if text is None and one != path:
            raise ConfigError(f"cannot read {one}: a link that leads nowhere")
        if text is not None:
            _refuse_foreign(host, os.path.dirname(one))
            _refuse_foreign(host, one)
            yield one, text


def _refuse_foreign(host: Host, path: str) -> None:
    info = host.info(path)
    if info is None:
        raise ConfigError(f"cannot read {path}: it has just been removed")
    if info.uid != 0:
        raise ConfigError(f"{path} is not used: it belongs to user {info.uid}, and it must belong to root (chown root)")
    if info.mode & OTHERS_WRITE:
        raise ConfigError(f"{path} is not used: others may write to it, mode {info.mode:04o} (chmod go-w)")
