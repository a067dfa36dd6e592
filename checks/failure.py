"""What every check reports: where, what is wrong, and the difference."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

P = ParamSpec("P")


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


def lines_of(text: str) -> list[str]:
    """The lines of a text as editors count them: other separators of Unicode are text like any other."""
    return text.removesuffix("\n").split("\n") if text else []


@cache
def _lines(file: Path) -> list[str]:
    return lines_of(file.read_text(encoding="utf-8"))


def failure_at(root: Path, file: Path, needles: Sequence[str], message: str, detail: str = "") -> Failure:
    """A failure on the first line that holds the first needle found at all, else on line one."""
    path = file.relative_to(root).as_posix()
    if file.is_file():
        for needle in filter(None, needles):
            for number, line in enumerate(_lines(file), 1):
                if needle in line:
                    return Failure(path, number, message, detail)
    return Failure(path, 1, message, detail)


def shortened(lines: list[str], most: int) -> list[str]:
    """The first lines, and how many there are more."""
    left = len(lines) - most
    return [*lines[:most], f"({left} lines more)"] if left > 0 else lines


def report(failures: Collection[Failure], done: str) -> int:
    """Print every failure and what was done; the exit status says whether there are any.

    What is wrong outside of the pages comes first: much on the pages can follow from it.
    """
    ordered = sorted(failures, key=lambda failure: (failure.path.startswith("docs/"), failure))
    print(*ordered, f"{done}, {len(failures)} failures", sep="\n")
    return 1 if failures else 0


def command(
    name: str, interrupted: str, *refusals: type[Exception]
) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Let a command end with a line instead of a traceback: status 2 when it refuses, 130 at Ctrl-C.

    Args:
        name: What the line begins with.
        interrupted: The line after Ctrl-C, or after the end of the answers.
        refusals: The errors whose messages are for its user.
    """

    def decorated(main: Callable[P, int]) -> Callable[P, int]:
        @wraps(main)
        def run(*args: P.args, **kwargs: P.kwargs) -> int:
            try:
                return main(*args, **kwargs)
            except refusals as error:
                sys.stdout.flush()
                print(f"{name}: {error}", file=sys.stderr)
                return 2
            except (EOFError, KeyboardInterrupt):
                sys.stdout.flush()
                print(interrupted, file=sys.stderr)
                return 130

        return run

    return decorated
