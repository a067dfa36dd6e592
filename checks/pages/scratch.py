"""Where the blocks of one page run: a copy of the repository, a shell and an interpreter."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Self

from checks.pages import interpreter

if TYPE_CHECKING:
    from types import TracebackType

TIMEOUT_S = 60
COLUMNS = 100


class Result(NamedTuple):
    """What one block or command did."""

    lines: list[str]
    error: str = ""
    line: int | None = None
    traceback: str = ""


class Scratch:
    """A throw-away copy of the repository in which one page's blocks run in order."""

    def __init__(self, root: Path, page: Path) -> None:
        self._root = root
        self._page = page
        self._folder = Path(tempfile.mkdtemp(prefix="page-"))
        self.work = self._folder / "work"
        self._home = self._folder / "home"
        self._home.mkdir()
        copy_repository(root, self.work)
        self._shell_state = self._folder / "shell"
        self._shell_state.touch()
        self._groups: list[int] = []
        self._python: _Interpreter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything that the page started and remove the copy."""
        if self._python:
            self._python.close()
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_python(self, source: str) -> Result:
        """Run one block in the page's namespace; its line numbers are the page's."""
        if self._python is None:
            path = self._page.relative_to(self._root).as_posix()
            self._python = _Interpreter(path, self._page, self.work, self._environment())
            self._groups.append(self._python.process.pid)
        result = self._python.run(source)
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
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["bash", "--norc", "-c", script],  # noqa: S607 - the reader's bash
                cwd=self.work,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.append(process.pid)
            try:
                status = process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return Result([], f"ran longer than {TIMEOUT_S} s and was ended")
            output.seek(0)
            lines = output.read().decode(errors="replace").splitlines()
        return Result([*lines, f"(exit status {status})"] if status else lines)

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
        }


class _Interpreter:
    def __init__(self, path: str, page: Path, work: Path, environment: dict[str, str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the interpreter
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            # -P: a block must not import this folder's modules by accident.
            [sys.executable, "-P", interpreter.__file__, path, str(page), str(writing)],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        os.close(writing)
        self._replies: IO[str] = os.fdopen(reading, encoding="utf-8")

    def run(self, source: str) -> Result:
        start = self._output.seek(0, os.SEEK_END)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(source) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self._replies], [], [], TIMEOUT_S)
        reply = self._replies.readline() if ready else ""
        if not ready:
            os.killpg(self.process.pid, signal.SIGKILL)
        self._output.seek(start)
        lines = self._output.read().decode(errors="replace").splitlines()
        if reply:
            told = json.loads(reply)
            if told["error"]:
                return Result(lines, told["error"], told["line"], told["text"])
            return Result(lines)
        status = self.process.wait()
        if not ready:
            return Result(lines, f"the block ran longer than {TIMEOUT_S} s and was ended")
        return Result(lines, f"the block ended the interpreter (exit status {status})")

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self._replies.close()
        self._output.close()


def repository_files(root: Path) -> list[str]:
    """What git tracks or would track and is in the working tree, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in dict.fromkeys(listed.stdout.split("\0")) if name and (root / name).is_file()]


def copy_repository(root: Path, target: Path) -> None:
    """Copy the working tree as it is now, to a repository of its own."""
    subprocess.run(["git", "init", "--quiet", target], check=True)  # noqa: S607
    for name in repository_files(root):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy)
