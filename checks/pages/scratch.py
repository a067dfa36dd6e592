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
from checks.failure import lines_of
from checks.memory import SHARED, copy_repository
from checks.pages import interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from threading import Event

LIMIT_S = 300
REPLY = "{reply}"  # stands for the number of a descriptor in a command
# On one line, so that bash's own messages name line 1.
SHELL = (
    "shopt -s expand_aliases; while IFS= read -rd '' __command; do "
    'eval "$__command" < /dev/null {reply}>&-; echo "$?" >&{reply}; done'
)
COLUMNS = 100


class Result(NamedTuple):
    """What one block or command did."""

    lines: list[str]
    error: str = ""
    line: int | None = None
    text: str = ""
    status: int = 0


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
        self._sessions: list[_Session] = []
        self._python: _Session | None = None
        self._shell: _Session | None = None

    def close(self) -> None:
        """End everything that the page started and remove the copy."""
        for session in self._sessions:
            session.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_python(self, source: str) -> Result:
        """Run one block in the page's namespace; its line numbers are the page's."""
        # -P: a block must not import this folder's modules by accident.
        command = [sys.executable, "-P", interpreter.__file__, self._path, str(self._page), REPLY]
        self._python = self._session(self._python, command)
        reply, result = self._python.ask(json.dumps(source) + "\n", self._stop)
        if reply:
            return Result(result.lines, **json.loads(reply))
        ended = f"the block ended the interpreter (exit status {result.status})"
        return result._replace(error=result.error or ended)

    def run_command(self, command: str) -> Result:
        """Run one command in the page's shell; after one that ends it, the next gets a new shell.

        What a command leaves running goes on until the page ends.
        """
        self._shell = self._session(self._shell, ["bash", "--norc", "-c", SHELL])
        reply, result = self._shell.ask(f"{command}\0", self._stop)
        return result._replace(status=int(reply)) if reply else result

    def _session(self, running: _Session | None, command: Sequence[str]) -> _Session:
        if running is None or running.process.poll() is not None:
            running = _Session(command, cwd=self.work, env=self._environment())
            self._sessions.append(running)
        return running

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


class _Session(Child):
    """A process that does what it reads from standard input, and answers each with a line on a descriptor."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        command = [word.replace(REPLY, str(writing)) for word in command]
        super().__init__(command, cwd=cwd, env=env, stdin=subprocess.PIPE, pass_fds=[writing])
        os.close(writing)
        self._replies: IO[str] = os.fdopen(reading, encoding="utf-8")

    def ask(self, request: str, stop: Event | None) -> tuple[str, Result]:
        """Its answer, empty where it ended; and what was written meanwhile, with the status of its end."""
        start, deadline = self.written, time.monotonic() + LIMIT_S
        assert self.process.stdin is not None
        self.process.stdin.write(request.encode())
        self.process.stdin.flush()
        ready: Sequence[object] = ()
        while not ready and time.monotonic() < deadline and not (stop and stop.is_set()):
            ready, _, _ = select.select([self._replies], [], [], POLL_S)
        if not ready:
            self.signal()
            cut = "was interrupted" if stop and stop.is_set() else f"did not end within {LIMIT_S} s"
            return "", Result(lines_of(self.said(start)), cut)
        if reply := self._replies.readline():
            return reply, Result(lines_of(self.said(start)))
        exited = self.wait(LIMIT_S, stop=stop)
        status = exited.status or 0
        lines = lines_of(self.said(start))
        return "", Result(lines, exited.cut, status=status if status >= 0 else 128 - status)

    def close(self) -> None:
        self.end()
        self._replies.close()
