"""One child process: a session of its own, a time limit, its output, and whether it ended or was cut off.

Standard library only: set-up uses it before anything is installed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Required, Self, TypedDict, Unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from threading import Event

for _ended_by in (signal.SIGTERM, signal.SIGHUP):
    # What ends this process ends its children too: they are in sessions of their own, and would go on.
    if signal.getsignal(_ended_by) is signal.SIG_DFL:  # and not ignored, as after nohup
        signal.signal(_ended_by, signal.default_int_handler)

POLL_S = 0.1
FOREVER = float("inf")


class UnfinishedError(RuntimeError):
    """A run was cut off, did not start, or failed before it could answer: never a verdict."""


@dataclass(frozen=True)
class Exit:
    """How a child came to its end.

    Attributes:
        status: The exit status; minus the number of a signal; None: it did not end by itself.
        output: What it wrote to standard output and standard error, in the order in which it wrote it.
        cut: Why it was cut off, or did not start; empty: it ended.
    """

    status: int | None
    output: str
    cut: str = ""

    @property
    def good(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return not self.cut and self.status == 0

    @property
    def last_line(self) -> str:
        """Why it was cut off, or the last line of its output, or its exit status."""
        lines = self.output.strip().splitlines()
        return self.cut or (lines[-1] if lines else f"exit status {self.status}")


class Options(TypedDict, total=False):
    """How a child starts.

    Attributes:
        cwd: Where it runs.
        env: Its environment; None: this process's.
        stdin: A file, a descriptor or `subprocess.PIPE`; by default nothing.
        pass_fds: Descriptors that it inherits.
    """

    cwd: Required[Path]
    env: Mapping[str, str] | None
    stdin: int | IO[bytes]
    pass_fds: Sequence[int]


class Child:
    """A started child. Leaving its context ends every process of its session.

    Args:
        command: The program and its arguments.
        shows_errors: Standard error goes where this process's goes, and not into the output.
        options: How it starts.

    Raises:
        UnfinishedError: It does not start.
    """

    def __init__(
        self, command: Sequence[str | Path], *, shows_errors: bool = False, **options: Unpack[Options]
    ) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        stderr = None if shows_errors else subprocess.STDOUT
        options.setdefault("stdin", subprocess.DEVNULL)
        try:
            self.process = subprocess.Popen(
                command, stdout=self._output, stderr=stderr, start_new_session=True, **options
            )
        except OSError as error:
            self._output.close()
            raise UnfinishedError(f"did not start: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def wait(
        self,
        limit_s: float = FOREVER,
        *,
        max_bytes: float = FOREVER,
        stop: Event | None = None,
        patience_s: float = 0,
    ) -> Exit:
        """Wait for the end; cut the child off at a limit.

        Args:
            limit_s: How many seconds it may take.
            max_bytes: How much it may write.
            stop: Cuts it off when it is set.
            patience_s: How long it may take to end in order, after SIGINT, when it is cut off.
        """
        deadline, cut = time.monotonic() + limit_s, ""
        while not cut:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, min(POLL_S, deadline - time.monotonic())))
            if self.written > max_bytes:
                cut = f"wrote more than {max_bytes:,.0f} bytes"
            elif self.process.poll() is not None:
                break
            elif time.monotonic() >= deadline:
                cut = f"did not end within {limit_s:g} s"
            elif stop and stop.is_set():
                cut = "was interrupted"
        if cut:
            self.signal(patience_s)
        return Exit(None if cut else self.process.returncode, self.said(), cut)

    @property
    def written(self) -> int:
        """How many bytes it has written."""
        return os.fstat(self._output.fileno()).st_size

    def said(self, start: int = 0) -> str:
        """What it has written, from a byte on."""
        return os.pread(self._output.fileno(), self.written, start).decode(errors="replace")

    def signal(self, patience_s: float = 0) -> None:
        """Ask every process of the session to end, if there is the patience for it; then end it."""
        if patience_s:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End every process of the session and forget the output."""
        self.signal()
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        self._output.close()


def run(
    command: Sequence[str | Path],
    *,
    given: str = "",
    limit_s: float = FOREVER,
    stop: Event | None = None,
    patience_s: float = 0,
    **options: Unpack[Options],
) -> Exit:
    """Run a command to its end, which is told apart from being cut off; `given` is its standard input."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        try:
            child = Child(command, **options | {"stdin": stdin})
        except UnfinishedError as error:
            return Exit(None, "", str(error))
        with child:
            try:
                return child.wait(limit_s, stop=stop, patience_s=patience_s)
            except KeyboardInterrupt:
                child.signal(patience_s)
                raise
