"""What every check reports: where, what is wrong, and the difference."""

from __future__ import annotations

from dataclasses import dataclass


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
