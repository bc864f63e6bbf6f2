"""Inputs for the parsers' targets: what broke one once, pieces of their languages, and mutations of both."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz import parsers

PIECES = tuple(
    piece.encode("utf-8")
    for piece in (
        *(
            "\n",
            " ",
            "\t",
            "\r\n",
            "\0",
            '"',
            "'",
            "\\",
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "<",
            ">",
            "=",
            ":",
            ";",
            ",",
            "#",
        ),
        *(
            "-A",
            "-I OUTPUT 1",
            "-I OUTPUT \u00b2",
            "-P",
            ":I",
            "*filter",
            "COMMIT",
            "-j DROP",
            "--dport",
            "9" * 20,
            "! -d",
        ),
        *(
            "table ip x {",
            "chain y {",
            "type filter hook output priority 0;",
            "include ",
            "add rule",
            "flush",
            "set s {",
        ),
        *(
            "checks: [{id: a, file: /b, ",
            "tcp: '[::1]:2'",
            "waive: [{check: site-a, reason: b, ",
            "until: 2027-02-29",
            "within: [10.0.0.0/8]",
            "mode: 09",
        ),
        *(
            "!!float",
            "!!bool x",
            "!!timestamp",
            "&a",
            "*a",
            "<<:",
            "- ",
            "? ",
            "| ",
            "network: ",
            "1:1:1",
            "~",
            "%YAML",
        ),
        *(
            "lease {",
            "interface",
            "option routers ",
            "supersede domain-name-servers ",
            "deb [x] ",
            "URIs: ",
            "baseurl=",
        ),
        *("[Service]", "ExecStart=", "Environment=", "EnvironmentFile=", "http_proxy=", "${http_proxy}", "export "),
        *(
            "<a>",
            "</a>",
            "<Uri>",
            "<!DOCTYPE",
            "&#1;",
            "<Plugin>",
            '{"a":',
            "[1,",
            "null",
            "1e999",
            "\\u0000",
            "~azp1:",
        ),
        *(
            "nameserver ",
            "search ",
            "options ",
            "linux ",
            "set ",
            "saved_entry=",
            "10.0.0.4",
            "fe80::1%eth0",
            "::",
            "0x",
        ),
        *("physical_volumes {", "extent_size = ", "segment1 {", "stripes = [", "070701", "EFI PART", "LABELONE"),
    )
)
LONGEST = 4096


def examples(target: str) -> list[bytes]:
    """Where to begin: its corpus, and two that every language can begin with."""
    return [*parsers.seeds(target), b"", b"a: b\n[x]\ny=z\n", b" ".join(PIECES)[:LONGEST]]


def endless(target: str, seed: int) -> Iterator[bytes]:
    """Mutations without end; the same for the same seed."""
    rng = random.Random(f"{target} {seed}")
    known = examples(target)
    while True:
        data = bytearray(
            rng.choice(known) if rng.random() < 0.5 else b"".join(rng.choices(PIECES, k=rng.randrange(12)))
        )
        for _ in range(rng.randrange(4)):
            _mutate(data, rng)
        yield bytes(data[:LONGEST])


def _mutate(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data) + 1)
    kind = rng.randrange(5)
    if kind == 0:
        data[place : place + rng.randrange(8)] = b""
    elif kind == 1:
        data[place:place] = rng.choice(PIECES)
    elif kind == 2:
        data[place:place] = data[place : place + rng.randrange(40)] * rng.randrange(6)
    elif kind == 3:
        data[place : place + 1] = bytes([rng.randrange(256)])
    else:
        del data[place:]
