"""How far long work has come: a bar on a terminal, a line for each step in a pipe."""

from __future__ import annotations

import sys
import time

BAR = 24


class Progress:
    """Counts steps on standard error, so that standard output stays what was asked for.

    Args:
        total: How many steps there will be.
        what: What is being done, in a word or two.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._done = 0
        self._began = time.monotonic()

    def step(self, name: str) -> None:
        """One step more is done."""
        self._done += 1
        seconds = time.monotonic() - self._began
        counted = f"{self._what} {self._done}/{self._total} {seconds:4.0f} s  {name}"
        if sys.stderr.isatty():
            filled = round(BAR * self._done / self._total)
            end = "\n" if self._done == self._total else ""
            print(f"\r\033[K[{'#' * filled:<{BAR}}] {counted}", end=end, file=sys.stderr, flush=True)
        else:
            print(counted, file=sys.stderr, flush=True)
