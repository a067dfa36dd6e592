"""The lessons' measurements measure what they say, and their two commands: measure, and audit."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks.child import UnfinishedError, run
from checks.evidence.comparison import EVIDENCE
from checks.evidence.figures import Evidence, Figure
from checks.evidence.measurement import NOT_INSTALLED_STATUS, Measurement, NotMeasuredError, Step
from checks.evidence.sections import PAGE, TABLE
from checks.memory import ROOT
from checks.proof.changes import read_change
from checks.proof.trial import Trial, Trials
from checks.studies import __main__ as command
from checks.studies import audit, batching, bench, mutation, oracles, ratios
from checks.studies.__main__ import main
from checks.studies.table import MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_the_benchmark_replays_what_it_says(tmp_path: Path) -> None:
    """A small trace through the same code: all samples, and more work than json.loads alone."""
    trace = tmp_path / "trace.jsonl"
    bench.write(trace, 2_000)
    assert len(trace.read_bytes().splitlines()) == 1 + 2_000
    assert bench.ratio_to_loads(trace) > 1


def test_a_false_notification_is_not_counted_as_a_moved_one() -> None:
    """An alert an interval late has moved; one that nothing stands for is false."""
    early, late = batching.FIRST, batching.FIRST + timedelta(seconds=15)
    right = {("IncidentOpened", "disk", early), ("IncidentResolved", "disk", late)}
    found = {("IncidentOpened", "disk", late), ("IncidentOpened", "silent", early)}
    assert batching.compared(right, found) == {"missing": 2, "false": 1}


def test_a_buffer_of_any_phase_sends_the_whole_trace() -> None:
    """The first buffer holds the seconds of the phase, the others are full."""
    sizes = [len(batch) for _, batch in batching.by_count(14, 7)]
    assert (sizes[0], sizes[1], sum(sizes)) == (7, 14, 8_820)


def test_the_ratios_measure_what_they_say(tmp_path: Path) -> None:
    """What repeats is held to its limit; what takes time is only run."""
    assert ratios.sample_bytes(20_000).value <= ratios.LIMITS["retain a sample"][1]
    assert ratios.copied_entries().value == 0
    assert ratios.decode_ratio(turns=3).value > 0
    assert ratios.ingest_ratio(tmp_path, count=5).value > 0


def test_a_round_trip_does_not_see_that_one_sample_is_refilled() -> None:
    """As the first lesson says: it holds one sample at a time, and it takes two to see it."""
    test = "tests/artifact/test_codec.py::test_what_is_encoded_decodes_to_the_same_sample"
    trial = Trial("refill", read_change(ROOT, "refill-one-sample").diff, (test,))
    found = Trials().run([trial], "runs")[trial]
    assert (found.ran, found.failed) == ([test], {})


@pytest.mark.parametrize(
    ("script", "hidden", "missing"),
    [
        (oracles.DIFFERENTIAL, "import shutil; shutil.which = lambda _: None", "promtool"),
        (oracles.FUZZER, "import sys; sys.modules['atheris'] = None", "atheris"),
        (oracles.DRILL, "from support import postgres; postgres.bin_folder = lambda: None", "PostgreSQL"),
    ],
    ids=lambda value: Path(value).stem if value.endswith(".py") else "",
)
def test_what_is_not_installed_has_an_exit_status_of_its_own(script: str, hidden: str, missing: str) -> None:
    """So it is told apart from what crashed, or found something."""
    start = f"import sys; sys.path.insert(0, 'capstone/tests'); {hidden}; sys.argv = sys.argv[1:]; "
    start += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    done = run(
        [sys.executable, "-c", start, script, *["--store=postgres"] * (missing == "PostgreSQL")], cwd=ROOT
    )
    assert done.status == NOT_INSTALLED_STATUS, done.output
    assert done.last_line.startswith(f"{missing} is not installed (")


def test_an_unknown_name_is_one_line_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """And exit status 2; what another task writes names that task."""
    assert main(["nothing"]) == 2
    assert capsys.readouterr().err == (
        f"measure: there is no measurement 'nothing'; there are: {', '.join(MEASUREMENTS)}\n"
    )
    assert main(["ladder"]) == 2
    assert capsys.readouterr().err == "measure: ladder is written by `invoke ladder`\n"


def test_without_a_name_the_long_ones_are_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each with its command; what is measured is counted, a line for each step in a pipe."""
    step = Step("one", lambda evidence: evidence.figures.update(n=Figure(1, "calls")))
    monkeypatch.setattr(
        command, "MEASUREMENTS", {"a": Measurement((step,)), "b": Measurement((step,), long=True)}
    )
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert main([]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1:] == ["left out, because it takes over a minute: invoke measure b"]
    assert re.fullmatch(r"measured 1/1 +\d+ s  a: one\n", said.err)
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (KeyboardInterrupt, 130, "measure: interrupted; a.json is as it was"),
        (NotMeasuredError("no promtool"), 1, "measure: a.json is as it was: no promtool"),
        (UnfinishedError("it crashed"), 1, "measure: a.json is as it was: it crashed"),
    ],
)
@pytest.mark.usefixtures("as_it_was")
def test_what_ends_early_leaves_the_file_as_it_was(
    raised: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C, something that is missing, and a crash: nothing is written, nothing half."""

    def stop(_: Evidence) -> None:
        raise raised

    monkeypatch.setattr(command, "MEASUREMENTS", {"a": Measurement((Step("one", stop),))})
    assert main(["a"]) == status
    assert capsys.readouterr().err == f"{said}\n"


@pytest.fixture
def as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A folder with one evidence file, which is the same afterwards."""
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    (tmp_path / "a.json").write_text("as it was")
    yield
    assert [file.read_text() for file in tmp_path.iterdir()] == ["as it was"]


# The audit


def _found(evidence: Evidence) -> None:
    evidence.figures["n"] = Figure(2, "calls", tolerance=0)


def _raising(error: Exception) -> Measurement:
    def step(evidence: Evidence) -> None:
        _found(evidence)
        raise error

    return Measurement((Step("raises", step, again=True),))


@pytest.fixture
def audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[dict[str, Measurement]], tuple[int, list[str]]]:
    """What the audit says of these measurements; their files say n = 2, and that of the last one n = 3."""

    def call(measurements: dict[str, Measurement]) -> tuple[int, list[str]]:
        commands = {name: f"invoke measure {name}" for name in measurements}
        for name in measurements:
            evidence = Evidence()
            _found(evidence)
            if name == [*measurements][-1]:
                evidence.figures["n"] = Figure(3, "calls", tolerance=0)
            evidence.write(name, 0.1, tmp_path / EVIDENCE)
        for file in (tmp_path / PAGE, tmp_path / TABLE):
            file.parent.mkdir(parents=True, exist_ok=True)
        sections = [f'## {name}\n\n{{$ evidence("{name}") $}}\n' for name in measurements]
        (tmp_path / PAGE).write_text("\n".join(sections))
        status = audit.main(tmp_path, measurements, commands)
        return status, capsys.readouterr().out.splitlines()

    return call


def test_the_audit_tells_a_crash_from_what_is_not_installed(
    audited: Callable[[dict[str, Measurement]], tuple[int, list[str]]],
) -> None:
    """One is red, the other is named as skipped; and neither hides what is wrong elsewhere."""
    status, lines = audited(
        {
            "missing": _raising(NotMeasuredError("promtool is not installed")),
            "crash": _raising(UnfinishedError("fuzz.py: exit status 1\nValueError: a finding")),
            "bug": _raising(ZeroDivisionError("division by zero")),
            "typed": Measurement((Step("finds", _found, again=True),)),
        }
    )
    assert (status, lines) == (
        1,
        [
            f"{EVIDENCE}/crash.json:1: could not be measured again: fuzz.py: exit status 1",
            "ValueError: a finding",
            f"{EVIDENCE}/bug.json:1: could not be measured again: ZeroDivisionError: division by zero",
            f"{EVIDENCE}/typed.json:17: n: recorded as 3 calls, now 2: `invoke measure typed` renews it",
            "SKIPPED missing: promtool is not installed",
            "4 evidence files compared, 1 skipped, 3 failures",
        ],
    )


def test_what_is_not_installed_alone_is_not_red(
    audited: Callable[[dict[str, Measurement]], tuple[int, list[str]]],
) -> None:
    """It is named; in CI the whole check makes it red."""
    missing = _raising(NotMeasuredError("no promtool"))
    last = Measurement(
        (
            Step(
                "finds",
                lambda evidence: evidence.figures.update(n=Figure(3, "calls", tolerance=0)),
                again=True,
            ),
        )
    )
    assert audited({"missing": missing, "right": last}) == (
        0,
        ["SKIPPED missing: no promtool", "2 evidence files compared, 1 skipped, 0 failures"],
    )


def test_a_run_of_all_mutants_is_held_to_the_list_of_survivors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A survivor that is not listed, a listed one that is noticed, and too few that are noticed."""
    listed, noticed = sorted(mutation.listed())[:2]
    monkeypatch.setattr(mutation, "listed", lambda: {listed, noticed})
    monkeypatch.setattr(mutation, "change", lambda *_: "- a\n+ b")
    kept = {f"x__mutmut_{number}": "killed" for number in range(20)}
    good = {listed: "survived", noticed: "no tests", **kept, "slow__mutmut_1": "timeout"}
    assert mutation.differences(Path(), good) == []
    assert mutation.differences(Path(), good | {noticed: "killed", "x__mutmut_1": "survived"}) == [
        "survives, and is not in survivors.toml: x__mutmut_1\n- a\n+ b",
        f"is in survivors.toml, and is noticed or gone: {noticed}",
    ]
    assert mutation.differences(Path(), {listed: "survived", noticed: "survived"}) == [
        "score 0.0%: at least 90%"
    ]
