"""What long work is doing: a bar on a terminal, lines in a pipe, and never five seconds of silence."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

BAR = 24
SILENCE_S = 4.0


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
        self._began = self._said = time.monotonic()
        self._running: dict[str, None] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._ticker.join()

    def begin(self, name: str) -> None:
        """A step begins."""
        with self._lock:
            self._running[name] = None

    def step(self, name: str) -> None:
        """A step is done."""
        with self._lock:
            self._running.pop(name, None)
            self._done += 1
            self._say(name)

    def note(self, text: str) -> None:
        """Say something in a line of its own."""
        with self._lock:
            clear = "\r\033[K" if sys.stderr.isatty() else ""
            print(f"{clear}{text}", file=sys.stderr, flush=True)

    def _tick(self) -> None:
        while not self._over.wait(SILENCE_S / 8):
            with self._lock:
                if time.monotonic() - self._said >= SILENCE_S:
                    self._say(", ".join(self._running) + " …" if self._running else "…")

    def _say(self, name: str) -> None:
        self._said = time.monotonic()
        counted = f"{self._what} {self._done}/{self._total} {self._said - self._began:4.0f} s  {name}"
        if sys.stderr.isatty():
            filled = round(BAR * self._done / max(self._total, 1))
            end = "\n" if self._done == self._total else ""
            print(f"\r\033[K[{'#' * filled:<{BAR}}] {counted}", end=end, file=sys.stderr, flush=True)
        else:
            print(counted, file=sys.stderr, flush=True)
