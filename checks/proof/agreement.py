"""Whether claims, tests, code and the ladder's record agree: `python -m checks.proof.agreement`."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from checks.failure import Failure, command, report
from checks.memory import ROOT
from checks.proof.changes import ChangeError, malformed, names_of_changes, page_of, read_change
from checks.proof.claims import CLAIMS, ProofData, ProofDataError
from checks.proof.ladder import RECORD, contradictions, dull_rungs, read_record, stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from checks.proof.changes import Change


def exists(name: str) -> bool:
    """Whether a dotted name leads to a module, a class, a function or a method."""
    with suppress(ImportError, AttributeError, ValueError):
        resolve_name(name)
        return True
    return False


def defines(file: Path, test: str) -> bool:
    """Whether a file defines a test, as a test id names it: a function, or a class and its method."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    names = [name for name in test.split("::") if name != "runTest"]  # a state machine inherits that one
    found = r"^\s*(?:def {0}\(|class {0}\b|{0} = )"
    return all(re.search(found.format(name), text, re.MULTILINE) for name in names)


def disagreements(root: Path, data: ProofData) -> Iterator[Failure]:
    """Owners, tests and proposals that a claim names and that are not there, and rungs without a folder."""
    for contract in data.contracts:
        for owner in contract.owners:
            if not exists(owner):
                message = f"contract {contract.name}: its owner {owner} does not exist"
                yield data.failure(root, contract.name, message)
        if not data.of_contract(contract.name):
            yield data.failure(root, contract.name, f"contract {contract.name}: no claim is a part of it")
    yield from _of_claims(root, data)
    suites = {path.parent.name for path in (root / "capstone/tests").glob("*/test_*.py")}
    for name in sorted(suites ^ {rung.name for rung in data.rungs}):
        message = f"{name} is a rung in only one of capstone/tests and {CLAIMS}"
        yield data.failure(root, name, message)


def _of_claims(root: Path, data: ProofData) -> Iterator[Failure]:
    for claim in data.claims:
        said = f"claim {claim.id}:"
        if not exists(claim.owner):
            yield data.failure(root, claim.id, f"{said} its owner {claim.owner} does not exist")
        test_file, _, test = claim.check.partition("::")
        if not defines(root / "capstone" / test_file, test):
            yield data.failure(root, claim.id, f"{said} its check {claim.check} does not exist")
        for drift in claim.drifts:
            if not (root / page_of(drift)).is_file():
                message = f"{said} there is no proposal {drift}: `invoke propose {drift}` writes one"
                yield data.failure(root, claim.id, message)


def readable(root: Path) -> tuple[list[Change], list[Failure]]:
    """Every proposal that can be read, and what is wrong with those and with the others."""
    changes, failures = [], []
    for name in names_of_changes(root):
        try:
            change = read_change(root, name)
        except ChangeError as error:
            failures.append(error.failure)
        else:
            changes.append(change)
            failures += malformed(change)
    return changes, failures


def disputed(root: Path, data: ProofData, changes: Sequence[Change]) -> list[Failure]:
    """What the ladder's record says against the claims; an old record is only said to be old."""
    recorded = read_record(root)
    dull = (Failure(str(RECORD), 1, why) for why in dull_rungs(recorded))
    return stale(recorded, data, changes, root) or [*contradictions(recorded, data, root), *dull]


@command("agreement", "agreement interrupted", ProofDataError)
def main() -> int:
    """Print what does not agree; what can only follow from it is not looked at."""
    data = ProofData.read()
    changes, failures = readable(ROOT)
    failures = [*disagreements(ROOT, data), *failures] or disputed(ROOT, data, changes)
    counted = f"{len(data.claims)} claims, {len(data.drifts())} drifts, {len(changes)} proposals"
    return report(failures, counted)


if __name__ == "__main__":
    sys.exit(main())
