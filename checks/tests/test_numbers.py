"""A number in prose that nothing holds is red; what holds one is seen to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from checks.drawing.origins import Origins, in_words
from checks.exercises.check import Grader
from checks.pages import numbers
from checks.pages.page import Page

if TYPE_CHECKING:
    from pathlib import Path


def told(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with the numbers of a page, by line."""
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    return [f"{failure.line} {failure.message}" for failure in numbers.problems(Page(tmp_path, file))]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("It takes 20 seconds.", "20"),
        ("It takes 20% of the time.", "20"),
        ("It is a 21-second pause.", "21"),
        ("It has eighty blocks.", "eighty"),
        ("It grew forty times.", "forty"),
        ("It has 1,000.5 kB.", "1,000.5"),
        ("It kept\ntwo hundred rules.", "two hundred"),
        ("It kept a thousand rules.", "a thousand"),
        ("It kept forty-two rules.", "forty-two"),
        ("- It kept 3 rules.", "3"),
        ("## Three rules", "Three"),
        ("- **A** 5 calls\n\nIt kept 3 rules.", "3"),
        ("See [this](other.md). It kept 3 rules.", "3"),
        ("There are two parts:\n\n- a\n- b\n- c\n", "two"),
        ("```python\nn = 40\n```\n\n## Next\n\nIt has 40 blocks.", "40"),
        ("| n |\n| --- |\n| 4 |\n\nIt has about 5 blocks.", "5"),
    ],
)
def test_a_number_that_nothing_shows_is_red(tmp_path: Path, text: str, number: str) -> None:
    """At its line, in digits and in words; what another section shows does not hold it."""
    line = text.count("\n", 0, text.rindex(number)) + 1
    assert told(tmp_path, text) == [
        f"{line} nothing in this section shows the {number!r}: show it, or let a macro draw it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```python\nn = 40\n```\n\nIt has forty blocks, and 40 lines.",
        "| n |\n| --- |\n| 1,300 |\n\nIt has 1,300 blocks, which is about 1,280 lines.",
        "There are two parts:\n\n- one, which\n  goes on\n- two\n\nMore.",
        "It takes {$ figure('a', 'b') $} seconds, and `20 seconds` in code.",
        "There is one rule, the second of its kind, in lesson 3 and in lessons 1 to 3.",
        "See PEP 8 and RFC 9111 for Python 3.11 and later.",
        "Since 2019 he has 1 of them; two of those are mine.",
        "It takes [20 seconds](other.md), or 30 seconds.",
        "1. First\n2. Second\n",
    ],
)
def test_what_shows_a_number_holds_it(tmp_path: Path, text: str) -> None:
    """A block, a table, a list, a macro, a link; names, years and what counts no noun are not asked."""
    assert told(tmp_path, text) == []


def _three() -> list[int]:
    return [1, 2, 3]


def test_a_limit_and_a_count_come_from_the_code(tmp_path: Path) -> None:
    """A constant, a default, a grader's constant, a list, a function, a union."""
    grader = tmp_path / "docs/exercises/plan/grader.py"
    grader.parent.mkdir(parents=True)
    grader.write_text("MOST = 20_000\n")
    origins = Origins(tmp_path)
    assert origins.limit("plan:MOST") == "20,000"
    assert origins.limit("checks.pages.scratch:LIMIT_S") == "300"
    assert origins.limit("checks.evidence.figures:Figure.runs") == "one"
    assert origins.count("checks.pages.numbers:LEXICON") == "four"
    assert origins.count("checks.tests.test_numbers:_three") == "three"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (2, "two"),
        (12, "twelve"),
        (13, "13"),
        (1_048_576, "1,048,576"),
        (2.5, "2.5"),
        (timedelta(minutes=5), "five minutes"),
        (timedelta(seconds=1), "one second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(hours=13), "13 hours"),
    ],
)
def test_numbers_read_as_in_prose(number: float | timedelta, words: str) -> None:
    """Small ones in words, times with the largest unit that fits."""
    assert in_words(number) == words


def test_a_message_of_a_grader_takes_its_limits_from_the_grader(tmp_path: Path) -> None:
    """A number that is typed into one is red, and so is a name that is no constant."""
    file = tmp_path / "grader.py"
    file.write_text(
        'MOST = 5\nMISTAKES = {\n    "good": "At most {MOST:,} calls.",\n    "typed": "At most 5 calls.",\n'
        '    "words": "At most five calls.",\n    "unknown": "At most {LEAST} calls.",\n}\n'
        "def grade(submission): ...\n"
    )
    assert [str(failure) for failure in Grader(tmp_path, file).failures] == [
        "grader.py:4: 'typed' says 5: write {NAME}, a constant of the grader, or no number",
        "grader.py:5: 'words' says five: write {NAME}, a constant of the grader, or no number",
        "grader.py:6: 'unknown' has {LEAST}, which is no constant",
    ]
