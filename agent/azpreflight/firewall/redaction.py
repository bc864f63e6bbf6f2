"""What people write into rules and nobody else needs: comments, prefixes of log lines, texts to search packets for.

The facts have every rule, because only the whole dump shows why a packet is dropped, and a rule's comment may say
anything: a ticket, a name, a password. So the text of these is left out once the rules have been decided over. Names of
chains, tables, sets and interfaces stay: a rule cannot be spoken of without them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Optional

from azpreflight.firewall.facts import AgentRules, Decider, Dump, FlowFacts, Rehearsal

HIDDEN = "..."
_QUOTED = r'"(?:[^"\\\n]|\\.)*"?'
_WORDS = re.compile(
    r"(--(?:comment|log-prefix|nflog-prefix|string|hex-string|algo-string)[ =])"
    rf"(?:{_QUOTED}|'[^'\n]*'?|[^\s\"']+)"
    rf"|((?<![\w-])(?:comment|prefix) )(?:{_QUOTED})"
)
_NOT_AFTER = "".join(f"(?<!{word} )" for word in ("match", "target", "option", "chain", "table", "file", "set"))
_SAID = re.compile(rf"{_NOT_AFTER}[`'\"][^`'\"]{{1,400}}['\"]")
"""A word of a rule that a loader quotes; that of a module, an option, a chain or a file says what is wrong."""


def without_words(text: str) -> str:
    """The rules without the texts of people, in the form in which the tools print them."""
    return _WORDS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    return f'{found[1] or found[2]}"{HIDDEN}"'


def of_loader(message: str) -> str:
    """What a program says that could not load rules, without the words of a rule that it quotes."""
    return _SAID.sub(HIDDEN, without_words(message))


def dump(found: Dump) -> Dump:
    """One that a report may have."""
    return replace(found, text=without_words(found.text), error=_or_none(found.error))


def flow(found: FlowFacts) -> FlowFacts:
    """Likewise, with the rule that decided."""
    return replace(
        found,
        decider=_decider(found.decider),
        marker=_decider(found.marker),
        untracked=_decider(found.untracked),
        reason=_or_none(found.reason),
    )


def _decider(by: Optional[Decider]) -> Optional[Decider]:
    return replace(by, text=without_words(by.text), command=without_words(by.command)) if by is not None else None


def rehearsal(found: Rehearsal) -> Rehearsal:
    """Likewise, with what could not be loaded."""
    return replace(found, load_errors=tuple(map(of_loader, found.load_errors)), error=_or_none(found.error))


def agent(found: AgentRules) -> AgentRules:
    """Likewise, with the agent's own rules."""
    return replace(found, rules=tuple(map(without_words, found.rules)))


def _or_none(message: Optional[str]) -> Optional[str]:
    return of_loader(message) if message is not None else None
