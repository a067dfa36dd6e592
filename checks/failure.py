"""What every check reports: where, what is wrong, and the difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, order=True)
class Failure:
    """One thing that is wrong on one line of one file.

    ``str()`` gives the headline ``docs/page.md:12: what is wrong`` and, below it, the detail.
    """

    path: str
    line: int
    message: str
    detail: str = ""

    def __str__(self) -> str:
        headline = f"{self.path}:{self.line}: {self.message}"
        return f"{headline}\n{self.detail.rstrip()}" if self.detail else headline


@cache
def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def failure_at(root: Path, file: Path, needles: Sequence[str], message: str) -> Failure:
    """A failure on the first line that holds the first needle found at all, else on line one."""
    path = file.relative_to(root).as_posix()
    if file.is_file():
        for needle in filter(None, needles):
            for number, line in enumerate(_lines(file), 1):
                if needle in line:
                    return Failure(path, number, message)
    return Failure(path, 1, message)
