from pathlib import Path

import pytest

from checks.tooling import size

MODULE = '''"""A docstring
of two lines."""

import sys
from pathlib import (
    Path,
)

LIMIT = 3  # a comment on a line of code

"""What the limit is of."""


@staticmethod
def double(
    number: int,
) -> int:
    """Says what it does."""
    # a comment
    import os

    text = """one
    two"""
    return number * 2
'''
CODE_LINES = 8


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose modules have known sizes."""
    for name, lines in {
        "tasks.py": 1,
        "checks/child.py": 2,
        "checks/pages/quiz.py": 4,
        "checks/pages/deeper/quiz.py": 8,
        "checks/studies/bench.py": 16,
        "checks/tests/test_quiz.py": 32,
        "capstone/src/service/domain.py": 64,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("pass\n" * lines, encoding="utf-8")
    return tmp_path


def test_docstrings_comments_blanks_and_imports_are_no_code(tmp_path: Path) -> None:
    """What is left are the lines of statements, with every line of a text that goes over several."""
    (tmp_path / "module.py").write_text(MODULE, encoding="utf-8")
    assert size.lines_of_code(tmp_path / "module.py") == CODE_LINES


def test_an_empty_module_has_no_line_of_code(tmp_path: Path) -> None:
    """As the `__init__` of a room."""
    (tmp_path / "module.py").write_text('"""A room."""\n', encoding="utf-8")
    assert size.lines_of_code(tmp_path / "module.py") == 0


def test_every_room_is_counted_and_tests_are_not(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each room, and the sum without and with the lessons' own measurements."""
    assert size.main(root) == 0
    assert capsys.readouterr().out.splitlines() == [
        "capstone/src           64",
        "checks                  2",
        "checks/pages           12",
        "checks/studies         16",
        "tasks.py                1",
        "without checks/studies: 15 lines of code, at most 5,100; with it: 31",
    ]


@pytest.mark.parametrize(("limit", "status"), [(15, 0), (14, 1)])
def test_over_the_limit_is_red(root: Path, limit: int, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The studies and the tests do not count."""
    monkeypatch.setattr(size, "LIMIT", limit)
    assert size.main(root) == status
