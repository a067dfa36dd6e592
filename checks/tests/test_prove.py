"""What may be believed of a claim, and `invoke prove`."""

from __future__ import annotations

import pytest

from checks.memory import Memory
from checks.proof import prove as command
from checks.proof import trial as trial_module
from checks.proof.claims import ProofData
from checks.proof.proof import ERROR, NOT_RUN, PROVED, RED, Proof, prove
from checks.proof.trial import UNCHANGED, Trial, Trials
from checks.tests.small import CHECKS, Small, replaced

ANSWER, TWICE = CHECKS.values()
TYPE = "tests/contract/test_twice.py::test_type"
IS_42 = "ANSWER = 42"
SAID = {
    "seen": (PROVED, ""),
    "two-drifts": (PROVED, ""),
    "unseen": (RED, f"its drift was not seen: {TYPE} stays green with is-41"),
    "a-rename": (
        ERROR,
        "with its drift rename: tests/domain/test_answer.py does not import: ImportError: canno",
    ),
    "a-rename-elsewhere": (
        RED,
        f"with rename-twice, {TWICE} fails, but not by an assertion of its own: Attrib",
    ),
    "no-demo": (RED, "its drift no-demo does not even pass `service-monitoring demo`"),
    "old-drift": (
        RED,
        "its drift old does not apply to the capstone as it is: error: patch failed: capstone",
    ),
    "no-drift": (
        RED,
        "its drift gone cannot be read: docs/proposals/gone/index.md:1: there is no such change",
    ),
    "gone": (RED, "tests/domain/test_answer.py::test_gone did not run: there is no such test"),
    "skipped": (NOT_RUN, "Skipped: no server here"),
    "red": (
        RED,
        "tests/domain/test_more.py::test_red is red on the capstone as it is: assert 1 == 2; its drift ",
    ),
    "no-import": (
        ERROR,
        "the capstone as it is: tests/domain/test_broken.py does not import: NameError: name ",
    ),
}


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory, quick: None) -> dict[str, Proof]:
    """A claim for each reason there is, all proved at once."""
    del quick
    small = Small(tmp_path_factory.mktemp("prove") / "small")
    small.write("capstone/src/service_monitoring/__main__.py", "import service_monitoring.answer\n")
    small.propose("is-41", replaced(IS_42, "ANSWER = 41"))
    small.propose("is-40", replaced(IS_42, "ANSWER = 40"))
    small.propose("rename", replaced(IS_42, "REPLY = 42"))
    small.propose("rename-twice", replaced("def twice() -> int:", "def double() -> int:"))
    small.propose("no-demo", replaced(IS_42, "raise SystemExit(3)"))
    small.propose("old", replaced("ANSWER = 7", "ANSWER = 8", "ANSWER = 7\n"))
    small.write(
        "capstone/tests/domain/test_more.py",
        "import pytest\n\n\n@pytest.mark.skip('no server here')\ndef test_skipped() -> None:\n    pass\n\n\n"
        "def test_red() -> None:\n    assert 1 == 2\n",
    )
    small.write("capstone/tests/domain/test_broken.py", "nobody\n\n\ndef test_x() -> None:\n    pass\n")
    small.claim("seen", ANSWER, "is-41")
    small.claim("two-drifts", ANSWER, "is-41", "is-40")
    small.claim("unseen", TYPE, "is-41")
    small.claim("a-rename", ANSWER, "rename")
    small.claim("a-rename-elsewhere", TWICE, "rename-twice")
    small.claim("no-demo", ANSWER, "no-demo")
    small.claim("old-drift", ANSWER, "old")
    small.claim("no-drift", ANSWER, "gone")
    small.claim("gone", "tests/domain/test_answer.py::test_gone", "is-41")
    small.claim("skipped", "tests/domain/test_more.py::test_skipped", "is-41")
    small.claim("red", "tests/domain/test_more.py::test_red", "old")
    small.claim("no-import", "tests/domain/test_broken.py::test_x", "is-41")
    trials = Trials(small.root, Memory("trials", small.root / ".memory"))
    return {proof.claim.id: proof for proof in prove(ProofData.read(small.root).claims, small.root, trials)}


@pytest.mark.parametrize("name", SAID)
def test_a_claim_has_a_verdict_for_each_reason_there_is(proofs: dict[str, Proof], name: str) -> None:
    """By name, and whatever the others are."""
    verdict, reason = SAID[name]
    assert proofs[name].verdict == verdict
    assert proofs[name].reason.startswith(reason), proofs[name].reason


def test_a_claim_that_is_red_says_too_that_its_drift_does_not_apply(proofs: dict[str, Proof]) -> None:
    """As it is for whoever changes the line that a drift changes."""
    assert "; its drift old does not apply to the capstone as it is: error: patch" in proofs["red"].reason


def test_the_first_red_test_of_each_drift_is_shown(proofs: dict[str, Proof]) -> None:
    """With what it said, and none where nothing went red."""
    seen = [(one.drift, one.test, one.message) for one in proofs["two-drifts"].seen]
    assert seen == [("is-41", ANSWER, "assert 41 == 42"), ("is-40", ANSWER, "assert 40 == 42")]
    assert [one.test for name in ("unseen", "a-rename") for one in proofs[name].seen] == ["", ""]


def test_the_result_counts_what_there_is(proofs: dict[str, Proof]) -> None:
    """A line for each claim, what is not proved last, and the right plural."""
    said = list(command.lines(list(proofs.values())))
    assert said[0].startswith("proved   seen (truth, domain): seen red with is-41")
    assert said[-2].startswith("error    ")
    assert said[-1] == "2 proved, 1 not run, 7 red, 2 error of 12 claims"
    assert list(command.lines([proofs["seen"]]))[-1] == "1 proved of 1 claim"


def test_a_drift_that_changes_a_comment_and_is_cut_off_proves_nothing(
    small: Small, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time limit is no red: on a machine that stands still, nothing is known."""
    small.propose("comment", replaced(IS_42, "ANSWER = 42  # the answer"))
    small.claim("answer-is-42", ANSWER, "comment")
    trials = Trials(small.root, memory)
    trials.run([Trial(UNCHANGED, "", (ANSWER,))], "runs")
    monkeypatch.setattr(trial_module, "LIMIT_S", 0.01)
    proof = prove(ProofData.read(small.root).claims, small.root, trials)[0]
    assert proof.verdict == ERROR
    assert proof.reason.startswith(
        "with its drift comment: did not end within 0.01 s on this machine; nothing"
    )
