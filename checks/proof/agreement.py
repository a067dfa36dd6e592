"""Whether claims, tests, code and the ladder's record agree: `python -m checks.proof.agreement`."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from checks.failure import Failure, failure_at
from checks.proof.changes import PROPOSALS, read_changes
from checks.proof.claims import CLAIMS, ROOT, ProofData, ProofDataError
from checks.proof.ladder import COMMAND, RECORD, contradictions, read_record, stale, uninformative

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.proof.changes import Change


def exists(name: str) -> bool:
    """Whether a dotted name leads to a module, a class, a function or a method."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def tests_of(file: Path) -> set[str]:
    """The tests that a file defines, as a test id names them."""
    if not file.is_file():
        return set()
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{method.name}" for method in node.body if isinstance(method, ast.FunctionDef)
            }
            found.add(f"{node.name}::runTest")  # what a state machine's test case inherits
        elif isinstance(node, ast.Assign):
            found |= {f"{target.id}::runTest" for target in node.targets if isinstance(target, ast.Name)}
    return found


def disagreements(root: Path, data: ProofData) -> Iterator[Failure]:
    """Owners, tests and proposals that a claim names and that are not there, and rungs that nobody lists."""
    file = root / CLAIMS
    for contract in data.contracts:
        for owner in contract.owners:
            if not exists(owner):
                message = f"contract {contract.name}: there is no {owner}"
                yield failure_at(root, file, [f'name = "{contract.name}"'], message)
        if not data.of_contract(contract.name):
            yield failure_at(root, file, [f'name = "{contract.name}"'], f"contract {contract.name}: no claim")
    yield from _claims(root, data)
    suites = {path.parent.name for path in (root / "capstone/tests").glob("*/test_*.py")}
    for name in sorted(suites ^ {rung.name for rung in data.rungs}):
        yield Failure(str(CLAIMS), 1, f"{name} is a rung in only one of capstone/tests and [[rung]]")


def _claims(root: Path, data: ProofData) -> Iterator[Failure]:
    file = root / CLAIMS
    for claim in data.claims:
        at = [f'id = "{claim.id}"']
        if not exists(claim.owner):
            yield failure_at(root, file, at, f"claim {claim.id}: its owner {claim.owner} does not exist")
        test_file, _, test = claim.check.partition("::")
        if test not in tests_of(root / "capstone" / test_file):
            yield failure_at(root, file, at, f"claim {claim.id}: its check {claim.check} does not exist")
        for drift in claim.drifts:
            if not (root / PROPOSALS / drift / "index.md").is_file():
                yield failure_at(root, file, at, f"claim {claim.id}: there is no proposal {drift}")


def shape(changes: list[Change]) -> Iterator[Failure]:
    """Proposals that are not title, motive and diff."""
    for change in changes:
        path = f"{PROPOSALS}/{change.name}/index.md"
        if not change.title or not change.motive or not change.diff.strip():
            yield Failure(path, 1, "a proposal is a title, a motive and one diff")
        if any(
            line.startswith(("--- a/", "+++ b/")) and "/capstone/src/" not in line
            for line in change.diff.splitlines()
        ):
            yield Failure(path, 1, "a proposal changes capstone/src and nothing else")


def main() -> int:
    """Print everything that does not agree; the exit status says whether there is any."""
    try:
        data = ProofData.read()
    except ProofDataError as error:
        print(error)
        return 1
    changes = read_changes(ROOT)
    failures = [*disagreements(ROOT, data), *shape(changes)]
    recorded = read_record()
    old = stale(recorded, data, changes, ROOT)
    failures += [Failure(str(RECORD), 1, f"{why} since the record was made: {COMMAND}") for why in old]
    if recorded and not old:
        said = [*contradictions(recorded, data), *uninformative(recorded)]
        failures += [Failure(str(RECORD), 1, why) for why in said]
    for failure in failures:
        print(failure)
    counted = f"{len(data.claims)} claims, {len(data.drifts())} drifts, {len(changes)} proposals"
    print(f"{counted}, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
