"""Logs in storage, by the URLs that fsspec knows (extra `azpreflight[fleet]`): az://, abfs://, s3://, memory:// ...

Of a storage account each container is listed after the other, so nothing has to be in memory but the names of one. Who
may read is decided by the variables of the file system's own library; for Azure, where they name no key, by
azure-identity's default credential.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Optional

from azpreflight.console.packed import unpacked
from azpreflight.fleet.item import Item, Kind
from azpreflight.fleet.local import LOG_MOST, PICTURES
from azpreflight.model.errors import UsageError

AZURE = ("az", "abfs", "abfss", "adl")
MARK = "://"
_STAMPS = ("etag", "ETag", "last_modified", "LastModified", "mtime", "created")
"""What the libraries call what changes with the content."""
_WILD = "*?["


def is_url(name: str) -> bool:
    """A URL of storage, and no path: a scheme has two letters at least."""
    scheme, mark, _ = name.partition(MARK)
    return bool(mark) and scheme.isalnum() and len(scheme) > 1


def found(url: str) -> Iterator[Item]:
    """The logs below this URL, which may have * in any part: `az://bootdiagnostics-*/`.

    What cannot be listed is among them, with the reason.
    """
    scheme, _, path = url.partition(MARK)
    try:
        files = _file_system(scheme)
        files.invalidate_cache()
        for name, about in _below(files, path.strip("/")):
            yield _item(scheme, name, about)
    except (OSError, ValueError) as error:
        yield Item(url, f"cannot list: {error}", Kind.LOST)
    except _refused() as error:
        yield Item(url, f"cannot list: {_sentence(error)}", Kind.LOST)


def read(item: Item) -> tuple[bytes, Optional[str]]:
    """What is inspected of the log, and the words for what is not. OSError where it is not to be had."""
    scheme, _, path = item.place.partition(MARK)
    try:
        files = _file_system(scheme)
        start = max(item.size - LOG_MOST, 0)
        content: bytes = files.cat_file(path, start=start or None)
    except _refused() as error:
        raise OSError(_sentence(error)) from None
    if start:
        return content, f"all but the last {LOG_MOST >> 20} MiB"
    return unpacked(content, LOG_MOST)


def _below(files: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All files below a path, a level at a time; a part with * is compared with the names of its level."""
    plain, wild = _parted(path)
    if wild:
        pattern, *rest = wild
        for about in files.ls(plain, detail=True):
            name = about["name"].strip("/")
            if fnmatch.fnmatchcase(name.rsplit("/", 1)[-1], pattern):
                yield from _below(files, "/".join([name, *rest]))
        return
    if path and files.isfile(path):
        yield path, files.info(path)
        return
    folders = [path]
    while folders:
        for about in files.ls(folders.pop(), detail=True):
            if about["type"] == "directory":
                folders.append(about["name"].strip("/"))
            elif not about["name"].lower().endswith(PICTURES):
                yield about["name"], about


def _parted(path: str) -> tuple[str, list[str]]:
    """The parts before the first with a *, and the others."""
    parts = path.split("/") if path else []
    first = next((place for place, part in enumerate(parts) if any(mark in part for mark in _WILD)), len(parts))
    return "/".join(parts[:first]), parts[first:]


def _item(scheme: str, name: str, about: Mapping[str, Any]) -> Item:
    url = f"{scheme}{MARK}{name.strip('/') if scheme in AZURE else name}"
    stamp = next((str(about[key]) for key in _STAMPS if about.get(key)), None)
    size = int(about.get("size") or 0)
    return Item(url, url, Kind.STORAGE, size, None if stamp is None else f"{size} {stamp}")


@lru_cache(maxsize=8)
def _file_system(scheme: str) -> Any:
    """One a process: its connections are kept."""
    try:
        import fsspec

        options: dict[str, Any] = {"skip_instance_cache": True}
        if scheme in AZURE:
            options["anon"] = os.environ.get("AZURE_STORAGE_ANON", "false").lower() == "true"
        return fsspec.filesystem(scheme, **options)
    except ImportError as error:
        raise UsageError(f"{scheme}{MARK} needs the libraries of azpreflight[fleet]: {error}") from None


def _refused() -> tuple[type[Exception], ...]:
    """What the libraries of Azure raise, where they are there."""
    try:
        from azure.core.exceptions import AzureError
    except ImportError:
        return ()
    return (AzureError,)


def _sentence(error: Exception) -> str:
    """The first line: the others quote the request."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
