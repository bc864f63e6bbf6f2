"""What happens to text on a shared serial console, with lines that real machines wrote there."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

LOGS = Path(__file__).parent.parent / "data" / "serial"


def recorded(name: str) -> bytes:
    """A whole boot log."""
    return gzip.decompress((LOGS / f"{name}.log.gz").read_bytes())


NOISE = tuple(line + b"\r\n" for line in recorded("boot-trixie").splitlines() if line.strip())
KERNEL = tuple(line for line in NOISE if line.startswith(b"["))


def splice(log: bytes, rng: random.Random) -> bytes:
    """One to three lines of the kernel or of systemd in the middle of whatever was being written."""
    place = rng.randrange(len(log) + 1)
    return log[:place] + b"".join(rng.choices(KERNEL, k=rng.choice((1, 1, 1, 2, 3)))) + log[place:]


def lose(log: bytes, rng: random.Random, count: int = 40) -> bytes:
    """A burst that the port dropped."""
    place = rng.randrange(max(len(log) - count, 1))
    return log[:place] + log[place + count :]


def cut_tail(log: bytes, rng: random.Random, most: int = 1500) -> bytes:
    """The log ends before the frame does."""
    return log[: max(len(log) - rng.randrange(most + 1), 0)]


def crlf(log: bytes, rng: random.Random) -> bytes:
    """The terminal's line ends, doubled where the writer made some too."""
    return log.replace(b"\n", b"\r\n" if rng.random() < 0.5 else b"\r\r\n")


def wrapped(log: bytes, rng: random.Random) -> bytes:
    """Copied from a terminal that breaks lines at its width."""
    width = rng.choice((80, 100, 132))
    return b"\n".join(log[start : start + width] for start in range(0, len(log), width))


def nul_padded(log: bytes, rng: random.Random) -> bytes:
    """A page blob is a multiple of 512 bytes."""
    return log + b"\0" * rng.randrange(4096)


def login(log: bytes, rng: random.Random) -> bytes:
    """A prompt is pending, and somebody's shell follows."""
    return b"\r\nlocalhost login: " + log + b"\r\nroot@localhost:~# echo ~azp1:nothing:~\r\n"


def json_string(log: bytes, rng: random.Random) -> bytes:
    """As the cloud's command-line tool prints it: a JSON string, bytes that are no UTF-8 replaced."""
    return json.dumps(log.decode("utf-8", "replace"), ensure_ascii=rng.random() < 0.5).encode("utf-8")


def python_repr(log: bytes, rng: random.Random) -> bytes:
    """As a script prints bytes that it forgot to decode."""
    return repr(log).encode("ascii")


def utf16(log: bytes, rng: random.Random) -> bytes:
    """As a Windows shell redirects it into a file."""
    return log.decode("latin-1").encode("utf-16")


def stray_bytes(log: bytes, rng: random.Random) -> bytes:
    """Line noise: bytes that are no text, between lines."""
    lines = log.split(b"\n")
    lines.insert(rng.randrange(len(lines)), bytes(rng.choices(range(0x80, 0x100), k=rng.randrange(1, 8))))
    return b"\n".join(lines)


def booted(log: bytes, rng: random.Random) -> bytes:
    """In the middle of what else a boot writes."""
    place = rng.randrange(len(NOISE))
    return b"".join(NOISE[:place]) + log + b"".join(NOISE[place:])


TRANSPORTS = (crlf, wrapped, nul_padded, login, stray_bytes, booted)
"""Changes that leave every character of a frame where it was, in the order in which they may happen."""
QUOTES = (json_string, python_repr, utf16)


def carried(log: bytes, rng: random.Random) -> bytes:
    """Any of the changes on the way from the console to the reader."""
    for transport in TRANSPORTS:
        if rng.random() < 0.4:
            log = transport(log, rng)
    return rng.choice(QUOTES)(log, rng) if rng.random() < 0.4 else log
