import re
import time

import pytest

from checks import progress
from checks.progress import Progress


def test_each_step_is_a_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """What, how many of how many, seconds, and the step; a result goes to standard output instead."""
    with Progress(2, "pages run") as told:
        told.begin("a")
        told.step("a")
        told.step("b", "b is green")
    said = capsys.readouterr()
    assert re.fullmatch(r"pages run 1/2    0 s  a\n", said.err)
    assert said.out == "b is green\n"


def test_long_work_is_never_silent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what is running, again and again."""
    assert progress.SILENCE_S + progress.SILENCE_S / 8 < 5
    monkeypatch.setattr(progress, "SILENCE_S", 0.08)
    with Progress(3, "trials") as told:
        told.begin("slow")
        told.begin("slower")
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert re.fullmatch(r"trials 0/3    0 s  slow, slower …", lines[0])


def test_what_is_recorded_holds_no_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page shows what a terminal shows when the bar is gone."""
    for name, value in progress.NONE.items():
        monkeypatch.setenv(name, value)
    with Progress(1, "trials") as told:
        told.step("a")
        told.step("b", "green")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("green\n", "")
