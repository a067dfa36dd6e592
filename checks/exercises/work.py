"""What one learner has done: the files that they edit, and how far they came with each exercise."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from checks.exercises.exercise import ROOT

if TYPE_CHECKING:
    from checks.exercises.exercise import Exercise

FOLDER = Path("work/exercises")


@dataclass
class Standing:
    """How far a learner came with one exercise.

    Attributes:
        hints: How many hints were shown.
        solved: The hash of the file that was graded as solved last; empty: none was.
    """

    hints: int = 0
    solved: str = ""


class Work:
    """The folder of the learner's own files. Git ignores it, and nothing here is ever overwritten.

    Args:
        root: The repository.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._record = root / FOLDER / "progress.json"

    def file(self, exercise: Exercise) -> Path:
        """Where the learner's answer is, or will be."""
        return self._root / FOLDER / f"{exercise.name}{exercise.starter.suffix}"

    def shown(self, exercise: Exercise) -> str:
        """What to call it."""
        return self.file(exercise).relative_to(self._root).as_posix()

    def begin(self, exercise: Exercise) -> bool:
        """Copy the starter, if there is nothing yet; says whether it did."""
        file = self.file(exercise)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("xb") as copy:
                copy.write(exercise.starter.read_bytes())
        except FileExistsError:
            return False
        return True

    def state(self, exercise: Exercise) -> str:
        """`new`, `begun`, or `solved`: the file is the one that was graded as solved."""
        if not self.file(exercise).exists():
            return "new"
        solved = self.standing(exercise).solved
        return "solved" if solved and solved == self._digest(exercise) else "begun"

    def standing(self, exercise: Exercise) -> Standing:
        """How far the learner came; nowhere, if the record cannot be read."""
        match self._read().get(exercise.name):
            case {"hints": int(hints), "solved": str(solved)}:
                return Standing(hints, solved)
        return Standing()

    def record_verdict(self, exercise: Exercise, *, solved: bool) -> None:
        """Remember what the file as it is now was graded as."""
        standing = self.standing(exercise)
        standing.solved = self._digest(exercise) if solved else ""
        self._write(exercise, standing)

    def next_hint(self, exercise: Exercise) -> int:
        """The number of the next hint, from 1; it counts as shown. After the last one, the last again."""
        standing = self.standing(exercise)
        standing.hints = min(standing.hints + 1, len(exercise.hints))
        self._write(exercise, standing)
        return standing.hints

    def _digest(self, exercise: Exercise) -> str:
        with suppress(OSError):
            return sha256(self.file(exercise).read_bytes()).hexdigest()[:16]
        return ""

    def _read(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            found = json.loads(self._record.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _write(self, exercise: Exercise, standing: Standing) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        record = {**self._read(), exercise.name: asdict(standing)}
        self._record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
