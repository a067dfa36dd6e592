import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from checks import memory, run
from checks.run import Part, Result

OK = Result(Part("lint", ()), "ok", "")
RED = Result(Part("types", ()), "red", "a.py:1: error")
NOT_RUN = Result(Part("browser", ()), "not run", "looked in PATH\nChromium is missing: apt install chromium")


def test_all_green_exits_with_0() -> None:
    """The last line counts parts."""
    assert run.closing([OK, OK], strict=True) == ("2 passed, 0 failed", 0)


def test_one_red_part_exits_with_1() -> None:
    """A red part fails the check."""
    assert run.closing([OK, RED], strict=False) == ("1 passed, 1 failed", 1)


def test_a_part_that_was_not_run_is_told_apart() -> None:
    """On a developer's machine a missing browser is reported, not hidden and not a failure."""
    assert run.closing([OK, NOT_RUN], strict=False) == ("1 passed, 0 failed, 1 skipped", 0)


def test_a_part_that_was_not_run_fails_in_ci() -> None:
    """CI has to run everything."""
    assert run.closing([OK, NOT_RUN], strict=True) == ("1 passed, 1 failed", 1)


def test_a_skipped_test_is_listed_and_fails_in_ci() -> None:
    """A test that skips itself inside a green part is not run either."""
    skipping = Result(
        Part("capstone", ()), "ok", "...s\nSKIPPED [1] tests/test_a.py:3: no promtool\n3 passed"
    )
    assert list(run.summary([skipping], {}, 1.0))[-1] == (
        "not run: capstone: SKIPPED [1] tests/test_a.py:3: no promtool"
    )
    assert run.closing([skipping], strict=True) == ("0 passed, 1 failed", 1)


def test_the_summary_counts_blocks_and_names_what_was_not_run() -> None:
    """Slow steps, times, blocks by kind with the most frequent first, then each thing not run and why."""
    slow = Result(Part("capstone", ()), "ok", "== slowest ==\n2.50s call     a.py::b\n1.00s setup    c", 9.0)
    known = Result(Part("drill", ()), "ok", unchanged=True)
    assert list(run.summary([OK, slow, NOT_RUN, known], {"console": 2, "python": 41}, 3.21)) == [
        "    2.5 s  a.py::b",
        "    1.0 s  c",
        "    0.0 s  lint",
        "    0.0 s  browser",
        "time: lint 0.0 s, capstone 9.0 s, browser 0.0 s; total 3.2 s",
        "blocks: 41 python, 2 console",
        "not run: browser: Chromium is missing: apt install chromium",
    ]
    assert "blocks: 41 python; 7 of them on pages unchanged since they passed" in run.summary(
        [OK], {"python": 41, "unchanged": 7}, 3.21
    )


def test_no_more_than_ten_slow_steps_are_named() -> None:
    """The ten that took longest, of all parts."""
    results = [Result(Part(f"part{number}", ()), "ok", "", float(number)) for number in range(30)]
    lines = [line for line in run.summary(results, {}, 1.0) if line.startswith(" ")]
    assert [line.split()[-1] for line in lines] == [f"part{number}" for number in range(29, 19, -1)]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a memory of its own."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S607
    (tmp_path / ".gitignore").write_text(".cache/\nmade/\n")
    (tmp_path / "input").write_text("as it was")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def is_run(part: Part) -> bool:
    """Whether a part that passes is run, and not taken from memory."""
    result = run.run(part)
    assert result.verdict == "ok", result.output
    return not result.unchanged


def test_a_part_that_passed_is_run_again_when_what_it_depends_on_changed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files, its commands, and what it left behind; with CI=true it is always run."""
    part = Part("a", ("mkdir -p made", "cp input made"), depends_on=("input",), makes="made")
    assert is_run(part)
    assert not is_run(part)
    (repository / "other").write_text("of no interest")
    assert not is_run(part)
    (repository / "input").write_text("changed")
    assert is_run(part)
    (repository / "made/input").write_text("touched")
    assert is_run(part)
    assert is_run(replace(part, commands=("mkdir -p made",)))
    monkeypatch.setenv("CI", "true")
    assert is_run(part)


def test_a_part_that_runs_alone_sees_what_it_depends_on_and_nothing_else(repository: Path) -> None:
    """Another file is not there, the capstone does not import, and a change of either cannot matter."""
    (repository / "other").write_text("not declared")
    part = Part("a", ("cat input",), depends_on=("input",), alone=True)
    assert is_run(part)
    undeclared = run.run(replace(part, name="b", commands=("cat other",)))
    assert (undeclared.verdict, "other: No such file" in undeclared.output) == ("red", True)
    imports = run.run(replace(part, name="c", commands=("python -m service_monitoring",)))
    assert "the part c does not depend on the capstone" in imports.output


def test_a_part_whose_files_changed_while_it_ran_is_not_remembered(repository: Path) -> None:
    """What was green before the edit says nothing of what is there after it."""
    part = Part("a", ("cp .gitignore input",), depends_on=("input",))
    assert is_run(part)
    assert (repository / "input").read_text() == ".cache/\nmade/\n"
    assert is_run(part)
    assert not is_run(part)


@pytest.mark.usefixtures("repository")
def test_a_part_that_left_something_out_is_not_remembered() -> None:
    """Or the next summary would not say that it was not run."""
    part = Part("a", ("echo SKIPPED [1] a.py:1: no promtool",), depends_on=("input",))
    assert is_run(part)
    assert is_run(part)


def test_a_part_that_is_cut_off_or_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither red nor green; it fails the check, and says why."""
    monkeypatch.setattr(run, "LIMIT_S", 0.2)
    slow, missing = (run.run(Part("part", (command,))) for command in ("sleep 60", "no-such-tool"))
    assert (slow.verdict, slow.output) == ("error", "(sleep 60: did not end within 0.2 s)\n")
    assert (missing.verdict, missing.output) == (
        "error",
        "(no-such-tool: did not start: No such file or directory)\n",
    )
    assert run.closing([OK, slow, missing], strict=False) == ("1 passed, 2 failed", 1)


def test_every_command_of_a_part_runs_and_one_failure_makes_it_red() -> None:
    """A red first command does not hide what the second has to say."""
    part = Part("lint", ("python -c print(2/0)", "python -c print(4711)"))
    result = run.run(part)
    assert result.verdict == "red"
    assert "ZeroDivisionError" in result.output
    assert "4711" in result.output


def test_only_a_part_that_may_be_missing_something_is_not_run() -> None:
    """Status 3 is pytest's internal error: of most parts it is red."""
    command = "python -c raise(SystemExit(3))"
    assert run.run(Part("capstone", (command,))).verdict == "red"
    assert run.run(Part("browser", (command,), may_not_run=True)).verdict == "not run"


def test_a_part_waits_for_the_one_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a built site there is nothing to look at in a browser."""
    parts = [Part("browser", ("python -c 0",), after="site"), Part("site", ("python -c exit(1)",))]
    browser, site = run.run_all(parts)
    assert site.verdict == "red"
    assert browser.not_run == ["browser: site is red"]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["site", "browser"]


def test_every_part_waits_for_a_part_that_exists() -> None:
    """A part that waits for a name nobody has would wait for ever."""
    names = [part.name for part in run.PARTS]
    assert len(set(names)) == len(names)
    assert {part.after for part in run.PARTS if part.after} <= set(names)


def test_only_runs_the_part_and_what_it_needs() -> None:
    """`invoke check --only browser` builds the site first."""
    assert [part.name for part in run.selected("browser")] == ["site", "browser"]
    assert [part.name for part in run.selected("lint")] == ["lint"]


def test_a_red_test_run_shows_only_its_failures() -> None:
    """Progress and passes are left out."""
    said = "....F [100%]\n=== FAILURES ===\n_ test_a _\n[gw0] linux -- Python 3.11.7\na.py:1: error"
    assert run.failures(said) == "=== FAILURES ===\n_ test_a _\na.py:1: error"
    assert run.failures("a.py:1: error") == "a.py:1: error"
