"""The check of exercises names each rule that one breaks by file and line."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks.child import UnfinishedError
from checks.exercises import check, judge
from checks.exercises.attempt import Verdict, attempt
from checks.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from checks.exercises.exercise import Exercise

PAGE = """\
# Small

Give 42.

```console
$ invoke exercise small
```

??? tip "Hint 1"

    More than 41.

??? tip "Hint 2"

    Fewer than 43.
"""
GRADER = """\
MISTAKES = {
    "nothing": "There is no answer.",
    "low": "More.",
    "high": "Fewer.",
    "text": "Is that a number?",
}


def grade(submission):
    answer = submission.get("answer")
    if answer is None:
        return "nothing"
    if not isinstance(answer, int):
        return "text"
    return None if answer == 42 else "low" if answer < 42 else "high"
"""
GOOD = {
    "index.md": PAGE,
    "grader.py": GRADER,
    "starter.py": "",
    "solution.py": "answer = 42\n",
    "mistakes/low.py": "answer = 41\n",
    "mistakes/high.py": "answer = 43\n",
    "mistakes/text.py": "answer = '42'\n",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes an exercise of a repository of its own: a good one, but for these files; None: without it."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607 - the one on the path

    def write(name: str = "small", **other: str | None) -> Path:
        folder = tmp_path / "docs/exercises" / name
        for path, text in (GOOD | other).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(text.replace("exercise small", f"exercise {name}"))
        return folder

    return write


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, list[str]]]:
    """The exit status of the check, and its lines below `docs/exercises`."""
    monkeypatch.delenv("CI", raising=False)

    def run() -> tuple[int, list[str]]:
        status = check.main(tmp_path, Memory("exercises", tmp_path / "memory"))
        return status, capsys.readouterr().out.replace("docs/exercises/", "").splitlines()

    return run


def right(_: Exercise, file: Path, __: str) -> Verdict:
    """The verdict that the name of a submission promises."""
    name = {"starter": "nothing", "solution": ""}.get(file.stem, file.stem)
    return Verdict(name, "It is wrong." if name else "")


def test_two_mistakes_at_once_are_told_as_one_of_the_two(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]]
) -> None:
    """Where they change different lines; comments do not count, and two of one line are no pair."""
    files = {
        "solution.py": "# Right.\nanswer = 42\nunit = 's'\n",
        "mistakes/low.py": '"""Low."""\n\nanswer = 41\nunit = "s"\n',
        "mistakes/high.py": "answer = 43\nunit = 's'\n",
        "mistakes/text.py": "answer = 42  # of what?\nunit = 1\n",
    }
    grade = GRADER.replace("    if not isinstance(answer, int)", '    if submission.get("unit") == 1')
    write(**files, **{"grader.py": grade})
    assert run() == (0, ["1 exercises, 7 submissions graded, 0 failures"])
    both = 'answer < 42 and submission["unit"] == 1'
    third = grade.replace("answer is None", f"answer is None or ({both})")
    write(**files, **{"grader.py": third})
    told = "small/grader.py:1: with low and text at once, a learner is told 'nothing'"
    summary = "1 exercises, 7 submissions graded, 1 failures"
    assert run() == (1, [told, "There is no answer.", summary])


def test_a_good_exercise_is_graded_once(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then again when its files change; and always with CI=true."""
    folder = write()
    graded = (0, ["1 exercises, 5 submissions graded, 0 failures"])
    assert run() == graded
    assert run() == (
        0,
        ["1 exercises, 0 submissions graded, 5 unchanged since they were right, 0 failures"],
    )
    (folder / "mistakes/low.py").write_text("answer = 44\n")
    wrong = ["small/mistakes/low.py:1: is told 'high', and not 'low'", "Fewer."]
    assert run() == (1, [*wrong, "1 exercises, 5 submissions graded, 1 failures"])
    assert run()[0] == 1
    (folder / "mistakes/low.py").write_text("answer = 40\n")
    assert run() == graded
    monkeypatch.setenv("CI", "true")
    assert run() == graded


def test_a_verdict_depends_on_the_judge_the_capstone_and_the_evidence(
    write: Callable[..., Path],
    run: Callable[[], tuple[int, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A change of any of them, and of no other file, has every submission graded again."""
    monkeypatch.setattr(check, "attempt", right)
    write()
    run()
    for path in check.GRADING:
        file = tmp_path / path if path.endswith(".py") else tmp_path / path / "file"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("changed")
        assert "5 submissions graded, 0 failures" in run()[1][0]
    (tmp_path / "docs/page.md").write_text("changed")
    assert "0 submissions graded" in run()[1][0]


def test_a_submission_that_is_edited_while_it_is_graded_is_not_remembered(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was graded is not what is there now."""
    folder = write()

    def edit(exercise: Exercise, file: Path, shown: str) -> Verdict:
        (folder / "solution.py").write_text("answer = 1\n")
        return right(exercise, file, shown)

    monkeypatch.setattr(check, "attempt", edit)
    assert run()[0] == 0
    monkeypatch.setattr(check, "attempt", attempt)
    assert run()[1][0] == "small/solution.py:1: the solution is told 'low'"


@pytest.mark.parametrize(
    ("files", "failures"),
    [
        (
            {"index.md": None, "grader.py": None},
            [
                "small/index.md:1: is missing: write the page, with its title, its text and its hints",
                "small/grader.py:1: is missing: checks/exercises/exercise.py says what it defines",
            ],
        ),
        ({"starter.py": None}, ["small/starter.py:1: or starter.toml is missing"]),
        ({"starter.toml": ""}, ["small/starter.py:1: stands beside starter.toml: keep one"]),
        (
            {"solution.py": None, "mistakes/low.py": None, "mistakes/low.txt": ""},
            [
                "small/solution.py:1: is missing: write the reference, of the starter's kind",
                "small/mistakes/low.txt:1: is no submission: name it like the starter, .py",
            ],
        ),
        (
            {"mistakes/low.py": None, "mistakes/high.py": None},
            ["small/mistakes/NAME.py:1: is missing: write at least 3 wrong submissions, there are 1"],
        ),
        (
            {"mistakes/low.py": None, "mistakes/high.py": None, "mistakes/text.py": None},
            ["small/mistakes/NAME.py:1: is missing: write at least 3 wrong submissions, there are 0"],
        ),
        (
            {"index.md": PAGE.replace("# Small", "Small")},
            ["small/index.md:1: the first line is the title: `# `, then what the exercise is called"],
        ),
        (
            {"index.md": PAGE.replace("Give 42.\n\n", "")},
            [
                (
                    "small/index.md:3: below the title stands a paragraph that says what to do: "
                    "the list of exercises shows it"
                )
            ],
        ),
        (
            {"index.md": PAGE.replace("42.", "[42][answer].", 1)},
            [
                (
                    "small/index.md:3: take the link out of the first paragraph: "
                    "the list of exercises shows it on another page"
                )
            ],
        ),
        (
            {"index.md": PAGE.replace("Hint 1", "A hint")},
            ['small/index.md:9: this is hint 1: begin it with `??? tip "Hint 1"`'],
        ),
        (
            {"index.md": PAGE.replace("Hint 2", "Hint 3")},
            ['small/index.md:13: this is hint 2: begin it with `??? tip "Hint 2"`'],
        ),
        (
            {"index.md": PAGE.replace("    More", "More")},
            ["small/index.md:9: this hint has no text: write it below, indented by four blanks"],
        ),
        (
            {"index.md": PAGE.partition('??? tip "Hint 2"')[0]},
            ['small/index.md:12: write 2 hints or more: the next begins with `??? tip "Hint 2"`'],
        ),
        (
            {"index.md": PAGE.replace("$ invoke", "$ invoked")},
            [
                (
                    "small/index.md:15: no console block has the line `$ invoke exercise small`: "
                    "show what the starter is told"
                )
            ],
        ),
        (
            {"grader.py": "MISTAKES = {\n    'low': 'More.'\ndef grade(): ...\n"},
            ["small/grader.py:1: this is not Python: '{' was never closed (<unknown>, line 1)"],
        ),
        (
            {"grader.py": "import os.path\n"},
            [
                'small/grader.py:1: define MISTAKES = {"name": "message", …}',
                "small/grader.py:1: define grade(submission), which gives a name of MISTAKES or None",
                (
                    "small/grader.py:1: imports os.path: a grader runs in a browser too, "
                    "without processes and threads"
                ),
            ],
        ),
        (
            {"grader.py": f"import yaml\nfrom . import answers\nfrom threading import Thread\n{GRADER}"},
            [
                "small/grader.py:1: imports yaml: a grader uses only the standard library and the capstone",
                "small/grader.py:2: imports .: a grader uses only the standard library and the capstone",
                (
                    "small/grader.py:3: imports threading: a grader runs in a browser too, "
                    "without processes and threads"
                ),
            ],
        ),
        (
            {"grader.py": GRADER.replace("Fewer.", "More.").replace("There is no answer.", "None")},
            [
                "small/grader.py:2: end the message of 'nothing' with a . or a ?",
                "small/grader.py:4: 'high' has the message of 'low': say what is wrong here",
            ],
        ),
        (
            {"grader.py": GRADER.replace('"Fewer."', 'f"Fewer than {40}."')},
            [
                "small/grader.py:4: write the name and the message as plain text, between quotes",
                "small/mistakes/high.py:1: has no message: add 'high' to MISTAKES in grader.py",
                "It is wrong.",
            ],
        ),
        (
            {"grader.py": GRADER.replace('    "text"', '    "odd": "Even?",\n    "text"')},
            ["small/grader.py:5: no submission makes the mistake 'odd': add mistakes/odd.py"],
        ),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_a_broken_rule_is_named_by_file_and_line(
    write: Callable[..., Path],
    run: Callable[[], tuple[int, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str | None],
    failures: list[str],
) -> None:
    """In words that say what would be right; with these verdicts nothing else is wrong."""
    monkeypatch.setattr(check, "attempt", right)
    write(**files)
    status, lines = run()
    assert (status, lines[:-1]) == (1, failures)


def test_a_verdict_that_the_name_does_not_promise_is_named(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each submission is graded as a learner's is: in a process of its own, within a time limit."""

    def limited(exercise: Exercise, file: Path, shown: str) -> Verdict:
        return attempt(exercise, file, shown, limit_s=2 if file.stem == "high" else 10)

    monkeypatch.setattr(check, "attempt", limited)
    write(
        "first",
        **{
            "starter.py": "answer = 42\n",
            "solution.py": "answer = 7\n",
            "mistakes/low.py": "answer = 42\n",
            "mistakes/strange.py": "answer = 7\n",
        },
    )
    write(
        "second",
        **{
            "solution.py": "print('Look!')\nanswer = 42\n",
            "mistakes/low.py": "answer = \n",
            "mistakes/high.py": "from time import sleep\nsleep(11)\nanswer = 43\n",
        },
    )
    status, lines = run()
    assert status == 1
    assert lines == [
        "first/starter.py:1: the starter passes: leave the learner something to do",
        "first/solution.py:1: the solution is told 'low'",
        "More.",
        "first/mistakes/low.py:1: passes, and not 'low'",
        "first/mistakes/strange.py:1: has no message: add 'strange' to MISTAKES in grader.py",
        "More.",
        "first/grader.py:2: no submission makes the mistake 'nothing': add mistakes/nothing.py",
        "second/solution.py:1: the solution prints something, and every learner would read it",
        "Look!",
        "second/mistakes/high.py:1: could not be graded",
        "high.py: was not done after 2 s and was ended: does a loop never end?",
        "second/mistakes/low.py:1: could not be graded",
        "low.py:1: SyntaxError: invalid syntax",
        "    answer =",
        "2 exercises, 14 submissions graded, 8 failures",
    ]


def test_a_grader_may_add_what_it_found(tmp_path: Path) -> None:
    """A sentence about this submission stands after the message of the mistake."""
    grader, submission = tmp_path / "grader.py", tmp_path / "answer.py"
    grader.write_text(GRADER.replace('return "text"', 'return "text", f"It is {answer!r}."'))
    submission.write_text("answer = 'many'\n")
    told = judge.judge(judge.load(grader), submission.read_bytes(), submission.name)
    assert told == judge.Reply("text", "Is that a number? It is 'many'.")


def test_a_grader_that_is_wrong_is_named_by_its_line(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]]
) -> None:
    """Where it stops, and not where it was asked."""
    write("import", **{"grader.py": GRADER + "\n\nLIMIT = 40 + two\n"})
    write("name", **{"grader.py": GRADER.replace('return "text"', 'return "txt"')})
    write("stop", **{"grader.py": GRADER.replace("isinstance(answer", "numeric(answer")})
    status, lines = run()
    what = "what this gives to the grader cannot be used there: NameError: name 'numeric' is not defined"
    stops = [
        (f"stop/grader.py:13: the grader stops here for stop/{file}", f"{Path(file).name}: {what}")
        for file in ("solution.py", "mistakes/high.py", "mistakes/low.py", "mistakes/text.py")
    ]
    assert status == 1
    assert lines == [
        "import/grader.py:18: NameError: name 'two' is not defined",
        "name/grader.py:9: grade gives 'txt', which is no name of MISTAKES",
        *(line for stop in stops for line in stop),
        "3 exercises, 15 submissions graded, 6 failures",
    ]


def test_a_run_that_gave_no_verdict_is_named_and_not_remembered(
    write: Callable[..., Path], run: Callable[[], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that starts no process says nothing of a submission."""
    write()

    def fail(exercise: Exercise, file: Path, shown: str) -> Verdict:
        if file.stem == "low":
            raise UnfinishedError("the judge did not start: no memory")
        return right(exercise, file, shown)

    monkeypatch.setattr(check, "attempt", fail)
    for _ in range(2):
        status, lines = run()
        assert (status, lines[0]) == (
            1,
            "small/mistakes/low.py:1: was not graded: the judge did not start: no memory",
        )
