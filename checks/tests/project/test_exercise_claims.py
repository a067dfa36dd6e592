"""What exercises say of the capstone is so: the diff that one reviews, and the gain that another asks for."""

from __future__ import annotations

import re
import tomllib
import tracemalloc
from typing import TYPE_CHECKING

from checks.exercises.attempt import attempt
from checks.exercises.exercise import ROOT, read_exercise
from checks.exercises.judge import load
from checks.pages.page import Page
from checks.proof.trial import Trial, Trials

if TYPE_CHECKING:
    import types
    from collections.abc import Callable
    from pathlib import Path


def test_what_goes_red_with_the_reviewed_diff_is_what_the_grader_knows() -> None:
    """The suites of the contract are run with the diff applied; the right test fails for the right reason."""
    exercise = read_exercise("observability-review")
    diff = next(
        fence for fence in Page(ROOT, exercise.folder / "index.md").fences if fence.language == "diff"
    )
    files = ("tests/contract/test_signals.py", "tests/artifact/test_signal_artifacts.py")
    tests = tuple(
        f"{file}::{name}"
        for file in files
        for name in re.findall(r"^def (test_\w+)", (ROOT / "capstone" / file).read_text(), re.MULTILINE)
    )
    trial = Trial(exercise.name, diff.content, files, asked=tests)
    found = Trials().run([trial], "diff tried")[trial]
    known = load(exercise.grader)
    red = {test: said for tests in found.failed.values() for test, said in tests.items()}
    assert set(red) == {f"tests/{test}" for test in (known.RED, *known.RED_FOR_ANY)}
    assert "1 == 0" in red[f"tests/{known.RED}"]
    promising = tomllib.loads(exercise.mistakes["stays-green"].read_text())["test"]
    assert f"tests/{promising}" in found.ran


def test_the_solution_of_the_decoder_shows_a_real_gain() -> None:
    """A quarter of the blocks and of the bytes fewer, over the whole trace, and the same facts."""
    exercise = read_exercise("reuse-without-aliasing")
    source = ROOT / "capstone/src/service_monitoring/data/machine-under-load.jsonl"
    lines = source.read_bytes().splitlines()[1:]

    def held(file: Path) -> tuple[list[object], int, int]:
        namespace: dict[str, Callable[[], types.SimpleNamespace]] = {}
        exec(compile(file.read_text(encoding="utf-8"), file, "exec"), namespace)  # noqa: S102 - as above
        decoder = namespace["BufferingDecoder"]()
        decoder.batch(lines[:7])
        tracemalloc.start()
        samples = decoder.batch(lines)
        places = tracemalloc.take_snapshot().statistics("filename")
        tracemalloc.stop()
        return samples, sum(place.size for place in places), sum(place.count for place in places)

    before, dear_bytes, dear_blocks = held(exercise.starter)
    after, size, blocks = held(exercise.solution)
    assert after == before
    assert size < 0.75 * dear_bytes
    assert blocks < 0.75 * dear_blocks


def test_a_plan_may_name_the_trace_as_the_page_and_the_package_do(tmp_path: Path) -> None:
    """By its file, by the name that commands take, and by its name in Python."""
    exercise = read_exercise("measurement-plan")
    plan, submission = exercise.solution.read_text(encoding="utf-8"), tmp_path / "plan.toml"
    for name in ("machine-under-load.jsonl", "machine-under-load", "MACHINE_UNDER_LOAD"):
        submission.write_text(plan.replace("machine-under-load.jsonl", name), encoding="utf-8")
        assert attempt(exercise, submission, name).message == ""


def test_a_plan_that_misses_is_told_the_number(tmp_path: Path) -> None:
    """What was measured and what was accepted; where a limit refuses, both of its sides."""
    exercise, submission = read_exercise("measurement-plan"), tmp_path / "plan.toml"
    plan = exercise.solution.read_text(encoding="utf-8").replace("tolerance = 0.0", "tolerance = 0.01")
    for old, new, told in (
        ("predicted = 4496", "predicted = 4400", "Measured: 4,496. Accepted: 4,356 to 4,444."),
        ("stop_at_most = 441", "stop_at_most = 4460", "is 4,451.04, and your limit is 4,460."),
    ):
        submission.write_text(plan.replace(old, new), encoding="utf-8")
        assert told in attempt(exercise, submission, submission.name).message


def test_one_message_is_true_of_a_list_that_grows_and_of_one_with_its_room_too_late(tmp_path: Path) -> None:
    """Both allocate the list of results after tracing began."""
    exercise = read_exercise("count-what-is-alive")
    solution = exercise.solution.read_text(encoding="utf-8")
    room, start = "    held = [None] * len(inputs)", "    tracemalloc.start()\n"
    late = solution.replace(room, "    #").replace(start, f"{start}{room}\n")
    submission = tmp_path / "late.py"
    submission.write_text(late, encoding="utf-8")
    found = attempt(exercise, submission, submission.name)
    assert found.mistake == "counts-its-own-list"
    assert "its room was allocated after tracing began, at once or while it grew" in found.message
