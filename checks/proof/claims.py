"""Contracts, claims, rungs and learning outcomes, as `capstone/claims.toml` has them.

Everything that shows or proves a claim reads it through here; nothing else lists one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = Path("capstone/claims.toml")


class ProofDataError(ValueError):
    """What is wrong with the data file, and where."""


@dataclass(frozen=True)
class Outcome:
    """What a learner can do after the module.

    Attributes:
        text: The sentence of the module overview.
    """

    text: str


@dataclass(frozen=True)
class Rung:
    """A level of proof; the file lists the cheapest first.

    Attributes:
        name: The folder of its tests in `capstone/tests`.
        sees: What it runs, and so what it can see.
        blind: What it can not see, however often it runs.
    """

    name: str
    sees: str
    blind: str

    @property
    def command(self) -> str:
        """What runs the rung, from the repository's root."""
        return f"python -m pytest -c capstone/pyproject.toml capstone/tests/{self.name}"


@dataclass(frozen=True)
class Contract:
    """A named promise of the capstone.

    Attributes:
        name: The name that everybody uses.
        promise: What is promised, in one sentence.
        owners: Dotted names of what keeps it.
        outcome: The learning outcome that it stands for, counted from 1.
        lesson: The title of the lesson that defends it.
    """

    name: str
    promise: str
    owners: tuple[str, ...]
    outcome: int
    lesson: str


@dataclass(frozen=True)
class Claim:
    """One sentence that a check defends.

    Attributes:
        id: Names it, on pages and in commands.
        statement: What is claimed, in one sentence.
        contract: The contract that it is a part of.
        owner: The dotted name of what makes it true.
        check: The test that goes red when it is false, below `capstone/`.
        drifts: Changes that make it false, each a folder of `docs/proposals`.
    """

    id: str
    statement: str
    contract: str
    owner: str
    check: str
    drifts: tuple[str, ...]

    @property
    def rung(self) -> str:
        """The rung of its check."""
        return self.check.split("/")[1]

    @property
    def command(self) -> str:
        """The smallest command that would expose it."""
        return f"invoke prove --claim {self.id}"


@dataclass(frozen=True)
class ProofData:
    """The whole file."""

    outcomes: tuple[Outcome, ...]
    rungs: tuple[Rung, ...]
    contracts: tuple[Contract, ...]
    claims: tuple[Claim, ...]

    @classmethod
    def read(cls, root: Path = ROOT) -> Self:
        """The file of a repository.

        Raises:
            ProofDataError: It is not what it must be.
        """
        try:
            document = tomllib.loads((root / CLAIMS).read_text(encoding="utf-8"))
            data = cls(
                _rows(document, "outcome", Outcome),
                _rows(document, "rung", Rung),
                _rows(document, "contract", Contract),
                _rows(document, "claim", Claim),
            )
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ProofDataError(f"{CLAIMS}: {error}") from None
        for problem in data.problems():
            raise ProofDataError(f"{CLAIMS}: {problem}")
        return data

    @cached_property
    def by_id(self) -> dict[str, Claim]:
        """Each claim by its id."""
        return {claim.id: claim for claim in self.claims}

    def claim(self, name: str) -> Claim:
        """The claim of this id.

        Raises:
            ProofDataError: There is none; the message names those that are close.
        """
        if name not in self.by_id:
            raise ProofDataError(f"there is no claim {name!r}; there are: {', '.join(self.by_id)}")
        return self.by_id[name]

    def of_contract(self, name: str) -> list[Claim]:
        """The claims of one contract."""
        return [claim for claim in self.claims if claim.contract == name]

    def drifts(self) -> dict[str, list[Claim]]:
        """Each drift with the claims that it makes false, by name."""
        found: dict[str, list[Claim]] = {}
        for claim in self.claims:
            for drift in claim.drifts:
                found.setdefault(drift, []).append(claim)
        return dict(sorted(found.items()))

    def problems(self) -> Iterator[str]:
        """What does not fit together inside the file."""
        yield from _twice("contract", [contract.name for contract in self.contracts])
        yield from _twice("claim", [claim.id for claim in self.claims])
        yield from _twice("rung", [rung.name for rung in self.rungs])
        contracts, rungs = {c.name for c in self.contracts}, {r.name for r in self.rungs}
        for contract in self.contracts:
            if not 1 <= contract.outcome <= len(self.outcomes):
                yield f"contract {contract.name}: there is no outcome {contract.outcome}"
        for claim in self.claims:
            if claim.contract not in contracts:
                yield f"claim {claim.id}: there is no contract {claim.contract!r}"
            if not claim.check.startswith("tests/") or claim.rung not in rungs:
                yield f"claim {claim.id}: its check {claim.check} is on no rung: tests/RUNG/FILE::TEST"
            if not claim.drifts:
                yield f"claim {claim.id}: names no drift that makes it false"


def _rows(document: dict[str, Any], name: str, kind: type[Any]) -> tuple[Any, ...]:
    wanted = {field.name for field in fields(kind)}
    rows = []
    for number, row in enumerate(document.get(name, []), 1):
        if row.keys() != wanted:
            odd = ", ".join(sorted(row.keys() ^ wanted))
            raise ProofDataError(f"{CLAIMS}: [[{name}]] number {number}: missing or unknown: {odd}")
        rows.append(
            kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        )
    return tuple(rows)


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} {name} stands there twice"
