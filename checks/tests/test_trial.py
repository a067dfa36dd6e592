"""Trials: only a run that ended has verdicts, those of one snapshot, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from checks import progress
from checks.child import UnfinishedError
from checks.memory import ROOT, SHARED, Memory
from checks.proof import trial as trial_module
from checks.proof.trial import DEMO, DoesNotApplyError, Snapshot, Trial, Trials, capstone_digest
from checks.tests.small import ANSWER_PY, SOURCE, Small, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

ANSWER = "tests/domain/test_answer.py::test_answer"
ALL = Trial("all", "", ("tests/domain", "tests/contract"))
SLOW = "import time\n\n\ndef test_slow() -> None:\n    time.sleep(60)\n"
IS_42 = "ANSWER = 42"


def kept(tmp_path: Path) -> list[Path]:
    """What the memory holds."""
    return list((tmp_path / "memory").rglob("*.json"))


def test_a_run_says_what_passed_and_what_is_red_with_what_it_said(small: Small, memory: Memory) -> None:
    """By rung; in a red rung the rest is skipped, but for what was asked."""
    red = Trial("red", replaced(IS_42, "ANSWER = 41"), ALL.targets)
    asked = replace(red, asked=("tests/contract/test_twice.py::test_type",))
    found = Trials(small.root, memory).run([ALL, red, asked], "runs")
    assert (found[ALL].passed, found[ALL].failed) == ({"domain": 1, "contract": 2}, {})
    assert found[red].failed["domain"] == {ANSWER: "assert 41 == 42"}
    assert found[red].failed["contract"] == {"tests/contract/test_twice.py::test_twice": "assert 82 == 84"}
    assert found[red].ran == []
    assert found[asked].ran == ["tests/contract/test_twice.py::test_type"]


def test_a_target_is_one_test_or_a_file_and_one_that_is_gone_is_not_run(small: Small, memory: Memory) -> None:
    """Neither does it keep the others from running."""
    trial = Trial("x", "", ("tests/domain/gone.py::test_x", "tests/domain/test_answer.py::test_gone", ANSWER))
    assert Trials(small.root, memory).run([trial], "runs")[trial].ran == [ANSWER]


def test_a_run_that_is_cut_off_is_an_error_and_is_not_remembered(
    small: Small, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had passed by then is no verdict; neither is a red of the time limit."""
    small.write("capstone/tests/contract/test_slow.py", SLOW)
    monkeypatch.setattr(trial_module, "LIMIT_S", 2)
    trials = Trials(small.root, memory)
    with pytest.raises(UnfinishedError, match=r"^all: did not end within 2 s on this machine; nothing was"):
        trials.run([ALL], "runs")
    monkeypatch.setattr(trial_module, "LIMIT_S", 0.01)
    assert isinstance(trials.outcomes([ALL], "runs")[ALL], UnfinishedError)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os; os._exit(0)", "pytest ended with status 0"),
        ("import os; os._exit(1)", "pytest ended with status 1"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("import pytest; pytest.exit('enough')", "pytest ended with status 2"),
    ],
)
def test_a_run_that_does_not_come_to_its_end_is_an_error(
    small: Small, memory: Memory, tmp_path: Path, line: str, message: str
) -> None:
    """Whatever its exit status says."""
    small.write("capstone/tests/contract/test_end.py", f"def test_end() -> None:\n    {line}\n")
    with pytest.raises(UnfinishedError, match=message):
        Trials(small.root, memory).run([ALL], "runs")
    assert kept(tmp_path) == []


def test_a_page_shares_the_trials_that_its_repository_remembers(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page's copy tried is known to the repository, and the other way round."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(SHARED, str(tmp_path))
    trial = Trial("all", "", ("tests/domain/test_answer.py",))
    first = Trials(small.root).run([trial], "runs")
    assert list((tmp_path / ".cache/memory/trials").iterdir())
    monkeypatch.setattr(Trials, "_try", None)
    assert Trials(small.root).run([trial], "runs") == first


def test_a_test_file_that_does_not_import_is_an_error_and_is_not_remembered(
    small: Small, memory: Memory, tmp_path: Path
) -> None:
    """It is neither red nor green; the tests of other files are run all the same."""
    rename = Trial("rename", replaced(IS_42, "REPLY = 42"), ("tests/domain",))
    small.write("capstone/src/service_monitoring/__main__.py", "")
    trials = Trials(small.root, memory)
    said = r"^rename: tests/domain/test_answer\.py does not import: ImportError: cannot import name 'ANSWER'"
    with pytest.raises(UnfinishedError, match=said):
        trials.run([rename], "runs")
    both = replace(rename, targets=ALL.targets)
    found = trials.outcomes([both], "runs")[both]
    assert not isinstance(found, Exception)
    assert list(found.failed) == ["contract"]
    assert kept(tmp_path) == []


def test_a_change_that_breaks_the_demo_needs_no_test(small: Small, memory: Memory) -> None:
    """The demo ended, so that is a verdict."""
    broken = Trial("broken", replaced(IS_42, "raise SystemExit(3)"), ALL.targets)
    assert list(Trials(small.root, memory).run([broken], "runs")[broken].failed) == [DEMO]


def test_a_failure_outside_the_assertions_of_a_test_is_marked(small: Small, memory: Memory) -> None:
    """A fixture that fails, and a name that is gone; not an error that the service raises."""
    small.write(
        "capstone/tests/domain/test_kinds.py",
        "import pytest\nfrom service_monitoring import answer\n\n\n"
        "@pytest.fixture\ndef broken() -> None:\n    assert 1 == 2\n\n\n"
        "def test_fixture(broken: None) -> None:\n    pass\n\n\n"
        "def test_name() -> None:\n    answer.thrice()\n\n\n"
        "def test_raised() -> None:\n    answer.twice()\n",
    )
    names = ("fixture", "name", "raised")
    targets = tuple(f"tests/domain/test_kinds.py::test_{name}" for name in names)
    trial = Trial("x", replaced(IS_42, "ANSWER = None"), targets)
    small.write("capstone/src/service_monitoring/__main__.py", "")
    found = Trials(small.root, memory).run([trial], "runs")[trial]
    assert list(found.failed["domain"]) == list(targets)
    assert found.accidents == list(targets[:2])


def test_a_message_says_where_two_values_differ_and_nothing_of_the_copy(small: Small, memory: Memory) -> None:
    """No path of the machine that ran it, and not two shortened texts that look the same."""
    small.write(
        "capstone/tests/domain/test_long.py",
        "def test_long() -> None:\n    assert [*'a' * 40, 'b'] == [*'a' * 40, 'c']\n",
    )
    small.write(
        "capstone/tests/contract/test_path.py",
        "def test_path(tmp_path) -> None:\n    assert 1 == 2, f'if meant: cp {tmp_path}/x {__file__}'\n",
    )
    small.write(
        "capstone/tests/contract/test_only.py", "def test_only() -> None:\n    raise ValueError(__file__)\n"
    )
    names = ("domain/test_long", "contract/test_path", "contract/test_only")
    targets = tuple(f"tests/{name}.py::{name.partition('/')[2]}" for name in names)
    trial = Trial("x", "", targets)
    found = Trials(small.root, memory).run([trial], "runs")[trial]
    assert [message for tests in found.failed.values() for message in tests.values()] == [
        "At index 40 diff: 'b' != 'c'",
        "assert 1 == 2",
        "ValueError: capstone/tests/contract/test_only.py",
    ]


def test_an_edit_of_the_working_tree_during_the_run_changes_nothing(
    small: Small, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each trial runs on a copy of the snapshot; afterwards the edited tree is another one."""
    changed = Snapshot.changed

    def save_first(snapshot: Snapshot, diff: str) -> AbstractContextManager[Path]:
        small.write(SOURCE, "ANSWER = 41\n")
        small.write("capstone/tests/domain/test_answer.py", "")
        return changed(snapshot, diff)

    trials = Trials(small.root, memory)
    monkeypatch.setattr(Snapshot, "changed", save_first)
    found = trials.run([ALL], "runs")[ALL]
    assert (found.passed, found.failed) == ({"domain": 1, "contract": 2}, {})
    assert capstone_digest(small.root) != trials.snapshot.digest
    monkeypatch.undo()
    monkeypatch.delenv("CI", raising=False)
    assert Trials(small.root, memory).outcomes([ALL], "runs")[ALL] != found


def test_what_was_run_on_a_snapshot_that_changed_is_not_remembered(
    small: Small, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest is taken before the run and after it."""
    changed = Snapshot.changed

    def poison(snapshot: Snapshot, diff: str) -> AbstractContextManager[Path]:
        (snapshot.capstone / "tests/domain/test_answer.py").write_text("")
        return changed(snapshot, diff)

    monkeypatch.setattr(Snapshot, "changed", poison)
    Trials(small.root, memory).run([ALL], "runs")
    assert kept(tmp_path) == []


def test_what_is_known_is_not_run_again_and_what_changed_is(
    small: Small, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The diff, the targets, what is asked, the files, Python and what is installed: each counts."""
    first = Trials(small.root, memory).run([ALL], "runs")[ALL]
    others = [replace(ALL, diff="another"), replace(ALL, targets=("tests",)), replace(ALL, asked=("x",))]
    run = []
    monkeypatch.setattr(Trials, "_try", lambda _, trial, *__: run.append(trial))
    trials = Trials(small.root, memory)
    assert trials.outcomes([ALL, *others], "runs")[ALL] == first
    assert run == others
    with monkeypatch.context() as other:
        other.setattr(trial_module, "environment", lambda *_: "Python 4")
        trials.outcomes([ALL], "runs")
    small.write(SOURCE, "")
    Trials(small.root, memory).outcomes([ALL], "runs")
    assert run == [*others, ALL, ALL]
    monkeypatch.setenv("CI", "true")
    assert Memory("trials", small.root).known("all", "x") is None


def test_a_copy_sees_nothing_of_this_repository(small: Small, memory: Memory) -> None:
    """Neither its checks nor its capstone."""
    small.write(
        "capstone/tests/domain/test_path.py",
        "import importlib.util\n\nimport service_monitoring\n\n\ndef test_path() -> None:\n"
        "    assert importlib.util.find_spec('checks') is None\n"
        f"    assert not service_monitoring.__file__.startswith({str(ROOT)!r})\n",
    )
    assert Trials(small.root, memory).run([ALL], "runs")[ALL].failed == {}


def test_a_diff_that_does_not_apply_is_named(small: Small, memory: Memory) -> None:
    """With what git says of it."""
    odd = Trial("odd", replaced("ANSWER = 7", "ANSWER = 8", ANSWER_PY.replace("42", "7")), ALL.targets)
    said = rf"^odd: does not apply to the capstone as it is: error: patch failed: {SOURCE}:1; error"
    with pytest.raises(DoesNotApplyError, match=said):
        Trials(small.root, memory).run([odd], "runs")


def test_one_trial_says_what_it_is_doing_while_it_runs(
    small: Small, memory: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not only when it has ended."""
    monkeypatch.setattr(progress, "SILENCE_S", 0.05)
    Trials(small.root, memory).run([ALL], "runs")
    assert re.search(r"^runs 0/1 +\d+ s  all …$", capsys.readouterr().err, re.MULTILINE)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where the interrupted process keeps its temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind(
    small: Small, tmp_path: Path, scratch: Path, told: signal.Signals
) -> None:
    """No copy, no process, no record, no traceback; one line, and the status of an interruption.

    By Ctrl-C, by `kill` and `timeout`, and by a terminal that is closed.
    """
    started = tmp_path / "started"
    small.write(
        "capstone/tests/domain/test_a.py",
        "import os\nimport subprocess\nimport time\n\nfrom service_monitoring import answer\n\n\n"
        "def test_slow() -> None:\n"
        "    server = subprocess.Popen(['sleep', '300'])\n"
        f"    open({str(started)!r}, 'w').write(f'{{os.getpid()}} {{server.pid}}')\n    time.sleep(300)\n",
    )
    small.propose("slow", replaced(IS_42, "ANSWER = 43"))
    command = "import sys; from pathlib import Path; from checks.proof import ladder; "
    command += "sys.exit(ladder.main(['slow'], Path(sys.argv[1])))"
    process = subprocess.Popen(
        [sys.executable, "-c", command, small.root],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(told)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert errors.splitlines()[-1].startswith("ladder interrupted")
    assert "Traceback" not in errors
    assert not list(scratch.iterdir())
    for number in started.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), 0)
