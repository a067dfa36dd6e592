import pytest

from checks import run
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
    assert run.summary([skipping], {}, 1.0)[-1] == (
        "not run: capstone: SKIPPED [1] tests/test_a.py:3: no promtool"
    )
    assert run.closing([skipping], strict=True) == ("0 passed, 1 failed", 1)


def test_the_summary_counts_blocks_and_names_what_was_not_run() -> None:
    """Times, blocks by kind with the most frequent first, then each thing not run with its reason."""
    assert run.summary([OK, NOT_RUN], {"console": 2, "python": 41}, 3.21) == [
        "time: lint 0.0 s, browser 0.0 s; total 3.2 s",
        "blocks: 41 python, 2 console",
        "not run: browser: Chromium is missing: apt install chromium",
    ]
    assert run.summary([OK], {"python": 41, "unchanged": 7}, 3.21)[1] == (
        "blocks: 41 python; 7 of them on pages unchanged since they passed"
    )


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
