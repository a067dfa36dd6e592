"""Numbers that pages take from the code: its limits, and the lengths of its lists."""

from __future__ import annotations

import runpy
from datetime import timedelta
from inspect import signature
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, get_args

from checks.exercises.exercise import EXERCISES
from checks.pages.numbers import VALUES
from checks.proof.claims import ProofData

if TYPE_CHECKING:
    from pathlib import Path

IN_WORDS = {number: word for word, number in VALUES.items() if number in range(2, 13)} | {0: "no", 1: "one"}
UNITS = {"hour": 3_600, "minute": 60, "second": 1}


class Origins:
    """The macros `limit` and `count`.

    Args:
        root: The repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.macros = (self.limit, self.count)

    def limit(self, of: str) -> str:
        """A constant: `a.module:NAME`, `a.module:Class.argument`, which is a default, `EXERCISE:NAME`."""
        place, _, name = of.partition(":")
        grader = self._root / EXERCISES / place / "grader.py"
        names = runpy.run_path(str(grader)) if grader.is_file() else vars(resolve_name(place))
        owner, _, argument = name.partition(".")
        return in_words(signature(names[owner]).parameters[argument].default if argument else names[owner])

    def count(self, of: str) -> str:
        """How many there are of `a.module:LIST`, a union or what a function gives; of `claims`, `rungs`."""
        found: Any = resolve_name(of) if ":" in of else getattr(ProofData.read(self._root), of)
        return in_words(len(get_args(found) or (found() if callable(found) else found)))


def in_words(number: float | timedelta) -> str:
    """A number as prose has it: a small one in words, a time with its unit."""
    if isinstance(number, timedelta):
        seconds = number.total_seconds()
        unit = next(name for name, length in UNITS.items() if not seconds % length)
        return f"{in_words(seconds / UNITS[unit])} {unit}{'' if seconds == UNITS[unit] else 's'}"
    return IN_WORDS.get(number) or f"{number:,}".removesuffix(".0")
