"""Quiz questions: lettered options, and a folded answer that is run and says of each option why.

Below `### Questions`, each question is a heading `#### 1. …?`, a list of options `- **A** …`, and
`??? success "Answer"` with a block that prints, its Output, and a line `- **A** right: …` or `wrong: …` for
every option. What an option gives is the first number or piece of code in it: the Output shows what the right
option gives, and what no other gives. At least half of the right options give something.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import isclose
from typing import TYPE_CHECKING

from checks.failure import Failure
from checks.pages.numbers import ABOUT, DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Page

SECTION = "### Questions"
MIN_QUESTIONS = 5
HEADING = re.compile(r"^(#+) ")
QUESTION = re.compile(r"^#### (\d+)\. ")
OPTION = re.compile(r"^- \*\*([A-D])\*\* (\S.*)")
GIVEN = re.compile(rf"`([^`]+)`|{DIGITS}")
ANSWER = '??? success "Answer"'
VERDICT = re.compile(r"^    - \*\*([A-D])\*\* (right|wrong): \S")
QUESTION_LEVEL = 4


def problems(page: Page) -> Iterator[Failure]:
    """What is wrong with the questions of a page."""
    start = page.lines.index(SECTION) + 1
    headings = [
        (number, match)
        for number, line in enumerate(page.lines, 1)
        if number > start and number not in page.fenced and (match := HEADING.match(line))
    ]
    end = next((n for n, match in headings if len(match[1]) < QUESTION_LEVEL), len(page.lines) + 1)
    questions = [number for number, match in headings if number < end]
    if len(questions) < MIN_QUESTIONS:
        yield Failure(page.path, start, f"{len(questions)} questions: ask at least {MIN_QUESTIONS}")
    computed = 0
    for count, (first, last) in enumerate(pairwise([*questions, end]), 1):
        for message in _question(page, count, first, last):
            yield Failure(page.path, first, message)
        computed += any(
            option[1] == verdict[1] and GIVEN.search(option[2])
            for option in map(OPTION.match, page.lines[first:last])
            for verdict in map(VERDICT.match, page.lines[first:last])
            if option and verdict and verdict[2] == "right"
        )
    if 2 * computed < len(questions):
        message = f"{computed} of {len(questions)} right options give a number or code: at least half do"
        yield Failure(page.path, start, message)


def _question(page: Page, count: int, first: int, last: int) -> Iterator[str]:
    lines = page.lines[first - 1 : last - 1]
    numbered = QUESTION.match(lines[0])
    if not numbered or int(numbered[1]) != count:
        yield f"this is question {count}: begin it with `#### {count}. `"
    if ANSWER not in lines:
        yield f"the question has no answer: fold it into `{ANSWER}`"
        return
    answer = lines.index(ANSWER)
    texts = {match[1]: match[2] for line in lines[:answer] if (match := OPTION.match(line))}
    options = [match[1] for line in lines[:answer] if (match := OPTION.match(line))]
    verdicts = [match.groups() for line in lines[answer:] if (match := VERDICT.match(line))]
    if options != sorted(set(options)) or options[:1] != ["A"] or len(options) not in {3, 4}:
        yield f"the options are {', '.join(options) or 'none'}: three or four, from A on"
    if [letter for letter, _ in verdicts] != options:
        yield "the answer says of each option, in order, `- **A** right: why` or `wrong: why`"
    if sum(verdict == "right" for _, verdict in verdicts) != 1:
        yield "exactly one option is right"
    outputs = [fence for fence in page.fences if fence.is_output and first + answer < fence.line < last]
    if not outputs:
        yield "the answer runs a block and shows its Output"
        return
    shown = "\n".join(line for fence in outputs for line in fence.lines)
    for letter, verdict in verdicts:
        if _gives(texts.get(letter, ""), shown) is (verdict == "wrong"):
            does = "doesn't show" if verdict == "right" else "shows"
            yield f"the Output {does} what option {letter} gives, and the answer says that it is {verdict}"


def _gives(option: str, output: str) -> bool | None:
    """Whether an output shows what an option gives; None: it gives nothing."""
    if not (given := GIVEN.search(option)):
        return None
    if given[1]:
        return bool(re.search(rf"(?<!\w){re.escape(given[1])}(?!\w)", output))
    number, *others = (
        float(found[0].replace(",", "")) for found in (given, *GIVEN.finditer(output)) if not found[1]
    )
    return any(isclose(number, other, rel_tol=ABOUT if "about" in option else 0) for other in others)
