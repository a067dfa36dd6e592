"""The learner's way through an exercise: a submission that may do anything, its verdict, and the command."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from checks.child import UnfinishedError
from checks.exercises import __main__ as command
from checks.exercises import judge
from checks.exercises import work as work_module
from checks.exercises.attempt import MAX_OUTPUT_BYTES, GraderError, Verdict, attempt
from checks.exercises.exercise import ROOT, Exercise, UnknownExerciseError, read_exercise, read_exercises
from checks.exercises.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable


def test_there_is_no_exercise_of_another_name() -> None:
    """The message names those there are."""
    with pytest.raises(UnknownExerciseError, match=r"no exercise 'nope'; there are: adopt-rules-at-once, "):
        read_exercise("nope")


# What a submission can do


@pytest.fixture
def small(tmp_path: Path) -> Exercise:
    """An exercise that asks for a function which gives 42."""
    folder = tmp_path / "docs/exercises/small"
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(
        '# Small\n\nGive 42.\n\n??? tip "Hint 1"\n\n    More than\n    41.\n\n'
        '??? tip "Hint 2"\n\n    See [`a`][b.a] or [c](d.md): 42.\n'
    )
    (folder / "grader.py").write_text(
        'MISTAKES = {"wrong": "answer does not give it."}\n\n\n'
        'def grade(submission):\n    return None if submission["answer"]() == 42 else "wrong"\n'
    )
    (folder / "starter.py").write_text("def answer():\n    return 0\n")
    (folder / "solution.py").write_text("def answer():\n    return 42\n")
    return Exercise(folder)


def verdict(small: Exercise, source: str | bytes, limit_s: float = 10, suffix: str = ".py") -> Verdict:
    """What becomes of this submission."""
    file = small.folder / f"mine{suffix}"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    return attempt(small, file, f"mine{suffix}", limit_s=limit_s)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = x / 0\n", "mine.py:2: ZeroDivisionError: division by zero\n    y = x / 0"),
        (
            "def answer():\n    return [][1]\n",
            "mine.py:2: IndexError: list index out of range\n    return [][1]",
        ),
        ("def answer(:\n", "mine.py:1: SyntaxError: invalid syntax\n    def answer(:"),
        (
            "import sys\nsys.exit(0)\n",
            "mine.py:2: sys.exit ends Python before anything could be graded\n    sys.exit(0)",
        ),
        ("import os\nos._exit(0)\n", "mine.py: ended Python (exit status 0) before anything could be graded"),
        ("import os\nos.abort()\n", "mine.py: ended Python (signal 6) before anything could be graded"),
        ("input()\n", "mine.py:1: EOFError: EOF when reading a line\n    input()"),
        ("raise KeyboardInterrupt\n", "mine.py:1: KeyboardInterrupt\n    raise KeyboardInterrupt"),
        (
            "raise ValueError('a' * 1_000_000)\n",
            f"mine.py:1: ValueError: {'a' * 288}…\n    raise ValueError('a' * 1_000_000)",
        ),
        (
            "answer = 42\n",
            "mine.py: what this gives to the grader cannot be used there: TypeError: ",
        ),
        (
            "def answer():\n    return answer()\n",
            "mine.py:2: RecursionError: maximum recursion depth exceeded",
        ),
    ],
)
def test_whatever_stops_a_submission_is_one_message_with_its_own_line(
    small: Exercise, source: str | bytes, message: str
) -> None:
    """No verdict, and no traceback of the project's own."""
    found = verdict(small, source)
    assert found.message.startswith(message), found
    assert found.mistake == found.printed == ""
    assert not found.solved


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_submission_that_takes_all_memory_is_refused_it(small: Exercise) -> None:
    """Long before the machine has none."""
    assert verdict(small, "b = bytearray(3 << 30)\n").message.startswith("mine.py:1: MemoryError")


def test_bytes_that_python_refuses_in_a_file_are_no_solution(small: Exercise) -> None:
    """Also where only a comment holds them."""
    found = verdict(small, b"def answer():\n    return 42\n# caf\xe9\n")
    assert found.message == "mine.py: not UTF-8: byte 34"
    found = verdict(small, b"# caf\xe9\ndef answer():\n    return 42\n")
    assert found.message.endswith(" SyntaxError: invalid or missing encoding declaration")
    assert verdict(small, "# coding: latin-1\n# caf\xe9\nanswer = lambda: 42\n".encode("latin-1")).solved


@pytest.mark.parametrize("source", [b"answer\x00\n", b"# coding: klingon\n"])
def test_bytes_that_are_no_python_are_told_so(small: Exercise, source: bytes) -> None:
    """With a line where Python knows one, which not every version does."""
    found = verdict(small, source)
    assert re.match(r"mine\.py:(1:| this is not Python:) (SyntaxError|ValueError): ", found.message), found


LOOPS = {
    "loop": "while True:\n    pass\n",
    "loop that catches everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass\n"
    ),
}


def test_a_loop_that_never_ends_is_ended(small: Exercise) -> None:
    """At its time limit, and nothing of it goes on."""
    for name, source in LOOPS.items():
        beat = f"open({str(small.folder / name)!r}, 'a').write('x')"
        (small.folder / f"{name}.py").write_text(source.replace("pass", beat))
    with ThreadPoolExecutor(len(LOOPS)) as pool:
        found = pool.map(
            lambda name: attempt(small, small.folder / f"{name}.py", "mine.py", limit_s=2), LOOPS
        )
        messages = {verdict.message for verdict in found}
    assert messages == {"mine.py: was not done after 2 s and was ended: does a loop never end?"}
    beats = [(small.folder / name).stat().st_size for name in LOOPS]
    assert all(beats)
    time.sleep(0.1)
    assert [(small.folder / name).stat().st_size for name in LOOPS] == beats


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.fork()",
        "import os; os.posix_spawn('/bin/sleep', ['sleep', '60'], {})",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.system('sleep 60 &')",
        "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)",
        "import ctypes; ctypes.CDLL(None).fork()",
    ],
)
def test_a_submission_starts_and_ends_no_process(small: Exercise, line: str) -> None:
    """So that nothing outlives the grading; neither when it is loaded nor when the grader calls it."""
    for source in (f"{line}\ndef answer(): return 42\n", f"def answer():\n    {line}\n    return 42\n"):
        found = verdict(small, source)
        assert re.match(r"mine\.py:[12]: PermissionError: [a-zA-Z_.]+: a submission starts", found.message)


SOLVED = b"\0" * 4
FORGED = {
    "a reply": (
        f"import os\nfor fd in range(3, 40):\n    try: os.write(fd, {SOLVED!r})\n    except OSError: pass\n"
    ),
    "a reply, and the end": "import os\nos.write(3, b'0' * 64 + b'\\0' * 4)\nos._exit(0)\n",
    "a seal that it reads": "import os\nseal = os.read(0, 99)\nos.write(3, seal + b'\\0' * 4)\n",
    "the mistakes": "import sys\nsys._getframe(3).f_locals['module'].grade = lambda _: None\n",
    "json": "import json\njson.dumps = lambda *_: '{}'\n",
    "equality": "class Any(int):\n    __eq__ = lambda *_: True\nimport builtins\nbuiltins.int = Any\n",
}


@pytest.mark.parametrize("how", FORGED)
def test_a_submission_cannot_write_its_own_verdict(small: Exercise, how: str) -> None:
    """A wrong answer stays wrong, whatever the submission writes or changes."""
    assert not verdict(small, f"{FORGED[how]}def answer():\n    return 41\n").solved


def test_a_module_that_grades_is_left_as_it_is(small: Exercise) -> None:
    """What a grader calls is part of the verdict: the package, its classes, and what the grader imports."""
    grader = small.grader.read_text()
    small.grader.write_text(f"import math\nfrom service_monitoring.testing import make_rule\n{grader}")
    for line, told in {
        "import math; math.isclose = None": "isclose of math",
        "import builtins; builtins.len = None": "len of builtins",
        "from service_monitoring import testing as t; t.make_rule = 0": (
            "make_rule of service_monitoring.testing"
        ),
        "from service_monitoring.domain import values; values.Sample.__eq__ = lambda *_: True": (
            "__eq__ of service_monitoring.domain.values.Sample"
        ),
        "from service_monitoring import testing as t; t.make_rule.__code__ = answer.__code__": (
            "__code__ of service_monitoring.testing.make_rule"
        ),
        "answer.__globals__['x'] = 1": "",
    }.items():
        found = verdict(small, f"def answer():\n    return 42\n{line}\n")
        assert found.message == (f"mine.py: changes {told}: leave it as it is" if told else "")


def test_a_grader_that_cannot_be_used_is_no_verdict(small: Exercise) -> None:
    """It is told by file and line of the grader, whatever was submitted, and as an error of the run."""
    broken = {
        "import nothing_like_it\n": (1, "ModuleNotFoundError: No module named 'nothing_like_it'"),
        "x = 1\ndef (:\n": (2, "SyntaxError: invalid syntax"),
        "def grade(submission): ...\n": (1, "AttributeError: module 'grader' has no attribute 'MISTAKES'"),
        "MISTAKES = {}\ndef grade(_):\n    return 'x'\n": (
            2,
            "grade gives 'x', which is no name of MISTAKES",
        ),
        "MISTAKES = {}\ndef grade(_):\n    open('/nowhere/x')\n": (
            3,
            "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x'",
        ),
    }
    for source, (line, what) in broken.items():
        small.grader.write_text(source)
        with pytest.raises(GraderError, match=re.escape(f"docs/exercises/small/grader.py:{line}: {what}")):
            verdict(small, "def answer():\n    return 42\n")


def test_a_judge_that_does_not_start_is_no_verdict(
    small: Exercise, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is one that ends before it has the grader: the message says what it said last."""
    monkeypatch.setattr(judge, "__file__", str(tmp_path / "judge.py"))
    (tmp_path / "judge.py").write_text("raise SystemExit('no room for a process')\n")
    with pytest.raises(UnfinishedError, match="the judge of small did not start: no room for a process"):
        verdict(small, "def answer():\n    return 42\n")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UnfinishedError, match="the judge of small did not start: No such file"):
        verdict(small, "def answer():\n    return 42\n")


def test_a_thread_that_goes_on_does_not_keep_the_verdict(small: Exercise) -> None:
    """It is ended with its process."""
    loop = "from threading import Thread\nfrom time import sleep\nThread(target=lambda: sleep(60)).start()\n"
    assert verdict(small, loop + "def answer():\n    return 42\n").solved


def test_a_flood_of_output_is_ended(small: Exercise) -> None:
    """Long before the time limit."""
    found = verdict(small, "while True:\n    print('flood ' * 100)\n", limit_s=60)
    assert found.message == f"mine.py: wrote more than {MAX_OUTPUT_BYTES:,} bytes and was ended"
    assert found.printed == ""


def test_what_a_submission_prints_is_kept(small: Exercise) -> None:
    """Whatever the verdict is."""
    found = verdict(small, "import sys\nprint('one')\nsys.stderr.write('two')\ndef answer(): return 41\n")
    assert sorted(found.printed.split()) == ["one", "two"]
    assert (found.mistake, found.message) == ("wrong", "answer does not give it.")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("answer = \n", r"mine.toml: not TOML: Invalid value \(at line 1, column 10\)"),
        (b"answer = '\xff'\n", r"mine.toml: not UTF-8: byte 11"),
        ("answer = " + "[" * 100_000, r"mine.toml: .*RecursionError.*"),
        ("answer = " + "9" * 5_000, r"mine.toml: this is not TOML: ValueError: Exceeds the limit .*"),
    ],
)
def test_a_document_that_cannot_be_read_says_where(
    small: Exercise, source: str | bytes, message: str
) -> None:
    """By line and column, or by byte."""
    assert re.fullmatch(message, verdict(small, source, suffix=".toml").message)


# The command


@pytest.fixture
def run(
    small: Exercise, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """`invoke exercise` in a repository with one small exercise: its exit status and what it says."""
    root = small.folder.parents[2]
    monkeypatch.setattr(command, "read_exercises", lambda: read_exercises(root))
    monkeypatch.setattr(command, "read_exercise", lambda name: read_exercise(name, root))
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> tuple[int, str]:
        status = command.main(arguments, Work(root))
        said = capsys.readouterr()
        return status, said.out + said.err

    return call


def mine(small: Exercise) -> Path:
    """The learner's own file."""
    return small.folder.parents[2] / work_module.FOLDER / "small.py"


def test_the_first_use_copies_the_starter_and_no_use_overwrites(
    small: Exercise, run: Callable[..., tuple[int, str]]
) -> None:
    """The learner's file is graded as it is, and says how far it is in the list."""
    assert run() == (
        0,
        "small  new     Small\n0 of 1 solved; `invoke exercise NAME` begins one, and grades it\n",
    )
    status, said = run("small")
    assert status == 1
    assert said == (
        "copied the starter to work/exercises/small.py: edit it, and run this again\n"
        "work/exercises/small.py: not yet: wrong\n"
        "answer does not give it.\n"
        "`invoke exercise small --hint` shows the next hint, 2 left\n"
    )
    assert run()[1].startswith("small  begun ")
    mine(small).write_text("def answer():\n    print('try')\n    return 42\n")
    assert run("small") == (
        0,
        (
            "it printed:\n  try\n"
            "work/exercises/small.py: solved\n"
            "one way to do it: docs/exercises/small/solution.py\n"
        ),
    )
    assert "print" in mine(small).read_text()
    assert run()[1].startswith("small  solved")
    mine(small).write_text("def answer():\n    return 7\n")
    assert run()[1].startswith("small  begun ")


def test_hints_come_one_by_one(run: Callable[..., tuple[int, str]]) -> None:
    """The last stays the last, and then nothing more is promised."""
    assert run("small", "--hint") == (0, "hint 1 of 2:\nMore than 41.\n")
    assert "shows the next hint, 1 left" in run("small")[1]
    assert run("small", "--hint") == (0, "hint 2 of 2:\nSee `a` or c: 42.\n")
    assert run("small", "--hint") == (0, "hint 2 of 2:\nSee `a` or c: 42.\n")
    assert "--hint" not in run("small")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "exercise: there is no exercise 'nope'; there are: small\n"),
        (["../small"], "exercise: there is no exercise '../small'; there are: small\n"),
        (["--hint"], "exercise: say which exercise: small\n"),
    ],
)
def test_what_cannot_be_graded_is_one_line_and_status_2(
    small: Exercise, run: Callable[..., tuple[int, str]], arguments: list[str], message: str
) -> None:
    """And nothing is written."""
    assert run(*arguments) == (2, message)
    assert not mine(small).parent.exists()


def test_an_unreadable_file_is_one_line(small: Exercise, run: Callable[..., tuple[int, str]]) -> None:
    """A folder where the file should be, or a file where the folder should be."""
    mine(small).mkdir(parents=True)
    assert run("small") == (2, "exercise: work/exercises/small.py cannot be read: Is a directory\n")
    mine(small).rmdir()
    mine(small).parent.rmdir()
    mine(small).parent.write_text("")
    status, said = run("small")
    assert status == 2
    assert re.fullmatch(r"exercise: .*work/exercises: File exists\n", said)


def test_an_error_of_the_run_is_one_line(small: Exercise, run: Callable[..., tuple[int, str]]) -> None:
    """With status 2, for the learner's file has no verdict."""
    small.grader.write_text("1 / 0\n")
    said = "exercise: docs/exercises/small/grader.py:1: ZeroDivisionError: division by zero\n"
    assert run("small")[1].endswith(said)
    assert run("small") == (2, said)
    small.starter.unlink()
    assert run("small") == (2, f"exercise: {small.folder}: there is no starter.py or starter.toml\n")


def test_a_broken_record_is_no_obstacle(small: Exercise, run: Callable[..., tuple[int, str]]) -> None:
    """It only forgets the hints."""
    run("small", "--hint")
    (mine(small).parent / "progress.json").write_text('{"small": [')
    assert run("small", "--hint") == (0, "hint 1 of 2:\nMore than 41.\n")
    (mine(small).parent / "progress.json").write_text(json.dumps({"small": {"hints": "1"}}))
    assert run("small", "--hint") == (0, "hint 1 of 2:\nMore than 41.\n")


def test_watching_grades_every_save_until_it_is_solved(
    small: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not solved, saved wrong again, saved right: three verdicts, and the end."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", said)
    saves = iter(["def answer():\n    return 41\n", "def answer():\n    return 42\n"])

    def save(_: float) -> None:
        mine(small).write_text(next(saves))

    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=save, strftime=time.strftime))
    assert command.watch(small, Work(small.folder.parents[2])) == 0
    assert said.getvalue().count("not yet: wrong") == 2
    assert said.getvalue().count("saved at ") == 2
    assert "work/exercises/small.py: solved" in said.getvalue()


def test_a_reader_that_stops_early_is_no_error() -> None:
    """`invoke exercise | head` ends quietly: the pipe is closed before the list is written."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "checks.exercises"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_task_passes_everything_on() -> None:
    """`invoke exercise` has the exit status and the words of the command."""
    invoke = Path(sys.executable).parent / "invoke"
    done = subprocess.run([invoke, "exercise", "nope"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("exercise: there is no exercise 'nope'; there are: ")


def test_control_c_ends_the_watch(tmp_path: Path) -> None:
    """With status 130, one line, and no traceback."""
    source = (
        "import sys; from pathlib import Path; from checks.exercises import __main__, work; "
        "sys.exit(__main__.main(sys.argv[2:], work.Work(Path(sys.argv[1]))))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", source, tmp_path, read_exercises()[0].name, "--watch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("watching ")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.endswith("exercise: interrupted\n")
