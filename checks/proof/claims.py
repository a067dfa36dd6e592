"""Contracts, claims, rungs and learning outcomes, as `capstone/claims.toml` has them.

Everything that shows or proves a claim reads it through here; nothing else lists one.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from checks.failure import Failure, failure_at
from checks.memory import with_tuples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = Path("capstone/claims.toml")
KINDS: dict[object, type] = {"str": str, "int": int, "tuple[str, ...]": list}
"""What TOML holds for the type of a field."""


class ProofDataError(ValueError):
    """What is wrong with the data file and on which line, or with a name that it was asked for."""


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
        blind: What it cannot see, however often it runs.
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
        name: The name that code and pages use.
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
            text = (root / CLAIMS).read_text(encoding="utf-8")
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            raise ProofDataError(str(Failure(str(CLAIMS), int(line[1]) if line else 1, str(error)))) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ProofDataError(f"{CLAIMS}: {error}") from None
        tables = {"outcome": Outcome, "rung": Rung, "contract": Contract, "claim": Claim}
        data = cls(*(_rows(text, document, table, kind) for table, kind in tables.items()))
        for name, problem in data.problems():
            raise ProofDataError(str(data.failure(root, name, problem)))
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

    @staticmethod
    def failure(root: Path, name: str, message: str) -> Failure:
        """A failure on the line of the file that gives a claim, a contract or a rung its name."""
        return failure_at(root, root / CLAIMS, [f'id = "{name}"', f'name = "{name}"'], message)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not fit together inside the file: the name of the entry, and what is wrong with it."""
        contracts, rungs = [c.name for c in self.contracts], [r.name for r in self.rungs]
        yield from _twice("contract", contracts)
        yield from _twice("claim", [claim.id for claim in self.claims])
        yield from _twice("rung", rungs)
        for contract in self.contracts:
            if not 1 <= contract.outcome <= len(self.outcomes):
                yield contract.name, f"contract {contract.name}: there is no outcome {contract.outcome}"
        for claim in self.claims:
            if claim.contract not in contracts:
                yield claim.id, f"claim {claim.id}: there is no contract {claim.contract!r}"
            if not claim.check.startswith("tests/") or claim.rung not in rungs:
                message = f"claim {claim.id}: its check {claim.check} is on no rung: tests/RUNG/FILE::TEST"
                yield claim.id, message
            if not claim.drifts:
                yield claim.id, f"claim {claim.id}: names no drift that makes it false"


def _rows(text: str, document: dict[str, Any], table: str, kind: type[Any]) -> tuple[Any, ...]:
    wanted = {field.name: KINDS[field.type] for field in fields(kind)}
    rows = []
    for number, row in enumerate(document.get(table, [])):
        odd = sorted(row.keys() ^ wanted.keys())
        odd += [key for key, value in row.items() if key in wanted and not isinstance(value, wanted[key])]
        if odd:
            starts = [at for at, line in enumerate(text.splitlines(), 1) if line.strip() == f"[[{table}]]"]
            message = f"[[{table}]]: missing, unknown or of another type: {', '.join(odd)}"
            raise ProofDataError(str(Failure(str(CLAIMS), starts[number], message)))
        rows.append(kind(**with_tuples(row)))
    return tuple(rows)


def _twice(what: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield name, f"{what} {name} stands there twice"
