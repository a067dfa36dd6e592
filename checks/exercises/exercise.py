"""Exercises as their folders have them: `docs/exercises/NAME/`; a new one is a new folder.

A folder holds `index.md` (title, text, hints), `starter`, `solution` and `mistakes/NAME-OF-MISTAKE`, each as
`.py` or `.toml`, and `grader.py`, which defines

- `MISTAKES: dict[str, str]`: each mistake's name and its message, which says what is wrong, where, and where
  to look, but never the solution;
- `grade(submission: dict[str, object]) -> str | tuple[str, str] | None`: the name of the first mistake that
  it finds, or that name and a sentence about this submission, which is put after the message.

A grader needs nothing but the standard library, the capstone, its own folder and `docs/assets/evidence`. It
starts no process and no thread, and so runs in a browser too. `checks/exercises/check.py` holds exercises to
all this.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = Path("docs/exercises")
KINDS = (".py", ".toml")
LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_HINT = re.compile(r'^\?\?\? tip "Hint \d+"\n((?:\n| {4}.*\n)+)', re.MULTILINE)


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
        """The first paragraph of its page; empty where there is none."""
        return " ".join("".join(self.page.split("\n\n")[1:2]).split())

    @property
    def hints(self) -> list[str]:
        """What the folded blocks of its page say, in order; of a link its text."""
        return [LINK.sub(r"\1", " ".join(text.split())) for text in _HINT.findall(self.page)]

    @property
    def grader(self) -> Path:
        """What grades a submission."""
        return self.folder / "grader.py"

    @property
    def starter(self) -> Path:
        """What a learner begins with.

        Raises:
            FileNotFoundError: There is none.
        """
        for kind in KINDS:
            if (file := self.folder / f"starter{kind}").is_file():
                return file
        raise FileNotFoundError(errno.ENOENT, "there is no starter.py or starter.toml", str(self.folder))

    @property
    def solution(self) -> Path:
        """The reference."""
        return self.starter.with_stem("solution")

    @property
    def mistakes(self) -> dict[str, Path]:
        """Wrong submissions by the name of their mistake."""
        files = (self.folder / "mistakes").glob(f"*{self.starter.suffix}")
        return {file.stem: file for file in sorted(files)}


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
