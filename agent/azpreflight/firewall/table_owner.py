"""Whether a table with the name of one of iptables' own holds rules that iptables made.

`iptables-nft-save` prints any table of such a name, and where nft made a rule it may print another: of an address set,
a verdict map or an address range what is left is "-A OUTPUT -j DROP", or nothing at all (iptables 1.8.9), and it does
not always say so. So the same table is inspected as nft lists it. Modules of iptables are kept in it as such, and nft
says that there are some; where there are none, iptables can have made only what is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from azpreflight.firewall.rules import Table, rules_of

MANAGED = "is managed by iptables-nft"
"""What nft writes to standard error about a table with modules of iptables (since 1.0.2); before, it lists them."""
_MODULE = re.compile(r"\bxt (?:match|target) ")
_COUNTER = re.compile(r"\bcounter packets [0-9]+ bytes [0-9]+")
_ADDRESS = r"[0-9a-fA-F.:]+"
_PORTS = r"[0-9]+(?:-[0-9]+)?"
_PLAIN = re.compile(
    r"(?:(?:"
    + "|".join(
        (
            r'[io]ifname (?:!= )?"[^"]+"',
            rf"ip6? [sd]addr (?:!= )?{_ADDRESS}(?:/[0-9]+)?",
            rf"ip6? [sd]addr & {_ADDRESS} [!=]= {_ADDRESS}",
            r"meta l4proto (?:!= )?\w+(?:-\w+)?",
            rf"(?:tcp|udp) [sd]port (?:!= )?{_PORTS}",
            r"tcp flags (?:!= )?[0-9a-fx,]+ / [0-9a-fx,]+",
            r"ip frag-off & 8191 [!=]= 0",
            r"meta mark (?:& 0x[0-9a-f]+ [!=]= |!= )?0x[0-9a-f]+",
            r"limit rate [0-9]+/\w+(?: burst [0-9]+ packets)?",
            r"counter packets [0-9]+ bytes [0-9]+",
            r'log prefix "[^"]*"',
            r"(?:log )?group [0-9]+",
            r"(?:snaplen|queue-threshold) [0-9]+",
            r"meta nftrace set 1",
            r'comment "[^"]*"',
            r"(?:jump|goto) \S+",
            r"accept|drop|return",
        )
    )
    + r")(?: |$))*"
)
"""A rule without modules, as iptables makes it."""


def foreign(table: Table, said: str) -> bool:
    """True for a table of which nft has made rules, and iptables none. `said` is what nft wrote to standard error."""
    return not _has_modules(table, said) and not all(_PLAIN.fullmatch(line) for line in _lines(table))


def mixed(table: Table, said: str) -> bool:
    """True for a table in which both have made rules: neither program can print it so that it could be loaded.

    Every rule of iptables counts, most of nft's do not.
    """
    return _has_modules(table, said) and not all(_COUNTER.search(line) for line in _lines(table))


def _has_modules(table: Table, said: str) -> bool:
    return MANAGED in said or bool(_MODULE.search(table.text))


def _lines(table: Table) -> Iterator[str]:
    """The rules without handles."""
    return (line.rpartition(" # handle ")[0] for line in rules_of((table,)))
