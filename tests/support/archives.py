"""Initial RAM file systems made of names and contents."""

from __future__ import annotations


def entry(name: str, content: bytes = b"", magic: str = "070701") -> bytes:
    """One file of an archive."""
    encoded = name.encode() + b"\0"
    numbers = [0, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0]
    head = magic.encode() + b"".join(b"%08X" % number for number in numbers) + encoded
    return padded(head) + padded(content)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def archive(*names: str, content: bytes = b"\x7fELF") -> bytes:
    """A whole archive, padded to a block."""
    data = b"".join(entry(name, content) for name in names) + entry("TRAILER!!!")
    return data + b"\0" * (-len(data) % 512)
