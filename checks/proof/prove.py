"""Prove the claims: each check green as it is, and red with each of its drifts: `invoke prove`.

A check that stays green with a drift proves nothing, and its claim is red: *its drift was not seen*. The
result is a bundle that somebody else can verify (`--verify`) and compare (`--against`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.proof import bundle
from checks.proof.changes import UnknownChangeError, read_change
from checks.proof.claims import ROOT, Claim, ProofData, ProofDataError
from checks.proof.trial import DEMO, DoesNotApplyError, Trial, Trials, Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROVED, RED, NOT_RUN = "proved", "red", "not run"
FOLDER = Path(".proof")


@dataclass(frozen=True)
class Seen:
    """What a claim's check said of one drift.

    Attributes:
        drift: The change.
        test: The first test that went red; empty: none did.
        message: The first line of what it said.
    """

    drift: str
    test: str
    message: str


@dataclass(frozen=True)
class Proof:
    """One claim, and whether it may be believed.

    Attributes:
        claim: The claim.
        verdict: `proved`, `red` or `not run`.
        reason: Why it is not proved; empty when it is.
        seen: What its check said of each drift.
    """

    claim: Claim
    verdict: str
    reason: str
    seen: tuple[Seen, ...]


def prove(claims: Sequence[Claim], root: Path = ROOT, trials: Trials | None = None) -> list[Proof]:
    """Run the check of each claim as the capstone is, and with each of its drifts.

    Raises:
        UnknownChangeError: A claim names a drift that is not there.
        DoesNotApplyError: A drift does not fit the capstone as it is.
    """
    clean = Trial("the capstone as it is", "", _checks(claims))
    drifted = {
        name: Trial(name, read_change(root, name).diff, _checks([c for c in claims if name in c.drifts]))
        for name in dict.fromkeys(drift for claim in claims for drift in claim.drifts)
    }
    results = (trials or Trials(root)).run([clean, *drifted.values()], "runs")
    return [
        judge(claim, results[clean], {name: results[drifted[name]] for name in claim.drifts})
        for claim in claims
    ]


def _checks(claims: Sequence[Claim]) -> tuple[str, ...]:
    return tuple(sorted({claim.check for claim in claims}))


def judge(claim: Claim, clean: Verdicts, drifted: dict[str, Verdicts]) -> Proof:
    """What a clean run and the runs with each drift say of one claim."""
    seen = tuple(
        Seen(name, *next(iter(found.failures_of(claim.check).items()), ("", "")))
        for name, found in drifted.items()
    )

    def is_not(verdict: str, reason: str) -> Proof:
        return Proof(claim, verdict, reason, seen)

    for message in clean.failures_of(claim.check).values():
        return is_not(RED, f"{claim.check} is red without any change: {message}")
    for reason in clean.skips_of(claim.check):
        return is_not(NOT_RUN, reason)
    if claim.check not in clean.ran:
        return is_not(RED, f"{claim.check} did not run: there is no such test")
    for name, found in drifted.items():
        if DEMO in found.failed:
            return is_not(RED, f"its drift {name} does not even pass `service-monitoring demo`")
    for one in seen:
        if not one.test:
            return is_not(RED, f"its drift was not seen: {claim.check} stays green with {one.drift}")
    return is_not(PROVED, "")


def select(data: ProofData, claims: Sequence[str], contract: str, rung: str) -> list[Claim]:
    """The claims asked for: all that fit every filter.

    Raises:
        ProofDataError: A name that is not there, or nothing left.
    """
    for given, known, what in (
        (contract, [c.name for c in data.contracts], "contract"),
        (rung, [r.name for r in data.rungs], "rung"),
    ):
        if given and given not in known:
            raise ProofDataError(f"there is no {what} {given!r}; there are: {', '.join(known)}")
    chosen = [data.claim(name) for name in claims] or data.claims
    found = [c for c in chosen if contract in ("", c.contract) and rung in ("", c.rung)]
    if not found:
        raise ProofDataError("no claim fits all of that")
    return found


def lines(proofs: Sequence[Proof]) -> Iterator[str]:
    """The result for a terminal, a claim a line, what is red last."""
    order = {PROVED: 0, NOT_RUN: 1, RED: 2}
    for proof in sorted(proofs, key=lambda proof: order[proof.verdict]):
        told = proof.reason or "seen red with " + ", ".join(one.drift for one in proof.seen)
        yield f"{proof.verdict:<8} {proof.claim.id} ({proof.claim.contract}, {proof.claim.rung}): {told}"
    counts = Counter(proof.verdict for proof in proofs)
    yield (
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
        + f" of {len(proofs)} claims"
    )


def main(arguments: Sequence[str]) -> int:
    """Prove and write a bundle, or verify one."""
    parser = argparse.ArgumentParser(prog="invoke prove", description=__doc__)
    parser.add_argument("--claim", default="", help="ids, separated by commas; default: all")
    parser.add_argument("--contract", default="", help="only the claims of this contract")
    parser.add_argument("--rung", default="", help="only the claims whose check is on this rung")
    parser.add_argument("--into", type=Path, default=FOLDER, help=f"the bundle's folder; default: {FOLDER}")
    parser.add_argument("--verify", type=Path, help="look whether a byte of this bundle was changed")
    parser.add_argument("--against", type=Path, help="name the artifact that changed first since this bundle")
    asked = parser.parse_args(arguments)
    try:
        if asked.verify:
            return bundle.report_verification(asked.verify)
        bundle.refuse_foreign(asked.into)
        if asked.against:
            bundle.refuse_unverified(asked.against)
        data = ProofData.read()
        chosen = select(data, [name for name in asked.claim.split(",") if name], asked.contract, asked.rung)
        proofs = prove(chosen)
        bundle.write(asked.into, data, proofs)
    except (ProofDataError, UnknownChangeError, DoesNotApplyError, bundle.BundleError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("prove interrupted: no bundle was written, what was run is kept", file=sys.stderr)
        return 130
    print(*lines(proofs), f"bundle: {asked.into}", sep="\n")
    if asked.against:
        print(*bundle.compare(asked.against, asked.into), sep="\n")
    failing = {RED, NOT_RUN} if os.environ.get("CI") == "true" else {RED}
    return 1 if any(proof.verdict in failing for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
