"""Prove the claims: each check green as it is, and red with each of its drifts: `invoke prove`.

A check that stays green with a drift proves nothing, and its claim is red: *its drift was not seen*. The
result is a bundle that anyone can verify (`--verify`) and compare with another one (`--against`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from checks.failure import command
from checks.memory import ROOT
from checks.progress import Progress
from checks.proof import bundle
from checks.proof.claims import Claim, ProofData, ProofDataError
from checks.proof.proof import ERROR, NOT_RUN, PROVED, RED, Proof, prove
from checks.proof.trial import Trials

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path(".proof")
INTERRUPTED = "prove interrupted: no bundle was written, what was run is kept"


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
    chosen = [data.claim(name) for name in dict.fromkeys(claims)] or data.claims
    found = [c for c in chosen if contract in ("", c.contract) and rung in ("", c.rung)]
    if not found:
        raise ProofDataError("no claim fits all of that")
    return found


def lines(proofs: Sequence[Proof]) -> Iterator[str]:
    """The result for a terminal, a claim a line, what is not proved last."""
    order = [PROVED, NOT_RUN, RED, ERROR]
    for proof in sorted(proofs, key=lambda proof: order.index(proof.verdict)):
        why = proof.reason or "seen red with " + ", ".join(one.drift for one in proof.seen)
        yield f"{proof.verdict:<8} {proof.claim.id} ({proof.claim.contract}, {proof.claim.rung}): {why}"
    counts = Counter(proof.verdict for proof in proofs)
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    yield f"{counted} of {bundle.counted(len(proofs), 'claim')}"


@command("prove", INTERRUPTED, ProofDataError, bundle.BundleError)
def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Prove and write a bundle, or verify one."""
    parser = argparse.ArgumentParser(prog="invoke prove", description=__doc__)
    parser.add_argument("--claim", default="", help="ids, separated by commas; default: all")
    parser.add_argument("--contract", default="", help="only the claims of this contract")
    parser.add_argument("--rung", default="", help="only the claims whose check is on this rung")
    parser.add_argument("--into", type=Path, default=FOLDER, help=f"the bundle's folder; default: {FOLDER}")
    parser.add_argument("--verify", type=Path, help="look whether a byte of this bundle was changed")
    parser.add_argument("--against", type=Path, help="name the artifact that changed first since this bundle")
    asked = parser.parse_args(arguments)
    if asked.verify:
        return bundle.report_verification(asked.verify)
    bundle.refuse_target(asked.into, asked.against)
    before = bundle.read(asked.against) if asked.against else None
    data = ProofData.read(root)
    names = [name.strip() for name in asked.claim.split(",") if name.strip()]
    chosen = select(data, names, asked.contract, asked.rung)
    trials = Trials(root)
    proofs = prove(chosen, root, trials)
    with Progress(1, "bundle") as progress:
        progress.begin("artifacts")
        bundle.write(asked.into, data, proofs, trials.snapshot)
        progress.step("artifacts")
    print(*lines(proofs), f"bundle: {asked.into}", sep="\n")
    if before:
        print(*bundle.compare(before, bundle.read(asked.into)), sep="\n")
    failing = {RED, ERROR, NOT_RUN} if os.environ.get("CI") == "true" else {RED, ERROR}
    return 1 if any(proof.verdict in failing for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
