"""What may be believed of a claim: its check is green on the capstone as it is, and red with each drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.child import UnfinishedError
from checks.memory import ROOT
from checks.proof.changes import ChangeError, read_change
from checks.proof.trial import DEMO, NO_VERDICTS, UNCHANGED, DoesNotApplyError, Trial, Trials, complete

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from checks.proof.claims import Claim
    from checks.proof.trial import Outcome

PROVED, NOT_RUN, RED, ERROR = "proved", "not run", "red", "error"
"""The verdicts. An error: a run did not end, or the test file does not import, so nobody knows."""


@dataclass(frozen=True)
class Seen:
    """What a claim's check said of one drift.

    Attributes:
        drift: The change.
        diff: What it changes.
        test: The first test that went red; empty: none did.
        message: What it said.
    """

    drift: str
    diff: str
    test: str
    message: str


@dataclass(frozen=True)
class Proof:
    """One claim, and whether it may be believed.

    Attributes:
        claim: The claim.
        verdict: One of the four above.
        reason: Why it is not proved; empty when it is.
        seen: What its check said of each drift.
    """

    claim: Claim
    verdict: str
    reason: str
    seen: tuple[Seen, ...]


def prove(claims: Sequence[Claim], root: Path = ROOT, trials: Trials | None = None) -> list[Proof]:
    """Run the check of each claim on the capstone as it is, and with each of its drifts."""
    clean = Trial(UNCHANGED, "", _checks(claims))
    drifted: dict[str, Trial] = {}
    changed: dict[str, tuple[str, Outcome]] = {}
    for name in {drift: None for claim in claims for drift in claim.drifts}:
        try:
            diff = read_change(root, name).diff
        except ChangeError as error:
            changed[name] = ("", DoesNotApplyError(f"cannot be read: {error}"))
        else:
            drifted[name] = Trial(name, diff, _checks([claim for claim in claims if name in claim.drifts]))
    outcomes = (trials or Trials(root)).outcomes([clean, *drifted.values()], "runs")
    changed |= {name: (trial.diff, outcomes[trial]) for name, trial in drifted.items()}
    return [judge(claim, outcomes[clean], {name: changed[name] for name in claim.drifts}) for claim in claims]


def _checks(claims: Sequence[Claim]) -> tuple[str, ...]:
    return tuple(sorted({claim.check for claim in claims}))


def judge(claim: Claim, clean: Outcome, drifted: Mapping[str, tuple[str, Outcome]]) -> Proof:
    """What the run on the capstone as it is and the runs with each drift say of one claim.

    Args:
        claim: The claim.
        clean: What came of the run on the capstone as it is.
        drifted: Each drift's diff, and what came of the run with it.
    """
    seen = []
    verdict, reason = _of_clean(claim.check, clean)
    for name, (diff, outcome) in drifted.items():
        test, message = next(iter(_own_failures(claim.check, outcome).items()), ("", ""))
        seen.append(Seen(name, diff, test, message))
        if verdict == PROVED:
            verdict, reason = _of_drift(claim.check, name, outcome)
        elif isinstance(outcome, DoesNotApplyError):
            reason += f"; its drift {name} {outcome}"
    return Proof(claim, verdict, reason, tuple(seen))


def _of_clean(check: str, outcome: Outcome) -> tuple[str, str]:
    try:
        found = complete(outcome, check)
    except NO_VERDICTS as error:
        return ERROR, f"{UNCHANGED}: {error}"
    if DEMO in found.failed:
        return RED, f"{UNCHANGED} does not pass `service-monitoring demo`"
    for message in found.failures_of(check).values():
        return RED, f"{check} is red on {UNCHANGED}: {message}"
    for why in found.skips_of(check):
        return NOT_RUN, why
    if check not in found.ran:
        return RED, f"{check} did not run: there is no such test"
    return PROVED, ""


def _of_drift(check: str, name: str, outcome: Outcome) -> tuple[str, str]:
    try:
        found = complete(outcome, check)
    except DoesNotApplyError as error:
        return RED, f"its drift {name} {error}"
    except UnfinishedError as error:
        return ERROR, f"with its drift {name}: {error}"
    if DEMO in found.failed:
        return RED, f"its drift {name} does not even pass `service-monitoring demo`"
    if _own_failures(check, found):
        return PROVED, ""
    for message in found.failures_of(check).values():
        return RED, f"with {name}, {check} fails, but not by an assertion of its own: {message}"
    return RED, f"its drift was not seen: {check} stays green with {name}"


def _own_failures(check: str, outcome: Outcome) -> dict[str, str]:
    """The failures of a check by its own assertions."""
    if isinstance(outcome, Exception):
        return {}
    failures = outcome.failures_of(check)
    return {test: message for test, message in failures.items() if test not in outcome.accidents}
