"""Numbers in prose: each one that counts or measures something has an origin that a check sees.

It is drawn by a macro, or its section shows it: in a block, in a table, or as the length of the list below
its sentence. After *about*, what is shown may be 5 % off. Exempt are *one*, names (*PEP 8*, *lesson 3*),
years, a number without a noun or a unit, and a number whose sentence links its source. The options of a
question are held by `quiz.py`.
"""

from __future__ import annotations

import re
import tomllib
from functools import partial
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING

from checks.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Page

LEXICON = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
VALUES = dict(zip(LEXICON["words"].split(), [*range(2, 20), *range(20, 100, 10)], strict=True))
WORD, LARGE = "|".join(sorted(VALUES, reverse=True)), "|".join(LEXICON["large"])
ABOUT = 0.05
"""How far, as a part of it, a shown number may be from one that is said with *about*."""
DIGITS = r"\d[\d,]*(?:\.\d+)?"
NO_NOUN = "|".join([*LEXICON["no_nouns"].split(), *LEXICON["large"], *VALUES])
NUMBER = re.compile(
    rf"(?<![\w.,:/#§\u00d7-])"
    rf"(?:(?P<digits>{DIGITS})|(?P<word>{WORD}|a(?= (?:{LARGE})))(?:-(?P<one>{WORD}|one))?\b)"
    rf"(?: (?P<large>{LARGE})\b)?(?=[ -]?(?:%|\u00d7|µ?(?!(?:{NO_NOUN})\b)[a-z]+\b))",
    re.IGNORECASE,
)
NAME = re.compile(
    rf"(?:\b[A-Z][\w.]*|\b(?:{'|'.join(LEXICON['names'].split())})s?(?: \d+(?:,| to| and))?)\s$"
)
YEAR = re.compile(r"(?:19|20)\d\d")
QUIET = re.compile(
    r"^- \*\*[A-D]\*\* .*|`[^`]*`|\{\$[^}]*\$\}|<[^>]*>|\{[ :#][^}]*\}|^ *\d+\.(?= )", re.MULTILINE
)
LINK = re.compile(r"\]\([^)]*\)|\]\[[^\]]*\]|https?://\S+")
LINKED = "\x00"
SENTENCE = re.compile(r"[^.?!]+(?:[.?!](?!\s)[^.?!]*)*[.?!]*")
BLOCK = re.compile(r"\n(?=\s*\n| *(?:[-*]|\d+\.|!!!|\?\?\?) )")
HEADING = re.compile(r"^#+ ", re.MULTILINE)
ITEM = re.compile(r"\s*(?:[-*]|\d+\.) ")


def problems(page: Page) -> Iterator[Failure]:
    """Each number in the prose of a page that nothing holds."""
    aside = {n for n, line in enumerate(page.lines, 1) if n in page.fenced or line.lstrip().startswith("|")}
    prose = "\n".join("" if n in aside else line for n, line in enumerate(page.lines, 1)) + "\n"
    for hidden, mark in ((LINK, LINKED), (QUIET, " ")):
        prose = hidden.sub(partial(_hide, mark), prose)
    starts = [found.start() for found in HEADING.finditer(prose)]
    for start, end in pairwise([0, *starts, len(prose)]):
        first, last = (prose.count("\n", 0, place) + 1 for place in (start, end))
        text = "\n".join(page.lines[n - 1] for n in sorted(aside & {*range(first, last)}))
        shown = [float(found[0].replace(",", "")) for found in re.finditer(DIGITS, text)]
        for place, number in _unheld(prose[start:end], shown):
            line = prose.count("\n", 0, start + place) + 1
            message = f"nothing in this section shows the {number!r}: show it, or let a macro draw it"
            yield Failure(page.path, line, message)


def _unheld(section: str, shown: list[float]) -> Iterator[tuple[int, str]]:
    blocks = [*BLOCK.finditer(section)]
    for start, end in pairwise([0, *(found.end() for found in blocks), len(section)]):
        for sentence in SENTENCE.finditer(section, start, end):
            listed = _items(section[sentence.end() :]) if sentence[0].rstrip().endswith(":") else 0
            for found in NUMBER.finditer(section, *sentence.span()):
                if (
                    LINKED in sentence[0]
                    or YEAR.fullmatch(found[0])
                    or NAME.search(section, start, found.start())
                ):
                    continue
                near = ABOUT if "about" in sentence[0].lower() else 0
                if not any(isclose(value(found), other, rel_tol=near) for other in (*shown, listed)):
                    yield found.start(), found[0]


def _items(below: str) -> int:
    """How many items the list has that a text begins with."""
    lines = [line for line in below.splitlines() if line.strip()]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    items = 0
    for line, indent in zip(lines, indents, strict=True):
        if indent == indents[0] and not ITEM.match(line):
            break
        items += indent == indents[0]
    return items


def _hide(mark: str, found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", mark, found[0])


def value(found: re.Match[str]) -> float:
    """What a match of `NUMBER` says."""
    tens, ones, large = ((found[part] or "").lower() for part in ("word", "one", "large"))
    small = float(found["digits"].replace(",", "")) if found["digits"] else VALUES.get(tens, 1)
    return float((small + VALUES.get(ones, ones == "one")) * LEXICON["large"].get(large, 1))
