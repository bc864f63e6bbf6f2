"""Reports in which somebody else has written every text, as one out of a log that a stranger may write to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from azpreflight.model import Report
from tests.support.examples import whole_report
from tests.support.reports import BROKEN

MARKUP = (
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</style></title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "]]><!--",
    "&lt;b&gt;&amp;&#x3c;",
)
"""What a browser may take for markup or for a program."""
CONTROL = ("\x00\x1b[31m\x07\x9b", "\u202egnp.exe\u2066", "\ud800", "\u200b\ufeff", "\u00e9\u4e2d\U0001f600")
"""What changes a terminal, the direction of writing, or is no text at all."""
LONG = ("x" * 3000, "a b " * 800)
COMMANDS = (
    "::set-output name=x::y",
    "a\n::error::owned",
    "\r\n##vso[task.setvariable variable=x]y",
    "##[error]owned",
    "x %0A::error::owned %3B %5D %AZP25",
    "a:b,c=d;e]f",
)
"""What a pipeline obeys."""
MARKDOWN = (
    "# heading",
    "[link](https://example.org) ![image](https://example.org/x.png)",
    "https://example.org www.example.org mailto:a@example.org",
    "@everyone #1 !2 ~label",
    "`code` ```\n*bold* _it_ ~~gone~~ $math$ | cell | <b>x</b>",
    "- item\n1. one\n> quote\n---\n    code",
    "\\` \\* backslash \\",
)
EVERY = (*MARKUP, *CONTROL, *LONG, *COMMANDS, *MARKDOWN, "a | b |c", "")


def everywhere(value: Any, text: str) -> Any:
    """The same with this text in the place of every text, that of words of closed sets apart."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {field.name: everywhere(getattr(value, field.name), text) for field in dataclasses.fields(value)}
        return replace(value, **changed)
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, Mapping):
        return {key: everywhere(item, text) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(everywhere(item, text) for item in value)
    return value


def hostile(text: str) -> Report:
    """A report with every part that a report can have, and this text everywhere in it, as the key of evidence too."""
    path, firewall = whole_report("path-tunnel"), whole_report("firewall-wireserver")
    facts = {**path.facts, "firewall": firewall.facts["firewall"]}
    made: Report = everywhere(replace(BROKEN, results=(*BROKEN.results, *path.results, *firewall.results)), text)
    results = tuple(
        replace(one, findings=tuple(replace(found, evidence={text: text}) for found in one.findings))
        for one in made.results
    )
    causes = tuple(replace(one, evidence=(text, text), commands=(text, text)) for one in made.causes)
    return replace(
        made, results=results, causes=causes, facts={name: everywhere(one, text) for name, one in facts.items()}
    )
