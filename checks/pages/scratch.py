"""Where the blocks of one page run: a copy of the repository, a shell and an interpreter."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from checks import progress
from checks.child import POLL_S, Child
from checks.memory import SHARED, copy_repository
from checks.pages import interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

LIMIT_S = 300
COLUMNS = 100


class Result(NamedTuple):
    """What one block or command did."""

    lines: list[str]
    error: str = ""
    line: int | None = None
    text: str = ""


class Scratch:
    """A throw-away copy of a repository in which one page's blocks run in order.

    Args:
        root: The repository.
        page: The Markdown file, below it.
        stop: Cuts off what runs when it is set.
    """

    def __init__(self, root: Path, page: Path, stop: Event | None = None) -> None:
        self._page = page
        self._path = page.relative_to(root).as_posix()
        self._stop = stop
        self._folder = Path(tempfile.mkdtemp(prefix="page-"))
        self.work = self._folder / "work"
        self._home = self._folder / "home"
        self._home.mkdir()
        copy_repository(root, self.work)
        self._shell_state = self._folder / "shell"
        self._shell_state.touch()
        self._commands: list[Child] = []
        self._python: _Interpreter | None = None

    def close(self) -> None:
        """End everything that the page started and remove the copy."""
        if self._python:
            self._python.close()
        for child in self._commands:
            child.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_python(self, source: str) -> Result:
        """Run one block in the page's namespace; its line numbers are the page's."""
        if self._python is None:
            self._python = _Interpreter(self._path, self._page, self.work, self._environment())
        result = self._python.run(source, self._stop)
        if self._python.process.poll() is not None:
            self._python.close()
            self._python = None
        return result

    def run_command(self, command: str) -> Result:
        """Run one command in the page's shell, whose directory and variables last."""
        state = self._shell_state
        script = (
            f". {state}\n{command}\n__status=$?\n"
            f'{{ export -p; printf "cd %q\\n" "$PWD"; }} > {state}\nexit $__status\n'
        )
        # What it leaves running goes on until the page ends.
        child = Child(["bash", "--norc", "-c", script], cwd=self.work, env=self._environment())
        self._commands.append(child)
        exited = child.wait(LIMIT_S, stop=self._stop)
        if exited.cut:
            return Result([], exited.cut)
        lines = exited.output.splitlines()
        return Result([*lines, f"(exit status {exited.status})"] if exited.status else lines)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "COLUMNS": str(COLUMNS),
            # Keeps output and errors in the order in which a terminal shows them.
            "PYTHONUNBUFFERED": "1",
            # The copy's package, not the one of the checkout that the environment has installed.
            "PYTHONPATH": str(self.work / "capstone/src"),
            **{name: value for name, value in os.environ.items() if name == SHARED},
            **progress.NONE,
        }


class _Interpreter(Child):
    def __init__(self, path: str, page: Path, work: Path, environment: dict[str, str]) -> None:
        reading, writing = os.pipe()
        # -P: a block must not import this folder's modules by accident.
        command = [sys.executable, "-P", interpreter.__file__, path, str(page), str(writing)]
        super().__init__(command, cwd=work, env=environment, stdin=subprocess.PIPE, pass_fds=[writing])
        os.close(writing)
        self._replies: IO[str] = os.fdopen(reading, encoding="utf-8")

    def run(self, source: str, stop: Event | None) -> Result:
        start, deadline = self.written, time.monotonic() + LIMIT_S
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(source).encode() + b"\n")
        self.process.stdin.flush()
        ready: Sequence[object] = ()
        while not ready and time.monotonic() < deadline and not (stop and stop.is_set()):
            ready, _, _ = select.select([self._replies], [], [], POLL_S)
        if not ready:
            self.signal()
            return Result(self.said(start).splitlines(), f"the block did not end within {LIMIT_S} s")
        reply = self._replies.readline()
        lines = self.said(start).splitlines()
        if reply:
            return Result(lines, **json.loads(reply))
        return Result(lines, f"the block ended the interpreter (exit status {self.process.wait()})")

    def close(self) -> None:
        self.end()
        self._replies.close()
