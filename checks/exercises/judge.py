"""Runs one submission and grades it: a process of its own, which may come to any end.

Run as a script, `judge.py GRADER FILE SHOWN REPLY`: the submission's prints go where they go, and the reply
goes to the descriptor REPLY: an empty line when the grader is loaded, then one JSON object in a line. It has
`mistake` (empty when solved) and `message`; or only a `message` when the submission could not be graded, with
the `line` of the grader where it stopped, if it did; or an `error` and a `line` when the grader is wrong.
SHOWN is what the learner calls the file. Standard library only.
"""

import importlib.util
import json
import linecache
import os
import resource
import sys
import tomllib
import traceback
import types
from contextlib import suppress
from pathlib import Path

MEMORY_BYTES = 2 << 30
LONGEST = 300


def read(source: bytes, shown: str) -> dict[str, object]:
    """What a submission says: a parsed document, or the names that its code defines."""
    if shown.endswith(".toml"):
        return tomllib.loads(source.decode())
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


def judge(grader: types.ModuleType, source: bytes, shown: str) -> dict[str, object]:
    """The mistake and its message, or why there is no verdict."""
    try:
        submission = read(source, shown)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the learner gets a sentence
        kind = "TOML" if shown.endswith(".toml") else "Python"
        return {"message": explain(error, shown, f"this is not {kind}")}
    try:
        mistake = grader.grade(submission)
        found = ""
        if isinstance(mistake, tuple):
            mistake, found = mistake
    except BaseException as error:  # noqa: BLE001 - likewise
        line = last_line(error, str(grader.__file__))
        if isinstance(error, OSError) and not last_line(error, shown):
            return {"error": summary(error), "line": line}
        told = explain(error, shown, "what this gives to the grader cannot be used there")
        return {"message": told, "line": 0 if last_line(error, shown) else line}
    if mistake is None:
        return {"mistake": "", "message": ""}
    if not isinstance(mistake, str) or mistake not in grader.MISTAKES:
        line = grader.grade.__code__.co_firstlineno
        return {"error": f"grade gives {mistake!r}, which is no name of MISTAKES", "line": line}
    return {"mistake": mistake, "message": f"{grader.MISTAKES[mistake]} {found}".rstrip()}


def explain(error: BaseException, shown: str, otherwise: str) -> str:
    """What stopped the submission, with the line of its own that it came to last."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return f"{shown}: not TOML: {error}"
    if isinstance(error, UnicodeDecodeError) and shown.endswith(".toml"):
        return f"{shown}: not UTF-8: byte {error.start + 1}"
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
    found: dict[str, object]
    try:
        module = load(Path(grader))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the grader's
        found = {"error": summary(error), "line": last_line(error, grader) or getattr(error, "lineno", 1)}
    else:
        os.write(reply, b"\n")
        found = judge(module, source, shown)
    with suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    os.write(reply, json.dumps(found).encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main()
