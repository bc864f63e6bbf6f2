"""Rulesets made up at random."""

from __future__ import annotations

from hypothesis import strategies as st

NETS = ("168.63.129.16/32", "168.0.0.0/8", "169.254.0.0/16", "10.0.0.0/24", "10.0.0.4/32", "20.60.0.10/32", "0.0.0.0/1")
STATES = st.lists(st.sampled_from(["NEW", "ESTABLISHED", "RELATED", "INVALID"]), min_size=1, max_size=2, unique=True)
NOT = st.sampled_from(["", "", "! "])


@st.composite
def conditions(draw: st.DrawFn, outgoing: bool) -> str:
    """What a rule asks for: any of the things that the text is understood to mean."""
    words = []
    for option in "sd":
        if draw(st.booleans()):
            words.append(f"{draw(NOT)}-{option} {draw(st.sampled_from(NETS))}")
    if draw(st.booleans()):
        words.append(f"{draw(NOT)}-{'o' if outgoing else 'i'} {draw(st.sampled_from(['eth0', 'lo', 'eth+', 'ens3']))}")
    protocol = draw(st.sampled_from(["", "tcp", "udp"]))
    if protocol:
        words.append(f"-p {protocol}")
        ports = draw(st.sampled_from(["80", "443", "53", "1:1023", "1024:65535"]))
        direction = draw(st.sampled_from(["--sport", "--dport"]))
        several = draw(st.sampled_from(["80,443", "53,32526", "1:60,70:90", "443"]))
        words.append(
            draw(
                st.sampled_from(
                    ["", f"-m {protocol} {draw(NOT)}{direction} {ports}", f"-m multiport {draw(NOT)}--dports {several}"]
                )
            )
        )
    if draw(st.booleans()):
        words.append(f"-m conntrack {draw(NOT)}--ctstate {','.join(draw(STATES))}")
    if outgoing and draw(st.integers(0, 4)) == 0:
        words.append(f"-m owner {draw(NOT)}--uid-owner {draw(st.sampled_from(['0', '99', '0-10']))}")
    return " ".join(word for word in words if word)


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    """A filter and a mangle table with chains of the user's own."""
    tables = []
    for table in ("mangle", "filter"):
        policies = "".join(f":{chain} {draw(st.sampled_from(['ACCEPT', 'ACCEPT', 'DROP']))} [0:0]\n"
                           for chain in ("INPUT", "OUTPUT"))  # fmt: skip
        own = "".join(f":{name} - [0:0]\n" for name in ("in1", "in2", "out1", "out2"))
        rules = "".join(draw(st.lists(rule(table), max_size=19 if table == "filter" else 3)))
        tables.append(f"*{table}\n{policies}{own}{rules}COMMIT\n")
    return "".join(tables)


@st.composite
def rule(draw: st.DrawFn, table: str) -> str:
    """A rule of any chain; a chain jumps only to those after it."""
    outgoing = draw(st.booleans())
    chains = ("OUTPUT", "out1", "out2") if outgoing else ("INPUT", "in1", "in2")
    place = draw(st.integers(0, 2))
    ways = ["-j ACCEPT", "-j DROP", "-j RETURN"]
    ways += [f"-{how} {below}" for below in chains[place + 1 :] for how in "jg"]
    if table == "filter":
        ways.append("-j REJECT --reject-with icmp-admin-prohibited")
    return f"-A {chains[place]} {draw(conditions(outgoing))} {draw(st.sampled_from(ways))}\n"
