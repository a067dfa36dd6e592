"""Runs one submission and grades it: a process of its own, which may come to any end.

Run as a script, `judge.py GRADER FILE SHOWN REPLY`: the submission's prints go where they go, and the reply
goes to the descriptor REPLY: an empty line when the grader is loaded; then the seal, which is what standard
input holds, and a `Reply`, each of its fields ended by a null byte. SHOWN is what the learner calls the file.

A submission cannot write its own verdict by a print, an exit, a write to a descriptor, or by changing the
names of a module that grades it; it starts no process, so that nothing outlives the grading. One that walks
through this process's memory is not kept out. Standard library only.
"""

import importlib.util
import linecache
import os
import resource
import sys
import tomllib
import traceback
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MEMORY_BYTES = 2 << 30
LONGEST = 300
REFUSED = (
    *("os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "subprocess."),
    "ctypes.",
)
"""How the names of the audit events begin that a submission must not cause."""


class Reply(NamedTuple):
    """What becomes of a submission.

    Attributes:
        mistake: The name of the mistake; empty when it is solved, or could not be graded.
        message: What the learner is told; empty when it is solved.
        line: The line of the grader where it stopped, if it did; else 0.
        error: What is wrong with the grader; empty when nothing is.
    """

    mistake: str = ""
    message: str = ""
    line: int = 0
    error: str = ""


def read(source: bytes, shown: str) -> dict[str, object]:
    """What a submission says: a parsed document, or the names that its code defines."""
    if shown.endswith(".toml"):
        return tomllib.loads(source.decode())
    importlib.util.decode_source(
        source
    )  # compile passes over bytes in a comment that Python refuses in a file
    module = types.ModuleType("submission")
    sys.modules["submission"] = module  # dataclasses look their module up
    exec(compile(source, shown, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the learner's code
    return vars(module)


def load(file: Path) -> types.ModuleType:
    """The grader as a module, which has both names that are asked of it."""
    spec = importlib.util.spec_from_file_location("grader", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["grader"] = module
    spec.loader.exec_module(module)
    for name in ("MISTAKES", "grade"):
        getattr(module, name)
    return module


def names(grader: types.ModuleType) -> Iterator[tuple[str, dict[str, object]]]:
    """The names that a verdict depends on: those of each module that grades, and of its classes."""
    yield "the grader", vars(grader)
    used = {getattr(value, "__module__", getattr(value, "__name__", "")) for value in vars(grader).values()}
    for name, module in list(sys.modules.items()):
        ours = name.startswith("service_monitoring")
        if ours or name in used | {"builtins", "__main__"}:
            yield name, vars(module)
            for value in list(vars(module).values()):
                if ours and isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{value.__name__}", dict(vars(value))
                elif isinstance(value, types.FunctionType):
                    yield f"{name}.{value.__name__}", {"__code__": value.__code__}


def judge(grader: types.ModuleType, source: bytes, shown: str) -> Reply:
    """The mistake and its message, or why there is no verdict."""
    before = {owner: dict(known) for owner, known in names(grader)}
    try:
        submission = read(source, shown)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the learner gets a sentence
        kind = "TOML" if shown.endswith(".toml") else "Python"
        return Reply(message=explain(error, shown, f"this is not {kind}"))
    try:
        mistake = grader.grade(submission)
        found = ""
        if isinstance(mistake, tuple):
            mistake, found = mistake
    except BaseException as error:  # noqa: BLE001 - likewise
        line = last_line(error, str(grader.__file__))
        if isinstance(error, OSError) and not last_line(error, shown):
            return Reply(error=summary(error), line=line)
        told = explain(error, shown, "what this gives to the grader cannot be used there")
        return Reply(message=told, line=0 if last_line(error, shown) else line)
    if mistake is None:
        changed = changes(before, dict(names(grader)))
        return Reply(message=f"{shown}: changes {changed}: leave it as it is" if changed else "")
    if not isinstance(mistake, str) or mistake not in grader.MISTAKES:
        line = grader.grade.__code__.co_firstlineno
        return Reply(error=f"grade gives {mistake!r}, which is no name of MISTAKES", line=line)
    message = grader.MISTAKES[mistake].format_map(vars(grader))
    return Reply(mistake, f"{message} {found}".rstrip())


def changes(before: Mapping[str, dict[str, object]], now: Mapping[str, dict[str, object]]) -> str:
    """The first function or class that is another one now; empty: none is."""
    for owner, known in before.items():
        for name, value in known.items():
            same = now.get(owner, {}).get(name) is value
            if not same and (callable(value) or isinstance(value, types.CodeType)):
                return f"{name} of {owner}"
    return ""


def refuse(event: str, _: object) -> None:
    """Keep a submission from what would outlive or replace its grading; an audit hook."""
    if event.startswith(REFUSED):
        raise PermissionError(f"{event}: a submission starts and ends no process")


def explain(error: BaseException, shown: str, otherwise: str) -> str:
    """What stopped the submission, with the line of its own that it came to last."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return f"{shown}: not TOML: {error}"
    if isinstance(error, UnicodeDecodeError) and not last_line(error, shown):
        return f"{shown}: not {error.encoding.upper()}: byte {error.start + 1}"
    what = summary(error)
    if isinstance(error, SystemExit):
        what = "sys.exit ends Python before anything could be graded"
    if isinstance(error, SyntaxError) and error.filename == shown and error.lineno:
        return f"{shown}:{error.lineno}: {what}{quote(error.text)}"
    if line := last_line(error, shown):
        return f"{shown}:{line}: {what}{quote(linecache.getline(shown, line))}"
    return f"{shown}: {otherwise}: {what}"  # null bytes, an unknown encoding


def summary(error: BaseException) -> str:
    """The last line of a traceback."""
    what = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return what if len(what) <= LONGEST else f"{what[:LONGEST]}…"


def last_line(error: BaseException, file: str) -> int:
    """The line of a file that the error came from or through last; 0: none."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == file), 0)


def quote(line: str | None) -> str:
    """The source line, where there is one."""
    return f"\n    {line.strip()}" if line and line.strip() else ""


def main() -> None:
    """Judge, reply, and leave at once, whatever threads the submission began."""
    grader, file, shown, descriptor = sys.argv[1:]
    # A copy is closed in whatever the submission starts.
    reply = os.dup(int(descriptor))
    os.close(int(descriptor))
    sys.argv[1:] = []
    sys.dont_write_bytecode = True
    with suppress(ValueError, OSError):  # not every system limits it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    source = Path(file).read_bytes()
    # Tracebacks then quote the file under its shown name.
    lines = source.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[shown] = (len(lines), None, lines, shown)
    try:
        module = load(Path(grader))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the grader's
        line = last_line(error, grader) or getattr(error, "lineno", 1)
        os.write(reply, sys.stdin.buffer.read() + sealed(Reply(error=summary(error), line=line)))
    else:
        del sys.modules["grader"]
        sys.addaudithook(refuse)
        os.write(reply, b"\n")
        # No name holds the seal while the submission runs, and its descriptor has no more to give.
        os.write(reply, sys.stdin.buffer.read() + sealed(judge(module, source, shown)))
    os._exit(0)


def sealed(reply: Reply) -> bytes:
    """The fields, after everything that the submission printed."""
    with suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    return b"".join(str(field).encode(errors="replace") + b"\0" for field in reply)


if __name__ == "__main__":
    main()
