"""What a question says is right is what its answer's block shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.pages import quiz
from checks.pages.page import Page

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "### Questions\n"
QUESTION = """
#### {number}. What does it print?

- **A** {a}
- **B** {b}
- **C** neither

??? success "Answer"

    ```python
    print(found)
    ```

    ```text title="Output"
    {output}
    ```

    - **A** {is_a}: this is why
    - **B** {is_b}: this is why
    - **C** wrong: this is why
"""


def question(
    number: int = 1,
    *,
    a: str = "1,300 calls",
    b: str = "about 40",
    output: str = "1300 calls",
    right: str = "A",
) -> str:
    """A question that is right, unless it is told otherwise."""
    is_a, is_b = ("right", "wrong") if right == "A" else ("wrong", "right")
    return QUESTION.format(number=number, a=a, b=b, output=output, is_a=is_a, is_b=is_b)


def told(tmp_path: Path, *questions: str) -> list[str]:
    """What is wrong with a page of these questions."""
    file = tmp_path / "lesson.md"
    file.write_text(HEAD + "".join(questions), encoding="utf-8")
    return [str(failure) for failure in quiz.problems(Page(tmp_path, file))]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({}, []),
        ({"right": "B"}, ["shows what option A gives", "doesn't show what option B gives"]),
        (
            {"a": "about 40", "b": "1,300 calls"},
            ["doesn't show what option A gives", "shows what option B gives"],
        ),
        ({"output": "1301 calls"}, ["doesn't show what option A gives"]),
        ({"output": "1300 calls, 41 more"}, ["shows what option B gives"]),
        ({"a": "about 1,250"}, []),
        ({"a": "about 1,200"}, ["doesn't show what option A gives"]),
        ({"a": "a `KeyError`", "b": "a `Key`", "output": "KeyError"}, []),
        (
            {"a": "a `Key`", "b": "a `KeyError`", "output": "KeyError"},
            ["doesn't show what option A", "shows what option B"],
        ),
        ({"a": "it raises", "b": "it waits"}, []),
    ],
)
def test_the_right_option_is_the_one_that_the_output_shows(
    tmp_path: Path, asked: dict[str, str], wrong: list[str]
) -> None:
    """To swap the verdicts, the texts or the output is red at the question; an option may give nothing."""
    rest = [question(number) for number in range(2, 6)]
    found = told(tmp_path, question(1, **asked), *rest)
    assert len(found) == len(wrong)
    for line, message in zip(found, wrong, strict=True):
        assert line.startswith("lesson.md:3: ")
        assert message in line


def test_half_of_the_right_options_give_something(tmp_path: Path) -> None:
    """So that half of the questions need a computation or a run."""
    text = [question(number, a="it raises", b="it waits") for number in range(1, 4)]
    computed = [question(number) for number in range(4, 7)]
    assert told(tmp_path, *text, *computed) == []
    assert told(tmp_path, *text, *computed[:2]) == [
        "lesson.md:1: 2 of 5 right options give a number or code: at least half do"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    - **B** wrong: this is why\n",
            "",
            "the answer says of each option, in order, `- **A** right: why`",
        ),
        ("- **C** neither\n", "", "the options are A, B: three or four, from A on"),
        ("**C** wrong:", "**C** right:", "exactly one option is right"),
        (
            '    ```text title="Output"\n    1300 calls\n    ```\n',
            "",
            "the answer runs a block and shows its Output",
        ),
        (
            '??? success "Answer"',
            '??? note "Answer"',
            'the question has no answer: fold it into `??? success "Answer"`',
        ),
        ("#### 1. ", "#### 7. ", "this is question 1: begin it with `#### 1. `"),
    ],
)
def test_a_question_that_is_not_one_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    """By its line, and with what would be right."""
    first, rest = question(), [question(number) for number in range(2, 6)]
    assert old in first
    found = told(tmp_path, first.replace(old, new), *rest)
    assert any(line.startswith(f"lesson.md:3: {message}") for line in found), found
