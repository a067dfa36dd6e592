"""A lesson: how long it may be, how much of it must run, and how long it takes.

Every page of the module is a lesson, but for three. Its main line is its prose and its blocks, without what
is folded and without its practice; tables, macros and the text of blocks are no prose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.failure import Failure, lines_of
from checks.pages import quiz

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Page

LESSON = re.compile(r"docs/module-10-[\w-]+/(?!(?:index|preflight|glossary)\.md).*")
LIMITS = {"words": range(1_200, 1_901), "blocks": range(10, 19)}
MINUTES = {"words": 1 / 70, "blocks": 1.5, "exercises": 12, "proposals": 4, "questions": 1.5}
RUN = {"python", "console"}
FOLDED = re.compile(r"^\?\?\? .*\n(?:(?: {4}.*)?\n)*", re.MULTILINE)
PRACTICE = re.compile(r"^## Practice\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
LINKED = re.compile(r"\.\./(exercises|proposals)/([\w-]+)/")
MACRO = re.compile(r"\{\$.*?\$\}")


def count(page: Page) -> dict[str, int]:
    """Count the words and blocks of the main line, and what the practice asks for."""
    aside: set[int] = set()
    for found in (*FOLDED.finditer(page.text), *PRACTICE.finditer(page.text)):
        aside.update(range(*(page.text.count("\n", 0, place) + 1 for place in found.span())))
    prose = (
        MACRO.sub("", line)
        for number, line in enumerate(page.lines, 1)
        if number not in aside | page.fenced and not line.lstrip().startswith("|")
    )
    practice = "".join(PRACTICE.findall(page.text))
    linked = [kind for kind, _ in set(LINKED.findall(practice))]
    return {
        "words": sum(len(line.split()) for line in prose),
        "blocks": sum(fence.language in RUN and fence.line not in aside for fence in page.fences),
        "exercises": linked.count("exercises"),
        "proposals": linked.count("proposals"),
        "questions": sum(bool(quiz.QUESTION.match(line)) for line in lines_of(practice)),
    }


def minutes(page: Page) -> tuple[int, int]:
    """To read, and to practise: an estimate."""
    spent = [number * MINUTES[of] for of, number in count(page).items()]
    return round(sum(spent[:2])), round(sum(spent[2:]))


def problems(page: Page) -> Iterator[Failure]:
    """What is wrong with a lesson, and with the questions of any page."""
    lesson = LESSON.fullmatch(page.path)
    if quiz.SECTION in page.lines:
        yield from quiz.problems(page)
    elif lesson:
        yield Failure(page.path, 1, f"a lesson asks its questions below `{quiz.SECTION}`")
    counted = count(page)
    for of, allowed in LIMITS.items() if lesson else ():
        if counted[of] not in allowed:
            message = f"{counted[of]:,} {of} on the main line: a lesson has {allowed[0]:,} to {allowed[-1]:,}"
            yield Failure(page.path, 1, message)
