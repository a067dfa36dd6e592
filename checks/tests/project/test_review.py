"""Judging change proposals: `invoke review`."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from checks.drawing.proofs import Proofs
from checks.memory import ROOT
from checks.proof import review
from checks.proof.changes import read_change, read_changes
from checks.proof.claims import ProofData
from checks.proof.ladder import Ladder
from checks.tests.small import ANSWER_PY, CHECKS, SOURCE, Small, replaced

if TYPE_CHECKING:
    from pathlib import Path

    from checks.memory import Memory


@pytest.fixture(scope="module")
def data() -> ProofData:
    """The claims of this repository."""
    return ProofData.read()


def right_answers(names: list[str], true: dict[str, review.Truth]) -> dict[str, dict[str, str]]:
    """What a perfect reviewer answers."""
    return {name: {question: right[0] for question, right in true[name].right.items()} for name in names}


@pytest.fixture
def as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the record for the truth, however old it is: that it is old, the part `claims` says."""
    monkeypatch.setattr(Ladder, "__init__", lambda self, *_: setattr(self, "trials", {}))
    monkeypatch.setattr(Ladder, "known", lambda _, recorded: recorded["changes"])


@pytest.mark.usefixtures("as_recorded")
def test_an_exam_counts_a_false_alarm_as_much_as_a_miss(data: ProofData) -> None:
    """Perfect is 1; to refuse everything or to accept everything is a half."""
    true = review.truths(read_changes(ROOT), data)
    names = review.drawn(true, "a seed")
    assert names == review.drawn(true, "a seed") != review.drawn(true, "another")
    assert len(names) == review.EXAM_SIZE == 2 * sum(not true[name].rung for name in names)
    perfect = right_answers(names, true)
    assert review.score(perfect, true).value == 1
    accept = {name: dict.fromkeys(review.QUESTIONS, review.NONE) for name in names}
    refuse = {name: {"contract": "authority", "rung": "shape", "package": "domain"} for name in names}
    assert review.score(accept, true).value == review.score(refuse, true).value == 0.5 < review.PASS_SCORE
    assert not any(review.score(accept, true).refused + review.score(refuse, true).accepted)


def answers_file(file: Path, answers: dict[str, dict[str, str]]) -> Path:
    """Answers as a learner writes them down."""
    file.write_text(
        "".join(
            f"[{name}]\n" + "".join(f'{question} = "{answer}"\n' for question, answer in table.items())
            for name, table in answers.items()
        )
    )
    return file


@pytest.mark.usefixtures("as_recorded")
def test_a_proposal_is_judged_from_a_file(
    data: ProofData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The proposal, then the truth with its evidence, then each answer: status 0 only if all are right."""
    true = review.truths([read_change(ROOT, "refill-one-sample")], data)
    answers = right_answers(["refill-one-sample"], true)
    file = answers_file(tmp_path / "a.toml", answers)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 0
    told = capsys.readouterr().out
    assert told.index("Refill One Sample") < told.index("+++ b/capstone") < told.index("It breaks: authority")
    assert f"First seen by {true['refill-one-sample'].rung}: tests/" in told
    answers["refill-one-sample"]["contract"] = "none"
    answers_file(file, answers)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 1
    assert "contract:  none, wrong: authority" in capsys.readouterr().out


@pytest.mark.usefixtures("as_recorded")
def test_a_change_breaks_the_claim_that_names_it_and_no_other(data: ProofData) -> None:
    """Rounded values turn a test of whole batches red too, and yet no batch was split."""
    name = "keep-values-in-single-precision"
    true = review.truths([read_change(ROOT, name)], data)[name]
    assert (true.contracts, true.boundaries) == (("freshness",), ("domain",))
    assert "atomicity" in {claim.contract for claim in true.also_red}
    told = "\n".join(review.resolution(true, dict.fromkeys(review.QUESTIONS, "atomicity")))
    assert "It breaks: freshness.\n  values-to-the-bit, kept by" in told
    assert "Also red: the checks of commits-are-seen-at-once, " in told
    assert "contract:  atomicity, wrong: freshness" in told


def test_the_list_ends_quietly_when_its_reader_does() -> None:
    """As `invoke review | head` does; no traceback, and status 0."""
    command = f"set -o pipefail; {sys.executable} -u -m checks.proof.review | true"
    done = subprocess.run(["/bin/bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_of_proposals_lists_each_once_and_no_verdict() -> None:
    """Below the lesson that links it, or the package that it changes."""
    drawn = Proofs(ROOT, lambda: "proposals/index.md").proposals()
    names = [change.name for change in read_changes(ROOT)]
    assert sorted(re.findall(r"\]\(([\w-]+)/index\.md\)", drawn)) == names
    assert drawn.startswith("## Measuring Allocation Costs")
    assert "## More: storage\n" in drawn


@pytest.mark.usefixtures("as_recorded")
def test_an_exam_is_taken_from_a_file(
    data: ProofData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same seed asks the same twelve."""
    true = review.truths(read_changes(ROOT), data)
    file = answers_file(tmp_path / "a.toml", right_answers(review.drawn(true, "x"), true))
    assert review.main(["--exam", "--seed=x", f"--answers={file}"]) == 0
    assert "score 100%" in capsys.readouterr().out
    assert review.main(["--exam", "--seed=y", f"--answers={file}"]) == 2
    assert "there is no table [" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no table [refill-one-sample] with contract, rung, package"),
        (
            '[refill-one-sample]\ncontract = "speed"\n',
            "refill-one-sample.contract is 'speed': one of authority",
        ),
        ('[refill-one-sample]\ncontract = "none"\n', "refill-one-sample.rung is missing: one of shape"),
        ("[refill", "Expected ']'"),
    ],
)
def test_odd_answers_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    """What, where, what would be right; status 2, and nothing of the truth is shown."""
    file = tmp_path / "answers.toml"
    file.write_text(text)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert "First seen" not in captured.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--answers=a.toml"], "--answers needs the name of a proposal, or --exam"),
        (["--seed=x"], "--seed names an exam: add --exam"),
        (["refill-one-sample", "--seed=x"], "--seed names an exam: add --exam"),
        (["refill-one-sample", "--exam"], "an exam draws its own proposals: leave out refill-one-sample"),
        (["--apply"], "--apply and --undo go with the name of a proposal, and with nothing else"),
        (["refill-one-sample", "--apply", "--undo"], "--apply and --undo go with the name of a proposal"),
        (["nothing"], "docs/proposals/nothing/index.md:1: there is no such change proposal"),
    ],
)
def test_odd_options_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Not a list of the proposals, as if nothing had been asked."""
    assert review.main(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, len(captured.err.splitlines())) == ("", 1)
    assert message in captured.err


@pytest.mark.usefixtures("as_recorded")
def test_an_exam_that_was_interrupted_goes_on_where_it_stopped(
    data: ProofData, memory: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its seed is told when it begins, and the answers that were given are kept."""
    true = review.truths(read_changes(ROOT), data)
    answers = right_answers(review.drawn(true, "x"), true)
    lines = [answer for table in answers.values() for answer in table.values()]
    monkeypatch.setattr(review, "Memory", lambda _: memory)
    given = iter(lines[:35])

    def answer(_: str) -> str:
        for line in given:
            return line
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", answer)
    assert review.main(["--exam", "--seed=x"]) == 130
    assert "`invoke review --exam --seed x` goes on from there" in capsys.readouterr().out
    given = iter(lines[33:])
    assert review.main(["--exam", "--seed=x"]) == 0
    said = capsys.readouterr().out
    assert "--- 12 of 12: " in said
    assert "--- 11 of 12: " not in said
    assert "score 100%" in said


def test_a_proposal_that_the_record_does_not_know_is_run(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One trial, of that proposal."""
    monkeypatch.setenv("CI", "true")
    small.propose("is-41", replaced("ANSWER = 42", "ANSWER = 41"))
    small.claim("answer-is-42", CHECKS["answer-is-42"], "is-41")
    true = review.truths([read_change(small.root, "is-41")], ProofData.read(small.root), small.root)
    assert (true["is-41"].contracts, true["is-41"].rung) == (("truth",), "domain")
    assert "changes tried 1/1" in capsys.readouterr().err


def test_a_change_is_made_and_taken_back(small: Small) -> None:
    """Once; a change that does not fit is one line, and leaves the files alone."""
    small.propose("answer-41", replaced("ANSWER = 42", "ANSWER = 41"))
    change, source = read_change(small.root, "answer-41"), small.root / SOURCE
    assert review.apply(change, undo=False, root=small.root).startswith("applied: answer-41 (")
    assert "ANSWER = 41" in source.read_text()
    with pytest.raises(review.AnswerError, match="answer-41 cannot be applied: error: patch failed"):
        review.apply(change, undo=False, root=small.root)
    assert review.apply(change, undo=True, root=small.root) == "undone: answer-41"
    assert source.read_text() == ANSWER_PY
