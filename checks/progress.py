"""What long work is doing: a bar on a terminal, lines in a pipe, and never five seconds of silence."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Self

BAR = 24
SILENCE_S = 4.0
NONE = {"PROGRESS": "none"}
"""The environment of a command whose output is recorded: it says nothing of its progress."""


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

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        self._clear()

    def begin(self, name: str) -> None:
        """A step begins."""
        with self._lock:
            self._running[name] = None

    def step(self, name: str, result: str = "") -> None:
        """A step is done; its result, if it has one to show, goes to standard output."""
        with self._lock:
            self._running.pop(name, None)
            self._done += 1
            if result:
                self._clear()
                print(result, flush=True)
            if not result or sys.stderr.isatty():
                self._say(name)

    def _tick(self) -> None:
        while not self._over.wait(SILENCE_S / 8):
            with self._lock:
                if time.monotonic() - self._said >= SILENCE_S:
                    self._say(", ".join(self._running) + " …" if self._running else "…")

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _say(self, name: str) -> None:
        self._said = time.monotonic()
        if NONE.items() <= os.environ.items():
            return
        counted = f"{self._what} {self._done}/{self._total} {self._said - self._began:4.0f} s  {name}"
        if sys.stderr.isatty():
            bar = "#" * round(BAR * self._done / max(self._total, 1))
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            line = f"[{bar:<{BAR}}] {counted}"[: width - 1]
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(counted, file=sys.stderr, flush=True)
