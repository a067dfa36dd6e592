"""A lesson: how long it may be, and how much of it must run.

A page with questions is a lesson. Its words are those of its prose: fences, tables, macros and folded blocks
are not counted, its practice is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.failure import Failure
from checks.pages import quiz

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Page

WORDS = range(1_200, 2_501)
MIN_BLOCKS = 10
RUN = {"python", "console"}
FOLDED = re.compile(r"^\?\?\? .*\n(?:(?: {4}.*)?\n)*", re.MULTILINE)
MACRO = re.compile(r"\{\$.*?\$\}")


def problems(page: Page) -> Iterator[Failure]:
    """What is wrong with a lesson; nothing, of a page that is none."""
    if quiz.SECTION not in page.lines:
        return
    yield from quiz.problems(page)
    words = _words(page)
    if words not in WORDS:
        message = f"{words:,} words of prose: a lesson has {WORDS[0]:,} to {WORDS[-1]:,}"
        yield Failure(page.path, 1, message)
    blocks = sum(fence.language in RUN for fence in page.fences)
    if blocks < MIN_BLOCKS:
        yield Failure(page.path, 1, f"{blocks} blocks that run: a lesson has {MIN_BLOCKS} or more")


def _words(page: Page) -> int:
    skipped = {number for fence in page.fences for number in range(fence.line, fence.end + 1)}
    for found in FOLDED.finditer(page.text):
        first, last = (page.text.count("\n", 0, place) + 1 for place in found.span())
        skipped |= set(range(first, last))
    prose = (
        line
        for number, line in enumerate(page.lines, 1)
        if number not in skipped and not line.lstrip().startswith("|")
    )
    return sum(len(MACRO.sub("", line).split()) for line in prose)
