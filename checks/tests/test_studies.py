"""What evidence files say is still so, and the files and what writes them are whole."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.evidence.figures import (
    FOLDER,
    ROOT,
    Evidence,
    Figure,
    code_digest,
    flat,
    growth_exponent,
    paired_ratio,
)
from checks.evidence.measurement import Measurement, NotMeasuredError, Step, drift
from checks.evidence.sections import EVIDENCE, PAGE, section_failures
from checks.proof.changes import read_change
from checks.proof.trial import Trial, Trials
from checks.studies import __main__ as command
from checks.studies import bench, ratios
from checks.studies.__main__ import main
from checks.studies.table import MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_benchmark_replays_what_it_says(tmp_path: Path) -> None:
    """A small trace through the same code: all samples, and more work than json.loads alone."""
    trace = tmp_path / "trace.jsonl"
    bench.write(trace, 2_000)
    assert len(trace.read_bytes().splitlines()) == 1 + 2_000
    assert bench.ratio_to_loads(trace) > 1


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


@pytest.mark.parametrize("power", [0, 1, 2])
def test_a_growth_exponent_is_the_power(power: int) -> None:
    """Costs that grow as n, n² or not at all."""
    sizes = [1_000, 2_000, 4_000]
    assert growth_exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_paired_ratio_of_a_cost_to_itself_is_about_one() -> None:
    """With its quartiles around it."""
    figure = paired_ratio(lambda: sum(range(20_000)), lambda: sum(range(20_000)), 10, "same / same")
    assert figure.spread is not None
    assert figure.spread[0] <= figure.value <= figure.spread[1]
    assert not figure.repeats


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_what_repeats_is_still_what_the_file_says(name: str) -> None:
    """Counts, bytes, and all that follows from them."""
    try:
        found = list(drift(name, MEASUREMENTS[name]))
    except NotMeasuredError as missing:
        pytest.skip(str(missing))
    assert not found, "\n".join(found)


def _count(evidence: Evidence) -> None:
    evidence.figures |= {"n": Figure(2, "calls", tolerance=0), "size": Figure(100, "bytes", tolerance=0.01)}


COUNTING = Measurement(
    (Step("counts", _count, again=True),),
    derive=lambda figures: {"twice": Figure(2 * figures["n"].value, "calls", held_by="n")},
    plots=lambda figures: {"plot": figures["n"].value},
)


def _drift(folder: Path, edit: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is said of a file with an edit, without the file and the command that each line names."""
    COUNTING.measure(lambda _: None).write("counting", 0.1, folder)
    file = folder / "counting.json"
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))
    lines = list(drift("counting", COUNTING, folder))
    assert all(line.startswith(f"{file}: ") for line in lines)
    assert all(line.endswith(": `invoke measure counting` renews it") for line in lines)
    return [line.split(": ", 1)[1].rpartition(": ")[0] for line in lines]


def test_a_figure_that_was_typed_is_named_with_both_values(tmp_path: Path) -> None:
    """Beyond the tolerance, and not within it; a tolerance that was typed too."""

    def typed(n: int, size: float, tolerance: float) -> Callable[[dict[str, Any]], None]:
        def edit(document: dict[str, Any]) -> None:
            document["figures"]["n"]["value"] = n
            document["figures"]["twice"]["value"] = 2 * n
            document["figures"]["size"] |= {"value": size, "tolerance": tolerance}
            document["plots"]["plot"] = n

        return edit

    assert _drift(tmp_path, typed(3, 102, 0.01)) == [
        "n: recorded as 3 calls, now 2",
        "size: recorded as 102 bytes, now 100 (tolerance 1%)",
    ]
    assert _drift(tmp_path, typed(2, 100.5, 0.01)) == []
    assert _drift(tmp_path, typed(2, 100, 9)) == ["size: recorded with tolerance 9, measured with 0.01"]


def test_a_figure_that_is_missing_or_that_nothing_measures_is_named(tmp_path: Path) -> None:
    """So a file holds what its measurement finds, and nothing else that claims to be held."""

    def edit(document: dict[str, Any]) -> None:
        document["figures"]["old"] = document["figures"].pop("size")

    assert _drift(tmp_path, edit) == [
        "size: not recorded, now 100 bytes",
        "old: recorded with a tolerance, and no step measures it again",
    ]


def test_what_follows_from_figures_is_held_to_them(tmp_path: Path) -> None:
    """A derived figure, and a point of a plot, that were typed."""

    def edit(document: dict[str, Any]) -> None:
        document["figures"]["twice"]["value"] = 5
        document["plots"]["plot"] = 3

    assert _drift(tmp_path, edit) == [
        "twice: recorded as 5 calls, follows as 4",
        "plots: recorded otherwise than they follow from the figures",
    ]


def test_another_python_is_held_to_itself(tmp_path: Path) -> None:
    """Its bytes are not those of the file, but they repeat, and what follows still follows."""

    def edit(document: dict[str, Any]) -> None:
        document["measured"]["python"] = "3.9.0"
        document["figures"]["size"]["value"] = 99_999

    assert _drift(tmp_path, edit) == []


def test_what_does_not_repeat_on_another_python_is_named(tmp_path: Path) -> None:
    """Two runs that differ are red there too."""
    values = iter(range(9))
    unsteady = Measurement(
        (
            Step(
                "it",
                lambda evidence: evidence.figures.update(n=Figure(next(values), "calls", tolerance=0)),
                again=True,
            ),
        )
    )
    file = unsteady.measure(lambda _: None).write("unsteady", 0.1, tmp_path)
    file.write_text(file.read_text().replace(platform.python_version(), "3.9.0"))
    (line,) = drift("unsteady", unsteady, tmp_path)
    assert "n: recorded as 1 calls, now 2" in line


def test_every_figure_that_repeats_says_how_it_is_held() -> None:
    """By a tolerance, by other figures or by a test that exists; those that are not are known."""
    loose = set()
    for name in MEASUREMENTS:
        document = json.loads((FOLDER / f"{name}.json").read_text())
        for key, figure in flat(document["figures"]):
            file, _, test = figure.held_by.partition("::")
            if test:
                assert f"def {test}(" in (ROOT / file).read_text()
            elif figure.held_by:
                assert figure.held_by in document["figures"]
            elif figure.repeats and figure.tolerance is None:
                loose.add(f"{name}.{key}")
            assert figure.repeats or figure.tolerance is None
    assert loose == {
        "allocation.calls.history.4000",
        "allocation.calls.history.8000",
        *(f"fuzzing.{key}" for key in ("executions", "findings", "seed inputs")),
        # One million executions are a minute; a short run stands for them.
    }


def test_every_evidence_file_has_a_section_and_every_section_a_file() -> None:
    """Both ways, and every file a command."""
    found = [str(failure) for failure in section_failures(ROOT)]
    assert not found, "\n".join(found)


def test_a_file_without_a_section_and_a_section_without_a_file_are_named(tmp_path: Path) -> None:
    """With the page and the line, and what to add."""
    page, folder = tmp_path / PAGE, tmp_path / EVIDENCE
    page.parent.mkdir(parents=True)
    folder.mkdir(parents=True)
    for name in (*MEASUREMENTS, "stray"):
        (folder / f"{name}.json").write_text("{}")
    (folder / "fuzzing.json").unlink()
    sections = [name for name in MEASUREMENTS if name != "ratios"]
    text = "# Evidence\n\n## How to read\n\n" + "".join(
        f'## {name}\n\n{{$ evidence("{name}") $}}\n\n' for name in sections
    )
    page.write_text(text.replace('evidence("allocation")', 'measured("allocation")'))
    end, fuzzing = len(text.splitlines()), 5 + 4 * sections.index("fuzzing")
    assert [str(failure) for failure in section_failures(tmp_path)] == [
        f'{PAGE}:{end}: ratios.json has no section: add `## ratios` and `{{$ evidence("ratios") $}}`',
        f'{PAGE}:{end}: stray.json has no section: add `## stray` and `{{$ evidence("stray") $}}`',
        f'{PAGE}:5: this section does not show its file: add `{{$ evidence("allocation") $}}`',
        f"{PAGE}:{fuzzing}: there is no {EVIDENCE}/fuzzing.json",
        f"{EVIDENCE}/stray.json:1: no command writes this: `checks/studies/table.py` names them",
        "checks/studies/table.py:1: fuzzing has no file: `invoke measure fuzzing` writes it",
    ]


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
    ("raised", "status"), [(KeyboardInterrupt, 130), (NotMeasuredError("no promtool"), 1)]
)
def test_what_ends_early_leaves_the_file_as_it_was(
    raised: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C, and something that is missing: nothing is written, nothing half."""

    def stop(_: Evidence) -> None:
        raise raised

    monkeypatch.setattr(command, "MEASUREMENTS", {"a": Measurement((Step("one", stop),))})
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    (tmp_path / "a.json").write_text("as it was")
    assert main(["a"]) == status
    assert [file.read_text() for file in tmp_path.iterdir()] == ["as it was"]


def test_a_file_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Interrupted while it is written, the old one is there and nothing else."""

    def half(file: Path, text: str, **_: str) -> None:
        with file.open("w") as opened:
            opened.write(text[:10])
        raise KeyboardInterrupt

    evidence = Evidence({"n": Figure(1, "calls")})
    first = evidence.write("a", 0.1, tmp_path).stat()
    assert evidence.write("a", 0.1, tmp_path).stat().st_ino != first.st_ino  # another file took its place
    before = (tmp_path / "a.json").read_bytes()
    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(KeyboardInterrupt):
        evidence.write("a", 0.2, tmp_path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def test_the_digest_of_the_code_changes_with_a_file(tmp_path: Path) -> None:
    """With its text and with its name, not with what Python keeps beside it."""
    (tmp_path / "a.py").write_text("x = 1")
    first = code_digest(tmp_path)
    (tmp_path / "a.pyc").write_text("kept")
    assert code_digest(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2")
    second = code_digest(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, code_digest(tmp_path)}) == 3
