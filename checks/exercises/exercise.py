"""Exercises as their folders have them: `docs/exercises/NAME/`; a new one is a new folder.

A folder holds `index.md` (title, text, hints), `starter`, `solution` and `mistakes/NAME-OF-MISTAKE`, each as
`.py` or `.toml`, and `grader.py`, which defines

- `MISTAKES: dict[str, str]`: each mistake's name and its message, which says what is wrong, where, and where
  to look, but never the solution;
- `grade(submission: dict[str, object]) -> str | None`: the name of the first mistake that it finds.

A grader needs nothing but the standard library, the capstone and the files of `docs`, starts no process and
no thread, and so runs in a browser too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = Path("docs/exercises")
KINDS = (".py", ".toml")
_HINT = re.compile(r'^\?\?\? tip "Hint (\d+)"\n((?:\n| {4}.*\n)+)', re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")


class UnknownExerciseError(LookupError):
    """There is no exercise of this name; the message names those there are."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        folder: Where all of it is.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name, and the command's argument."""
        return self.folder.name

    @property
    def page(self) -> str:
        """The text of its page."""
        return (self.folder / "index.md").read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        """The heading of its page."""
        return self.page.partition("\n")[0].removeprefix("# ")

    @property
    def summary(self) -> str:
        """The first paragraph of its page."""
        return " ".join(self.page.split("\n\n")[1].split())

    @property
    def hints(self) -> list[str]:
        """What the folded blocks of its page say, in order; of a link its text."""
        return [_LINK.sub(r"\1", " ".join(found[2].split())) for found in _HINT.finditer(self.page)]

    @property
    def grader(self) -> Path:
        """What grades a submission."""
        return self.folder / "grader.py"

    @property
    def starter(self) -> Path:
        """What a learner begins with."""
        return next(file for kind in KINDS if (file := self.folder / f"starter{kind}").is_file())

    @property
    def solution(self) -> Path:
        """The reference."""
        return self.starter.with_stem("solution")

    @property
    def mistakes(self) -> dict[str, Path]:
        """Wrong submissions by the name of their mistake."""
        return {file.stem: file for file in sorted((self.folder / "mistakes").iterdir())}


def read_exercises(root: Path = ROOT) -> list[Exercise]:
    """All of them, by name."""
    return [Exercise(file.parent) for file in sorted((root / EXERCISES).glob("*/index.md"))]


def read_exercise(name: str, root: Path = ROOT) -> Exercise:
    """The exercise of this name.

    Raises:
        UnknownExerciseError: There is none.
    """
    exercises = {exercise.name: exercise for exercise in read_exercises(root)}
    if name not in exercises:
        wrong = f"there is no exercise {name!r}; there are" if name else "say which exercise"
        raise UnknownExerciseError(f"{wrong}: {', '.join(exercises)}")
    return exercises[name]
