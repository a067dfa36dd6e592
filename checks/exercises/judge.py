"""Runs one submission and grades it: a process of its own, which may come to any end.

Run as a script, `judge.py GRADER FILE SHOWN REPLY`: the submission's prints go where they go, and one JSON
object goes to the descriptor REPLY. It has `mistake` (empty when solved) and `message`, or only a `message`
when the submission could not be graded. SHOWN is what the learner calls the file. Standard library only.
"""

import importlib.util
import json
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


def judge(grader: Path, file: Path, shown: str) -> dict[str, str]:
    """The mistake and its message, or why there is no verdict."""
    try:
        submission = read(file.read_bytes(), shown)
        spec = importlib.util.spec_from_file_location("grader", grader)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["grader"] = module
        spec.loader.exec_module(module)
        mistake = module.grade(submission)
        return {"mistake": mistake or "", "message": module.MISTAKES[mistake] if mistake else ""}
    except BaseException as error:  # noqa: BLE001 - whatever it is, the learner gets a sentence
        return {"message": said(error, shown)}


def said(error: BaseException, shown: str) -> str:
    """What stopped the submission, with the line of its own that it came to last."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return f"{shown}: not TOML: {error}"
    if isinstance(error, UnicodeDecodeError) and shown.endswith(".toml"):
        return f"{shown}: not UTF-8: byte {error.start + 1}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == shown]
    what = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    what = what if len(what) <= LONGEST else f"{what[:LONGEST]}…"
    if isinstance(error, SystemExit):
        what = "sys.exit ends Python before anything could be graded"
    if isinstance(error, SyntaxError) and error.filename == shown and error.lineno:
        return f"{shown}:{error.lineno}: {what}{quoted(error.text)}"
    if frames:
        return f"{shown}:{frames[-1].lineno}: {what}{quoted(frames[-1].line)}"
    if isinstance(error, (SyntaxError, ValueError)) and sys.modules.get("grader") is None:
        return f"{shown}: this is not Python: {what}"  # null bytes, an unknown encoding
    return f"{shown}: what this gives to the grader can not be used there: {what}"


def quoted(line: str | None) -> str:
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
    lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    import linecache  # noqa: PLC0415 - tracebacks then quote the file under its shown name

    linecache.cache[shown] = (len(lines), None, lines, shown)
    verdict = judge(Path(grader), Path(file), shown)
    with suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    os.write(reply, json.dumps(verdict).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
