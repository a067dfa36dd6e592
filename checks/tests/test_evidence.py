"""Evidence files are written whole, and held to what is measured now, by file and line."""

from __future__ import annotations

import json
import platform
import re
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.child import UnfinishedError
from checks.evidence.comparison import EVIDENCE, outdated_figures, unheld_figures
from checks.evidence.figures import (
    PACKAGE,
    Evidence,
    Figure,
    alone,
    code_digest,
    growth_exponent,
    paired_ratio,
)
from checks.evidence.measurement import Measurement, NotMeasuredError, Step, record_of
from checks.evidence.sections import PAGE, TABLE, hold, section_failures
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable


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


def test_another_thread_does_not_run_while_one_is_alone() -> None:
    """So its blocks are not counted: those of the progress, for one."""
    over, seen = threading.Event(), list[int]()

    def allocate() -> None:
        while not over.wait(0.0001):
            seen.append(len(seen))

    other = threading.Thread(target=allocate)
    other.start()
    try:
        for _ in range(10):
            with alone():
                tracemalloc.start()
                before = len(seen)
                sum(range(50_000))
                assert len(seen) == before
                tracemalloc.stop()
    finally:
        over.set()
        other.join()
    assert seen


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
    first = code_digest(tmp_path, ["."])
    (tmp_path / "a.pyc").write_text("kept")
    assert code_digest(tmp_path, ["."]) == first
    (tmp_path / "a.py").write_text("x = 2")
    second = code_digest(tmp_path, ["."])
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, code_digest(tmp_path, ["."])}) == 3


# What a command of the capstone records


RECORDING = "import sys\nopen(sys.argv[1].partition('=')[2], 'w').write('{\"figures\": 1}')\n"


def test_a_command_that_ends_well_is_its_record(tmp_path: Path) -> None:
    """Which it writes where it is told."""
    (tmp_path / "good.py").write_text(RECORDING)
    assert record_of(str(tmp_path / "good.py")) == {"figures": 1}


def test_what_is_not_installed_is_not_measured(tmp_path: Path) -> None:
    """The command says so with status 3, and its last line names what is missing."""
    (tmp_path / "missing.py").write_text("print('one')\nprint('no promtool')\nraise SystemExit(3)\n")
    with pytest.raises(NotMeasuredError, match=r"^no promtool$"):
        record_of(str(tmp_path / "missing.py"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('a finding')\n", "exit status 1\nTraceback.*ValueError: a finding"),
        (f"{RECORDING}print('2 disagreements')\nsys.exit(1)\n", "exit status 1\n2 disagreements"),
        ("import os\nos.abort()\n", "exit status -6"),
    ],
    ids=["crash", "finding", "signal"],
)
def test_a_command_that_goes_wrong_is_an_error(source: str, said: str, tmp_path: Path) -> None:
    """And never taken for one that lacks something; its last lines are in the message."""
    (tmp_path / "wrong.py").write_text(source)
    with pytest.raises(UnfinishedError, match=re.compile(rf"wrong\.py: {said}", re.DOTALL)):
        record_of(str(tmp_path / "wrong.py"))


# What a file says, beside what is measured now


def _count(evidence: Evidence) -> None:
    evidence.figures |= {"n": Figure(2, "calls", tolerance=0), "size": Figure(100, "bytes", tolerance=0.01)}


COUNTING = Measurement(
    (Step("counts", _count, again=True),),
    derive=lambda figures: {"twice": Figure(2 * figures["n"].value, "calls", follows_from="n")},
    plots=lambda figures: {"plot": figures["n"].value},
)
FILE = f"{EVIDENCE}/counting.json"


def _edited(root: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """The file of COUNTING, with an edit."""
    evidence = COUNTING.measure("counting", Progress(1, "measured"))
    file = evidence.write("counting", 0.1, root / EVIDENCE)
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document, indent=1))


def _outdated(root: Path, edit: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is said of a file with an edit, without the file and the command that each line names."""
    _edited(root, edit)
    lines = [str(failure) for failure in outdated_figures(root, "counting", COUNTING)]
    assert all(line.startswith(f"{FILE}:") for line in lines)
    assert all(line.endswith(": `invoke measure counting` renews it") for line in lines)
    return [line.removeprefix(f"{FILE}:").rpartition(": ")[0] for line in lines]


def _lines_of(root: Path) -> dict[str, int]:
    """The line of each key of the file, by its last place."""
    lines = (root / FILE).read_text().splitlines()
    return {line.partition(":")[0].strip(' "'): number for number, line in enumerate(lines, 1)}


def test_a_file_that_is_as_it_was_measured_is_right(tmp_path: Path) -> None:
    """Nothing is said."""
    assert _outdated(tmp_path, lambda _: None) == []


def test_a_figure_that_was_typed_is_named_with_both_values(tmp_path: Path) -> None:
    """Beyond the tolerance, and not within it; a tolerance that was typed too."""

    def typed(n: int, size: float, tolerance: float) -> Callable[[dict[str, Any]], None]:
        def edit(document: dict[str, Any]) -> None:
            document["figures"]["n"]["value"] = n
            document["figures"]["twice"]["value"] = 2 * n
            document["figures"]["size"] |= {"value": size, "tolerance": tolerance}
            document["plots"]["plot"] = n

        return edit

    said = _outdated(tmp_path, typed(3, 102, 0.01))
    at = _lines_of(tmp_path)
    assert said == [
        f"{at['n']}: n: recorded as 3 calls, now 2",
        f"{at['size']}: size: recorded as 102 bytes, now 100 (tolerance 1%)",
    ]
    assert _outdated(tmp_path, typed(2, 100.5, 0.01)) == []
    assert _outdated(tmp_path, typed(2, 100, 9)) == [
        f"{at['size']}: size: recorded with tolerance 9, measured with 0.01"
    ]


def test_a_figure_that_is_missing_or_that_nothing_measures_is_named(tmp_path: Path) -> None:
    """So a file holds what its measurement finds, and nothing else that claims to be held."""

    def edit(document: dict[str, Any]) -> None:
        document["figures"]["old"] = document["figures"].pop("size")

    said = _outdated(tmp_path, edit)
    at = _lines_of(tmp_path)
    assert said == [
        f"{at['figures']}: size: not recorded, now 100 bytes",
        f"{at['old']}: old: recorded with a tolerance, and no step measures it again",
    ]


def test_what_follows_from_figures_is_held_to_them(tmp_path: Path) -> None:
    """A derived figure, and a point of a plot, that were typed."""

    def edit(document: dict[str, Any]) -> None:
        document["figures"]["twice"]["value"] = 5
        document["plots"]["plot"] = 3

    said = _outdated(tmp_path, edit)
    at = _lines_of(tmp_path)
    assert said == [
        f"{at['twice']}: twice: recorded as 5 calls, follows as 4",
        f"{at['plots']}: plots: recorded otherwise than they follow from the figures",
    ]


def test_a_figure_of_another_python_may_be_off_by_a_fifth(tmp_path: Path) -> None:
    """And not by more: a typed one is named there too."""

    def elsewhere(n: float, size: float) -> Callable[[dict[str, Any]], None]:
        def edit(document: dict[str, Any]) -> None:
            document["measured"]["python"] = "3.9.0"
            document["figures"]["n"]["value"] = n
            document["figures"]["twice"]["value"] = 2 * n
            document["plots"]["plot"] = n
            document["figures"]["size"]["value"] = size

        return edit

    assert platform.python_version() != "3.9.0"
    assert _outdated(tmp_path, elsewhere(2.2, 85)) == []
    at = _lines_of(tmp_path)
    assert _outdated(tmp_path, elsewhere(2, 16.4)) == [
        f"{at['size']}: size: recorded as 16.4 bytes, now 100 (tolerance 20%)"
    ]


@pytest.mark.parametrize("reads", [(PACKAGE,), ("capstone/src", "capstone/tests")])
def test_what_takes_long_is_not_older_than_what_it_measured(tmp_path: Path, reads: tuple[str, ...]) -> None:
    """No check measures all of it again, so the file names the files that were measured."""
    long = COUNTING._replace(long=True, reads=reads)
    for folder in reads:
        (tmp_path / folder).mkdir(parents=True)
    _edited(tmp_path, lambda document: document["measured"].update(code=code_digest(tmp_path, reads)))
    assert list(outdated_figures(tmp_path, "counting", long)) == []
    (tmp_path / reads[-1] / "new.py").write_text("")
    at = _lines_of(tmp_path)["code"]
    assert [str(failure) for failure in outdated_figures(tmp_path, "counting", long)] == [
        f"{FILE}:{at}: measured.code: {', '.join(reads)} changed since: `invoke measure counting` renews it"
    ]
    assert list(outdated_figures(tmp_path, "counting", COUNTING)) == []


def test_each_figure_that_repeats_says_how_it_is_held(tmp_path: Path) -> None:
    """By a tolerance, by other figures or by a test that exists; those that nothing holds are known."""
    (tmp_path / "test_a.py").write_text("def test_it(): ...\n")
    figures = {
        "good": {
            "tolerance": Figure(1, "calls", tolerance=0),
            "follows": Figure(1, "calls", follows_from="good"),
            "tested": Figure(1, "calls", tested_by="test_a.py::test_it"),
            "varies": Figure(1, "s", repeats=False),
            "once": Figure(1, "calls"),
        },
        "bad": {
            "loose": Figure(1, "calls"),
            "nowhere": Figure(1, "calls", follows_from="nothing"),
            "no test": Figure(1, "calls", tested_by="test_a.py::test_that"),
            "no file": Figure(1, "calls", tested_by="test_b.py::test_it"),
            "moves": Figure(1, "s", repeats=False, tolerance=0.1),
            "held": Figure(1, "calls", tolerance=0),
        },
    }
    Evidence(figures).write("counting", 0.1, tmp_path / EVIDENCE)
    at = _lines_of(tmp_path)
    found = unheld_figures(tmp_path, "counting", once=("good.once", "bad.held"))
    assert [str(failure).removeprefix(f"{FILE}:") for failure in found] == [
        (
            f"{at['loose']}: bad.loose: "
            "repeats, and nothing holds it: add a tolerance, follows_from or tested_by"
        ),
        f"{at['nowhere']}: bad.nowhere: follows from 'nothing', which the file does not hold",
        f"{at['no test']}: bad.no test: tested by test_a.py::test_that, which is no test",
        f"{at['no file']}: bad.no file: tested by test_b.py::test_it, which is no test",
        f"{at['moves']}: bad.moves: varies, and so it carries no tolerance",
        f"{at['held']}: bad.held: named as measured once, and held all the same: take it out of `once`",
    ]


# The page


def test_the_page_says_how_each_figure_is_held() -> None:
    """In its last column."""
    figures = {
        "equal": Figure(1, "calls", tolerance=0),
        "within 5%": Figure(1, "calls", tolerance=0.05),
        "follows from `n`": Figure(1, "calls", follows_from="n"),
        "equal in a smaller run, `test_it`": Figure(1, "calls", tested_by="test_a.py::test_it"),
        "not measured again": Figure(1, "calls"),
        "varies": Figure(1, "s", repeats=False),
    }
    assert {hold(figure): figure for figure in figures.values()} == figures


def test_a_file_without_a_section_and_a_section_without_a_file_are_named(tmp_path: Path) -> None:
    """With the page and the line, and what to add."""
    page, table = tmp_path / PAGE, tmp_path / TABLE
    for file in (page, table, tmp_path / EVIDENCE / "x"):
        file.parent.mkdir(parents=True, exist_ok=True)
    for name in ("good", "shown", "stray"):
        (tmp_path / EVIDENCE / f"{name}.json").write_text("{}")
    commands = {name: f"invoke measure {name}" for name in ("good", "shown", "gone")}
    table.write_text("MEASUREMENTS = {\n" + "".join(f'    "{name}": 1,\n' for name in commands) + "}\n")
    page.write_text(
        '# Evidence\n\n## How to read\n\n## good\n\n{$ evidence("good") $}\n\n'
        '## shown\n\n{$ evidence("good") $}\n\n## gone\n\n{$ evidence("gone") $}\n'
    )
    assert [str(failure) for failure in section_failures(tmp_path, commands)] == [
        f'{PAGE}:15: stray.json has no section: add `## stray` and `{{$ evidence("stray") $}}`',
        f'{PAGE}:9: this section does not show its file: add `{{$ evidence("shown") $}}`',
        f"{PAGE}:13: there is no {EVIDENCE}/gone.json",
        f"{EVIDENCE}/stray.json:1: no command writes this: `{TABLE}` names them",
        f"{TABLE}:4: gone has no file: `invoke measure gone` writes it",
    ]
