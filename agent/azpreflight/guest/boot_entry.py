"""The entry that the boot loader starts by itself: kernel, initramfs and options, as its files name them. No opinion.

grub.cfg has blocks of its own or takes the files of the Boot Loader Specification (grub2, blscfg.c; uapi-group.org,
Boot Loader Specification). The first block counts unless `default` names another by its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader, unified
from azpreflight.host import FileKind, Host

TOPS = ("", "/boot", "/boot/efi", "/efi")
"""Where the boot loader's own / may be mounted."""
_DEFAULT = re.compile(r"^[ \t]*set default=\"?(\d{1,3})\"?[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class BootFile:
    """A file that an entry names."""

    name: str
    """As the entry has it."""
    path: Optional[str] = None
    """Where it was found; None: nowhere."""
    empty: bool = False


@dataclass(frozen=True)
class BootEntry:
    """What is started."""

    source: str
    """The file that says so."""
    kernel: BootFile
    images: tuple[BootFile, ...] = ()
    options: tuple[str, ...] = ()
    unresolved: bool = False
    """A name has a variable in it, so that files cannot be told."""

    def values(self, key: str) -> tuple[str, ...]:
        """All values of an option, in order."""
        return tuple(option.partition("=")[2] for option in self.options if option.startswith(f"{key}="))


def chosen(host: Host) -> Optional[BootEntry]:
    """None where no entry is found. HostError where a file cannot be read."""
    for path in (path for pattern in bootloader.GRUB for path in host.glob(pattern)):
        text = host.text(path, bootloader.LIMIT) or ""
        blocks = list(_blocks(text))
        number = _DEFAULT.search(text)
        index = int(number.group(1)) if number is not None else 0
        if blocks:
            return _entry(host, path, blocks[index] if index < len(blocks) else blocks[0])
    path_ = bootloader.chosen_entry(host)
    if path_ is None:
        return _unified(host)
    return _entry(host, path_, _of_specification(host.text(path_, bootloader.LIMIT) or "", bootloader.variables(host)))


def _unified(host: Host) -> Optional[BootEntry]:
    """The newest unified kernel image, which has all that an entry names."""
    newest = unified.newest(host)
    if newest is None:
        return None
    info = host.info(newest)
    empty = info is not None and info.size == 0
    path = newest if info is not None else None
    return BootEntry(newest, BootFile(newest, path, empty), options=unified.options(host, newest))


def _blocks(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(kernel, images, options) of each block of grub.cfg, in order."""
    current: Optional[tuple[str, list[str], list[str]]] = None
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in ("linux", "linux16", "linuxefi") and len(words) > 1:
            if current is not None:
                yield current
            current = (words[1], [], [word.strip("\"'") for word in words[2:]])
        elif words and words[0] in ("initrd", "initrd16", "initrdefi") and current is not None:
            current[1].extend(words[1:])
        elif words and words[0] in ("menuentry", "submenu", "}") and current is not None:
            yield current
            current = None
    if current is not None:
        yield current


def _of_specification(text: str, variables: dict[str, str]) -> tuple[str, list[str], list[str]]:
    kernel, images = "", []
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key in ("linux", "efi", "uki"):
            kernel = value.strip()
        elif key == "initrd":
            images.extend(value.split())
    return kernel, images, list(bootloader.of_entry(text, variables) or ())


def _entry(host: Host, source: str, block: tuple[str, list[str], list[str]]) -> BootEntry:
    kernel, images, options = block
    named = [image for image in images if not image.startswith("$")]
    return BootEntry(
        source=source,
        kernel=_find(host, kernel),
        images=tuple(_find(host, image) for image in named),
        options=tuple(options),
        unresolved="$" in "".join((_bare(kernel), *map(_bare, named))) or not kernel,
    )


def _bare(name: str) -> str:
    """Without the device of GRUB before it: ($root)/vmlinuz, (hd0,gpt2)/vmlinuz."""
    return re.sub(r"^\([^)]*\)", "", name)


def _find(host: Host, name: str) -> BootFile:
    bare = _bare(name)
    places = [f"{top}{bare}" for top in TOPS]
    if bare.count("/") > 1:
        places.append("/" + bare.split("/", 2)[2])
    for path in places:
        info = host.info(path)
        if info is not None and info.kind is FileKind.FILE:
            return BootFile(name, path, info.size == 0)
    return BootFile(name)
