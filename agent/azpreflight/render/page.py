"""A page of the documentation in lines of so many columns. Pure.

The pages are Markdown whose lines were broken for an editor. On a narrower terminal each paragraph, and each item of a
list, is broken again; headings, tables, and what stands between fences are left as they are.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_ITEM = re.compile(r"( {0,8}(?:[*-]|[0-9]{1,3}\.) +)\S")
_FENCE = "```"
_AS_IT_IS = ("#", "|")


def reflowed(page: str, width: int) -> str:
    """The page; as it is where no line is too long, or where its words have no blanks between them."""
    lines = page.split("\n")
    if page.isascii() and any(len(line) > width for line in lines):
        lines = [line for block, kept in _blocks(lines) for line in (block if kept else _broken(block, width))]
    return "\n".join(lines)


def _blocks(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Lines that belong to one paragraph, and any other line for itself; True for one that is left as it is."""
    block: list[str] = []
    fenced = False
    for line in lines:
        fence = line.lstrip().startswith(_FENCE)
        alone = fenced or fence or not line.strip() or line.startswith(_AS_IT_IS)
        if block and (alone or _ITEM.match(line)):
            yield block, False
            block = []
        fenced = fenced != fence
        if alone:
            yield [line], True
        else:
            block.append(line)
    if block:
        yield block, False


def _broken(block: list[str], width: int) -> list[str]:
    """With the indentation of its first line and of an item's words."""
    if all(len(line) <= width for line in block):
        return block
    item = _ITEM.match(block[0])
    first = item[1] if item else block[0][: len(block[0]) - len(block[0].lstrip())]
    words = " ".join(line.strip() for line in [block[0][len(first) :], *block[1:]])
    return textwrap.wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
