"""Judge change proposals: `invoke review` lists them, `invoke review NAME` asks, then shows what is true.

Three questions: which contract the change breaks, which rung sees it first, and which package keeps the
promise. `none` three times: it keeps every promise. The truth is what the rungs said. A change breaks the
claim that names it as its drift; the other claims whose checks failed are listed as also red.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks import child
from checks.failure import command
from checks.memory import ROOT, Memory, digest
from checks.proof.changes import Change, ChangeError, read_change, read_changes
from checks.proof.claims import ProofData, ProofDataError
from checks.proof.ladder import Ladder, read_record
from checks.proof.trial import NO_VERDICTS, Trials, capstone_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.proof.claims import Claim

NONE = "none"
QUESTIONS = {
    "contract": "The contract that this change breaks",
    "rung": "The rung that sees it first, in the order of the ladder",
    "package": "The package of the capstone that keeps the promise",
}
PACKAGES = ("domain", "application", "boundary", "storage", "signals", "sinks", "server")
WIDTH = 88
EXAM_SIZE = 12
PASS_SCORE = 0.75
INTERRUPTED = "\nreview ended without answers: nothing was judged"


class AnswerError(ValueError):
    """An answer that does not exist, or an option that does not fit."""


@dataclass(frozen=True)
class Truth:
    """What the rungs said of a change.

    Attributes:
        broken: The claims that name the change as their drift; empty: every promise is kept.
        also_red: The other claims whose checks went red.
        rung: The first red rung; empty: none.
        entry: The row of the record: every rung, the first red test, the claims with a red check.
    """

    broken: tuple[Claim, ...]
    also_red: tuple[Claim, ...]
    rung: str
    entry: dict[str, Any]

    @property
    def contracts(self) -> tuple[str, ...]:
        """The contracts of the broken claims."""
        return tuple(dict.fromkeys(claim.contract for claim in self.broken))

    @property
    def boundaries(self) -> tuple[str, ...]:
        """The packages that keep the broken claims."""
        return tuple(dict.fromkeys(claim.owner.split(".")[1] for claim in self.broken))

    @property
    def right(self) -> dict[str, tuple[str, ...]]:
        """The right answers to each question: any of them."""
        answers = (self.contracts or (NONE,), (self.rung or NONE,), self.boundaries or (NONE,))
        return dict(zip(QUESTIONS, answers, strict=True))


def truth(name: str, entry: dict[str, Any], data: ProofData) -> Truth:
    """What a row of the record says of the change of this name."""
    red = [data.by_id[claim] for claim in entry["claims"] if claim in data.by_id]
    broken = [claim for claim in red if name in claim.drifts] or red
    also_red = [claim for claim in red if claim not in broken]
    return Truth(tuple(broken), tuple(also_red), entry["first"], entry)


def truths(changes: Sequence[Change], data: ProofData, root: Path = ROOT) -> dict[str, Truth]:
    """The truth of each change: from the record, and by running it where its row is older than it.

    Raises:
        DoesNotApplyError: A diff does not fit the capstone as it is.
        UnfinishedError: A run did not end.
    """
    ladder = Ladder(data, changes, root, capstone_digest(root))
    rows = ladder.known(read_record(root))
    old = [trial for name, trial in ladder.trials.items() if name not in rows]
    if old:
        rows |= ladder.rows(Trials(root).run(old, "changes tried"))[0]
    return {change.name: truth(change.name, rows[change.name], data) for change in changes}


def known_answers(data: ProofData) -> dict[str, tuple[str, ...]]:
    """What may be answered to each question."""
    names = ([contract.name for contract in data.contracts], [rung.name for rung in data.rungs], PACKAGES)
    return {question: (*known, NONE) for question, known in zip(QUESTIONS, names, strict=True)}


def read_answers(file: Path, names: Sequence[str], data: ProofData) -> dict[str, dict[str, str]]:
    """The answers of a file: a TOML table for each change, with a key for each question.

    Raises:
        AnswerError: A table or a key is missing, or an answer does not exist.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AnswerError(f"{file}: {error}") from None
    known = known_answers(data)
    found: dict[str, dict[str, str]] = {}
    for name in names:
        table = document.get(name)
        if not isinstance(table, dict):
            raise AnswerError(f"{file}: there is no table [{name}] with {', '.join(QUESTIONS)}")
        for question in QUESTIONS:
            if table.get(question) not in known[question]:
                given = f"is {table[question]!r}" if question in table else "is missing"
                raise AnswerError(f"{file}: {name}.{question} {given}: one of {', '.join(known[question])}")
        found[name] = {question: table[question] for question in QUESTIONS}
    return found


def ask(data: ProofData) -> dict[str, str]:
    """The answers of a person at a terminal, who is asked again after an answer that does not exist."""
    answers = {}
    for question, words in QUESTIONS.items():
        known = known_answers(data)[question]
        print(f"\n{words}:\n  {', '.join(known)}")
        while (answer := input("> ").strip().lower()) not in known:
            print(f"one of: {', '.join(known)}")
        answers[question] = answer
    return answers


def proposal(change: Change) -> str:
    """The proposal as its author brings it."""
    motive = "\n\n".join(textwrap.fill(part, WIDTH) for part in change.motive.split("\n\n"))
    return f"{change.title}\n{'=' * len(change.title)}\n\n{motive}\n\n{change.diff.rstrip()}"


def resolution(true: Truth, answers: dict[str, str]) -> Iterator[str]:
    """What is true, what shows it, and how the answers compare."""
    entry = true.entry
    if true.rung:
        names = ", ".join(true.contracts) or "no claim of a contract, but a test"
        yield f"It breaks: {names}."
        for claim in true.broken:
            yield f"  {claim.id}, kept by {claim.owner}: {claim.statement}"
        if true.also_red:
            yield f"Also red: the checks of {', '.join(claim.id for claim in true.also_red)}."
        if cell := entry["rungs"].get(true.rung):
            yield f"First seen by {true.rung}: {cell['test']}"
            yield f"  {cell['message']}"
        green = [name for name, other in entry["rungs"].items() if not other["red"]]
        yield f"Green all the same: {', '.join(green) or 'no rung'}."
    else:
        yield "It keeps every promise: no rung goes red."
    for question, answer in answers.items():
        right = true.right[question]
        verdict = "right" if answer in right else f"wrong: {' or '.join(right)}"
        yield f"{question + ':':<10} {answer}, {verdict}"


class Score(NamedTuple):
    """How an exam went.

    Attributes:
        refused: Whether each change that breaks a promise was refused.
        accepted: Whether each change that keeps every promise was accepted.
        parts: Whether each of all answers was right.
    """

    refused: list[bool]
    accepted: list[bool]
    parts: list[bool]

    @property
    def value(self) -> float:
        """The mean of both rates: to refuse everything, or to accept everything, is a half."""
        return (sum(self.refused) / len(self.refused) + sum(self.accepted) / len(self.accepted)) / 2


def score(answers: dict[str, dict[str, str]], true: dict[str, Truth]) -> Score:
    """Compare all answers of an exam with the truth."""
    refused = {name: table["contract"] != NONE for name, table in answers.items()}
    return Score(
        [refused[name] for name in answers if true[name].rung],
        [not refused[name] for name in answers if not true[name].rung],
        [answers[name][question] in true[name].right[question] for name in answers for question in QUESTIONS],
    )


def drawn(true: dict[str, Truth], seed: str) -> list[str]:
    """The names of an exam: half of them safe, in an order that says nothing; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - an exam that can be taken again, not a secret
    corrupting = sorted(name for name, each in true.items() if each.rung)
    safe = sorted(name for name, each in true.items() if not each.rung)
    half = EXAM_SIZE // 2
    chosen = rng.sample(corrupting, half) + rng.sample(safe, half)
    rng.shuffle(chosen)
    return chosen


def exam(data: ProofData, seed: str, answers_file: Path | None) -> int:
    """Show a sealed set, take all answers, then score them."""
    changes = {change.name: change for change in read_changes(ROOT)}
    true = truths(list(changes.values()), data)
    names = drawn(true, seed)
    if answers_file:
        answers = read_answers(answers_file, names, data)
    else:
        answers = _ask_all([changes[name] for name in names], seed, data)
    for name in names:
        print(f"\n{name}: {changes[name].title}")
        print(*resolution(true[name], answers[name]), sep="\n")
    result = score(answers, true)
    print(f"\nexam {seed}: {sum(result.parts)} of {len(result.parts)} answers right")
    print(f"refused {sum(result.refused)} of {len(result.refused)} changes that break a promise")
    print(f"accepted {sum(result.accepted)} of {len(result.accepted)} changes that keep every promise")
    passed = result.value >= PASS_SCORE
    verdict = "passed" if passed else f"not passed, which takes {PASS_SCORE:.0%}"
    print(f"score {result.value:.0%}, both kinds of error counting the same: {verdict}")
    return 0 if passed else 1


def _ask_all(changes: Sequence[Change], seed: str, data: ProofData) -> dict[str, dict[str, str]]:
    """The answers to a whole exam; one that was interrupted goes on where it stopped."""
    memory, asked = Memory("exams"), digest(ROOT, (), *(change.diff for change in changes))
    answers: dict[str, dict[str, str]] = memory.known(seed, asked) or {}
    print(f"exam {seed}: when you stop, `invoke review --exam --seed {seed}` goes on from there")
    for number, change in enumerate(changes, 1):
        if change.name not in answers:
            print(f"\n--- {number} of {len(changes)}: {change.name} ---\n")
            print(proposal(change))
            answers[change.name] = ask(data)
            memory.keep(seed, asked, lambda: asked, answers)
    memory.forget(seed)
    return answers


def judge(name: str, data: ProofData, answers_file: Path | None) -> int:
    """Show one proposal, take the answers, then show the truth."""
    change = read_change(ROOT, name)
    answers = read_answers(answers_file, [name], data)[name] if answers_file else {}
    print(proposal(change))
    answers = answers or ask(data)
    print()
    true = truths([change], data)[name]
    print(*resolution(true, answers), sep="\n")
    return 0 if all(answer in true.right[question] for question, answer in answers.items()) else 1


def apply(change: Change, *, undo: bool, root: Path = ROOT) -> str:
    """Make the change in `capstone/src`, or take it back; says what was done.

    Raises:
        AnswerError: It does not fit the files as they are, which are left alone.
    """
    reverse = ["--reverse"] if undo else []
    done = child.run(["git", "apply", *reverse, "-p1", "-"], cwd=root, given=change.diff)
    if not done.good:
        said = "; ".join(done.output.splitlines())
        raise AnswerError(f"{change.name} cannot be {'undone' if undo else 'applied'}: {said}")
    if undo:
        return f"undone: {change.name}"
    return f"applied: {change.name} (--undo takes it back)"


def _refuse_odd_options(asked: argparse.Namespace) -> None:
    if asked.exam and asked.name:
        raise AnswerError(f"an exam draws its own proposals: leave out {asked.name}, or --exam")
    if asked.seed and not asked.exam:
        raise AnswerError("--seed names an exam: add --exam")
    if (asked.apply or asked.undo) and (not asked.name or asked.answers or (asked.apply and asked.undo)):
        raise AnswerError("--apply and --undo go with the name of a proposal, and with nothing else")
    if asked.answers and not (asked.exam or asked.name):
        raise AnswerError("--answers needs the name of a proposal, or --exam")


@command("review", INTERRUPTED, ProofDataError, ChangeError, AnswerError, *NO_VERDICTS)
def main(arguments: Sequence[str]) -> int:
    """List, judge one, or take an exam."""
    parser = argparse.ArgumentParser(prog="invoke review", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="the proposal to judge")
    parser.add_argument("--answers", type=Path, help="a TOML file with a table of answers for each change")
    parser.add_argument(
        "--exam", action="store_true", help=f"judge {EXAM_SIZE} sealed proposals, then be scored"
    )
    parser.add_argument("--seed", default="", help="take the exam of this name; default: a new one")
    parser.add_argument("--apply", action="store_true", help="make the change in capstone/src")
    parser.add_argument("--undo", action="store_true", help="take the change back")
    asked = parser.parse_args(arguments)
    _refuse_odd_options(asked)
    data = ProofData.read()
    if asked.exam:
        return exam(data, asked.seed or secrets.token_hex(3), asked.answers)
    if asked.apply or asked.undo:
        print(apply(read_change(ROOT, asked.name), undo=asked.undo))
        return 0
    if asked.name:
        return judge(asked.name, data, asked.answers)
    changes = read_changes(ROOT)
    width = max(len(change.name) for change in changes)
    try:
        print(*(f"{change.name:<{width}}  {change.title}" for change in changes), sep="\n", flush=True)
    except BrokenPipeError:  # as `head` does; Python would write the rest once more when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
