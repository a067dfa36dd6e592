"""The ladder's record: only what changed is run, and what it says is what is run."""

from __future__ import annotations

from typing import Any

import pytest

from checks.proof import ladder
from checks.proof import trial as trial_module
from checks.proof.changes import read_changes
from checks.proof.claims import ProofData
from checks.proof.ladder import RECORD, read_record, stale
from checks.proof.trial import UNCHANGED, Trial, Trials, Verdicts
from checks.tests.small import CHECKS, Small, replaced

IS_42 = "ANSWER = 42"
CLAIM = "answer-is-42"


@pytest.fixture
def small(small: Small) -> Small:
    """A small repository with a drift, a safe proposal and a claim."""
    small.propose("is-41", replaced(IS_42, "ANSWER = 41"))
    small.propose("say-why", replaced(IS_42, "ANSWER = 42  # as everybody knows"))
    small.claim(CLAIM, CHECKS[CLAIM], "is-41")
    return small


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trials that are run, by name, where nothing is remembered, as in a clone."""
    monkeypatch.setenv("CI", "true")
    names: list[str] = []
    run = Trials._try  # noqa: SLF001 - what a trial costs is seen nowhere else

    def count(self: Trials, trial: Trial, *more: Any) -> object:  # noqa: ANN401 - what it was given
        names.append(trial.name)
        return run(self, trial, *more)

    monkeypatch.setattr(Trials, "_try", count)
    return names


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trials that would be run, by name: their verdicts are made up, and nothing is remembered."""
    monkeypatch.setenv("CI", "true")
    names: list[str] = []

    def tell(_: Trials, trial: Trial, *__: object) -> Verdicts:
        names.append(trial.name)
        red = {CHECKS[CLAIM]: "assert 41 == 42"} if "ANSWER = 41" in trial.diff else {}
        return Verdicts(passed={"contract": 2}, failed={"domain": red} if red else {})

    monkeypatch.setattr(Trials, "_try", tell)
    return names


def said(failures: Any) -> list[str]:  # noqa: ANN401 - an iterator of failures
    """Each failure as a check shows it."""
    return [str(failure) for failure in failures]


def old(small: Small) -> list[str]:
    """What has changed since the record of a small repository was made."""
    data = ProofData.read(small.root)
    return [
        str(failure) for failure in stale(read_record(small.root), data, read_changes(small.root), small.root)
    ]


def test_a_new_proposal_costs_one_trial_in_a_clone(small: Small, tried: list[str]) -> None:
    """The rows of the others are in the record, and so is the run of the capstone as it is."""
    assert ladder.main([], small.root) == 1  # two rungs and two proposals are dull
    assert sorted(tried) == sorted([UNCHANGED, "is-41", "say-why"])
    first = read_record(small.root)
    assert first["changes"]["is-41"]["first"] == "domain"
    assert first["changes"]["is-41"]["claims"] == ["answer-is-42"]
    assert first["changes"]["say-why"]["first"] == ""
    assert first["rungs"]["contract"]["tests"] == 2
    assert old(small) == []
    tried.clear()
    ladder.main([], small.root)
    assert (tried, read_record(small.root)) == ([], first)
    small.propose("is-40", replaced(IS_42, "ANSWER = 40"))
    assert old(small) == [
        "docs/proposals/is-40/index.md:1: changed since the ladder's record was made: invoke ladder"
    ]
    ladder.main([], small.root)
    assert tried == ["is-40"]
    assert read_record(small.root)["measured"] == first["measured"]
    assert old(small) == []


@pytest.mark.parametrize(
    ("file", "text", "again", "said"),
    [
        ("capstone/tests/domain/test_more.py", "", 3, f"{RECORD}:1: the capstone changed"),
        ("capstone/src/service_monitoring/more.py", "", 3, f"{RECORD}:1: the capstone changed"),
        ("requirements.lock", "nothing==2\n", 3, "requirements.lock:1: changed"),
        ("README.md", "# Small\n", 0, ""),
    ],
)
def test_what_a_row_was_run_with_counts(  # noqa: PLR0913, PLR0917 - what it takes
    small: Small, told: list[str], file: str, text: str, again: int, said: str
) -> None:
    """The capstone, its tests and the lock; no other file. What changed is said once."""
    ladder.main([], small.root)
    told.clear()
    small.write(file, text)
    assert [line.partition(" since")[0] for line in old(small)] == [said] * bool(said)
    ladder.main([], small.root)
    assert len(told) == again
    assert old(small) == []


def test_a_row_of_another_python_is_run_again_and_is_not_stale(
    small: Small, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each Python's check accepts the record, which one Python made."""
    ladder.main([], small.root)
    monkeypatch.setattr(ladder, "PYTHON", "4.0")
    assert old(small) == []
    ladder.main([], small.root)
    assert len(told) == 6
    assert read_record(small.root)["measured"]["python"] == "4.0"


def test_a_claim_that_changed_is_named_and_its_rows_stand(small: Small, told: list[str]) -> None:
    """Its name and its sentence are of today; the trials are run again only for another test."""
    ladder.main([], small.root)
    told.clear()
    small.claims = [("forty-two", CHECKS[CLAIM], ["is-41"])]
    small.claim("twice", CHECKS["twice-is-84"], "is-41")
    assert [line.partition(" changed")[0] for line in old(small)] == [
        "capstone/claims.toml:1: claim answer-is-42",
        "capstone/claims.toml:22: claim forty-two",
        "capstone/claims.toml:30: claim twice",
    ]
    small.claims.pop()
    small.claim("answer", CHECKS[CLAIM], "is-41")
    ladder.main([], small.root)
    assert told == []
    assert read_record(small.root)["changes"]["is-41"]["claims"] == ["forty-two", "answer"]


def test_a_proposal_that_is_gone_is_named(small: Small, told: list[str]) -> None:
    """Its row is still there."""
    ladder.main([], small.root)
    assert told
    (small.root / "docs/proposals/say-why/index.md").unlink()
    assert old(small) == [f"{RECORD}:1: there is no proposal say-why any more: invoke ladder"]


def test_there_is_no_row_of_a_run_that_did_not_end(
    small: Small, tried: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, the status says so, and the others are recorded."""
    small.propose("rename", replaced(IS_42, "REPLY = 42"))
    small.write("capstone/src/service_monitoring/__main__.py", "")
    assert ladder.main([], small.root) == 1
    said = capsys.readouterr().out
    assert "\nrename: no verdict: tests/domain/test_answer.py does not import: ImportError: cannot" in said
    assert list(read_record(small.root)["changes"]) == ["is-41", "say-why"]
    assert ladder.main(["rename", "is-41"], small.root) == 2
    said = capsys.readouterr().out
    assert "\nrename: no verdict: tests/domain/test_answer.py does not import: " in said
    assert "  domain    red: tests/domain/test_answer.py::test_answer: assert 41 == 42\n" in said
    before = (small.root / RECORD).read_text()
    small.write("capstone/src/service_monitoring/more.py", "")
    monkeypatch.setattr(trial_module, "LIMIT_S", 0.01)
    assert ladder.main([], small.root) == 2
    assert (
        f"ladder: {UNCHANGED}: did not end within 0.01 s on this machine; nothing" in capsys.readouterr().err
    )
    assert (small.root / RECORD).read_text() == before
    assert tried
