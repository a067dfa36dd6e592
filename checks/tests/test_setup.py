import ast
import errno
import fcntl
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.tooling.setup import ROOT, SetUp, SetUpError, Step, lock, reason

TASKS = ROOT / "tasks.py"


@pytest.fixture
def checkout(tmp_path: Path) -> SetUp:
    """A checkout with the files that set-up depends on, and nothing installed."""
    for name in (
        "requirements.lock",
        "package.json",
        "package-lock.json",
        ".npmrc",
        "capstone/pyproject.toml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return SetUp(tmp_path)


def finish(checkout: SetUp, steps: int | None = None) -> None:
    """Leave the checkout as the first steps of set-up would."""
    for step in checkout.steps()[:steps]:
        step.makes.parent.mkdir(parents=True, exist_ok=True)
        step.makes.touch()
    checkout.record.write_text("\n".join(checkout.digests()[:steps]), encoding="utf-8")


def test_tasks_py_parses_on_the_python_that_it_refuses() -> None:
    """A Python too old for the project still reads tasks.py, to say so."""
    ast.parse(TASKS.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_a_wrong_python_is_told_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python 3.10 ends with status 2 and one line that names what is needed."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    with pytest.raises(SystemExit) as exited:
        runpy.run_path(str(TASKS), run_name="__main__")
    assert exited.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "needs Python 3.11 or newer" in line
    assert "this is Python 3.10" in line


def test_a_finished_set_up_is_not_done_again(checkout: SetUp) -> None:
    """All steps recorded and all that they make in place: nothing left to do."""
    finish(checkout)
    assert checkout.finished() == 3


def test_nothing_is_finished_in_a_fresh_clone(checkout: SetUp) -> None:
    """Without .venv every step is to do."""
    assert checkout.finished() == 0


@pytest.mark.parametrize("done", [0, 1, 2])
def test_an_interrupted_set_up_resumes_after_its_last_finished_step(checkout: SetUp, done: int) -> None:
    """What an interrupted step left behind does not count: only the record does."""
    finish(checkout)
    checkout.record.write_text("\n".join(checkout.digests()[:done]), encoding="utf-8")
    assert checkout.finished() == done


@pytest.mark.parametrize(
    ("changed", "still_finished"),
    [("requirements.lock", 0), ("package.json", 1), ("package-lock.json", 1), ("capstone/pyproject.toml", 2)],
)
def test_a_changed_input_makes_its_step_and_all_later_ones_stale(
    checkout: SetUp, changed: str, still_finished: int
) -> None:
    """A step depends on its own inputs and on every step before it."""
    finish(checkout)
    with (checkout.root / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert checkout.finished() == still_finished


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_somebody_deleted_is_made_again(checkout: SetUp, missing: int) -> None:
    """A record without the thing it records is not believed."""
    finish(checkout)
    checkout.steps()[missing].makes.unlink()
    assert checkout.finished() == missing


def test_another_python_makes_everything_stale(checkout: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment belongs to the Python that made it."""
    finish(checkout)
    monkeypatch.setattr(sys, "version", "3.15.0")
    assert checkout.finished() == 0


def test_a_moved_checkout_makes_everything_stale(checkout: SetUp, tmp_path: Path) -> None:
    """An environment belongs to the folder that it was made in."""
    finish(checkout)
    moved = SetUp(checkout.root.rename(tmp_path.with_name(f"{tmp_path.name}-moved")))
    assert moved.finished() == 0


def test_a_failing_command_says_which_step_and_where_the_log_is(checkout: SetUp) -> None:
    """The one line names the step, the first error and the log."""
    checkout.log.parent.mkdir()
    failing = (sys.executable, "-c", "raise SystemExit('ERROR: the disk is full')")
    step = Step("Python packages", (), checkout.python, (failing,))
    with lock(checkout.log.with_suffix(".lock")) as held, pytest.raises(SetUpError) as raised:
        checkout.execute(step, failing, held)
    assert str(raised.value) == f"Python packages: ERROR: the disk is full (log: {checkout.log})"


@pytest.mark.parametrize(
    "said",
    [
        "WARNING: Retrying: Failed to establish a new connection: [Errno 101] Network is unreachable",
        "npm error code EAI_AGAIN",
    ],
)
def test_a_missing_network_is_recognised(said: str) -> None:
    """What pip and npm say in many lines, the user reads in one."""
    assert reason(said, 1).startswith("no network:")


def test_a_python_without_venv_is_told_what_to_install() -> None:
    """Debian ships Python without ensurepip."""
    said = "The virtual environment was not created successfully because ensurepip is not\navailable."
    assert "apt install python3-venv" in reason(said, 1)


def test_the_lock_outlives_a_killed_set_up(tmp_path: Path) -> None:
    """While pip goes on after its parent was killed, no other set-up starts."""
    path = tmp_path / "set-up.lock"
    with lock(path) as held:
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[held.fileno()]
        )
    with path.open("w", encoding="utf-8") as file:
        with pytest.raises(BlockingIOError) as raised:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert raised.value.errno == errno.EWOULDBLOCK
        child.communicate(b"\n")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_second_run_starts_at_once() -> None:
    """Checking that set-up is finished costs a tenth of a second at most."""
    started = time.perf_counter()
    SetUp(ROOT).finished()
    assert time.perf_counter() - started < 0.1
