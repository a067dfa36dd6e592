"""Finding the line of a page that a built file or a message speaks of."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from checks.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
