"""What pages say with measured numbers: figures and plots, read from the evidence files.

A page writes `{$ figure("allocation", "figures.slots.value", ",.0f") $}`; nobody types a number.
"""

from __future__ import annotations

import json
import os
import re
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.drawing.origins import Origins
from checks.drawing.proofs import MODULE, PUBLISHED, Proofs, title_of
from checks.drawing.record import recorded
from checks.drawing.tables import table
from checks.evidence.sections import section
from checks.exercises.exercise import read_exercises
from checks.memory import ROOT
from checks.pages import lesson
from checks.pages.page import Page
from checks.pages.parsers import PARSERS
from checks.run import PARTS
from checks.tooling import next_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mkdocs_macros.plugin import MacrosPlugin

    from checks.exercises.exercise import Exercise

    Macros = tuple[Callable[..., str], ...]

EVIDENCE = Path("assets") / "evidence"
CACHE = Path(".cache") / "plots"
OVERVIEW = ROOT / "docs" / MODULE / "index.md"
EXERCISE = re.compile(r"\]\(\.\./exercises/([\w-]+)/index\.md")
LESSON = re.compile(r"^\| (\[)?\d+\. ", re.MULTILINE)


class EvidenceError(LookupError):
    """A page asks for evidence that is not there."""


def define_env(env: MacrosPlugin) -> None:
    """Register the macros of the pages."""
    root = Path(env.conf["config_file_path"]).parent
    files = Evidence(Path(env.conf["docs_dir"]) / EVIDENCE)

    def figure(name: str, path: str, spec: str = "") -> str:
        """One measured value of an evidence file, formatted."""
        return format(files.value(name, path), spec)

    def measured(name: str) -> str:
        """When, where and how often an evidence file was measured, in one phrase."""
        run = files.value(name, "measured")
        day = run["at"].split("T")[0]
        runs = "1 run" if run["runs"] == 1 else f"up to {run['runs']} runs"
        return f"{day}, {run['machine']}, Python {run['python']}, {runs}"

    def relative_iqr(name: str, path: str) -> str:
        """The interquartile range of a figure, as a percentage of its median."""
        found = files.value(name, path)
        low, high = found["spread"]
        return f"{(high - low) / found['value']:.1%}".replace("%", " %")

    def evidence(name: str) -> str:
        """All that an evidence file holds."""
        return section(files.document(name))

    def plot(name: str, key: str) -> str:
        """A plot of an evidence file as inline SVG, with its data as a table below it."""
        from checks.drawing import plots  # noqa: PLC0415 - Matplotlib costs a second

        return plots.figure(f"{name}-{key}", files.value(name, f"plots.{key}"), root / CACHE)

    def minutes(of: str = "") -> str:
        """How long this page takes, as a sentence; for the page of a row of a table, both numbers."""
        file = Path(env.conf["docs_dir"]) / (of or page())
        reading, practice = lesson.minutes(Page(file.parent, file))
        sentence = f"About {reading} minutes to read and {practice} to practise, an estimate."
        return f"{reading} + {practice}" if of else sentence

    def exercises() -> str:
        """Every exercise with what it asks for, below the lesson that it belongs to."""
        return by_lesson(root)

    def page() -> str:
        return str(env.page.file.src_uri)

    of_evidence: Macros = (evidence, figure, measured, plot, relative_iqr)
    of_pages: Macros = (exercises, minutes, parsed_fences, parts, ready, set_up)
    for macro in (*of_evidence, *of_pages, *Origins(root).macros, *Proofs(root, page).macros):
        env.macro(recorded(macro))  # type: ignore[no-untyped-call] # the plugin has no types


def parsed_fences() -> str:
    """The languages whose blocks are parsed, and what the check does with each."""
    return table(["fence", "the check"], ((f"`{name}`", getdoc(parse)) for name, parse in PARSERS.items()))


def parts() -> str:
    """The parts of the check, and what decides that one is run again."""
    rows = []
    for part in PARTS:
        depends_on = ", ".join(f"`{name}`" for name in part.depends_on) or "anything"
        rows.append((f"`{part.name}`", part.guards, depends_on))
    return table(["part", "what it checks", "runs again after a change of"], rows)


def by_lesson(root: Path) -> str:
    """A heading and a table for each page of the module with exercises, each where it comes first."""
    module = root / "docs" / MODULE
    left = {exercise.name: exercise for exercise in read_exercises(root)}
    parts = []
    overview = (module / "index.md").read_text(encoding="utf-8")
    pages = {name: f"Lesson {number}" for number, name in PUBLISHED.findall(overview)}
    for name, heading in {**pages, "index.md": "The whole module"}.items():
        text = (module / name).read_text(encoding="utf-8")
        here = [left.pop(found) for found in dict.fromkeys(EXERCISE.findall(text)) if found in left]
        if here:
            page = f"These exercises belong to [{title_of(module / name)}](../{MODULE}/{name})."
            parts += [f"## {heading}\n", f"{page}\n", _table(here), ""]
    if left:
        parts += ["## More\n", _table(left.values())]
    return "\n".join(parts)


def _table(exercises: Iterable[Exercise]) -> str:
    rows = ((f"[{each.title}]({each.name}/index.md)", each.summary) for each in exercises)
    return table(["exercise", "what it asks for"], rows)


def ready() -> str:
    """How many of the lessons in the overview's lesson map are published."""
    rows = LESSON.findall(OVERVIEW.read_text(encoding="utf-8"))
    return f"{sum(bool(link) for link in rows)} of {len(rows)}"


def set_up() -> str:
    """The lines that set a learner up: from REPO_URL, else from the checkout that the site is built from."""
    repository = os.environ.get("REPO_URL", "")
    where = "in a terminal" if repository else "in a terminal of the machine that built this site"
    lines = "\n".join(f"$ {line}" for line in next_steps.set_up(repository or str(ROOT)))
    return f"Set up once, {where}:\n\n```console\n{lines}\n```"


class Evidence:
    """The evidence files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def document(self, name: str) -> dict[str, Any]:
        """All of a file; says which there are where there is none of this name."""
        file = self._folder / f"{name}.json"
        if not file.is_file():
            there = ", ".join(sorted(other.stem for other in self._folder.glob("*.json"))) or "none"
            raise EvidenceError(f"no evidence file {name!r}; there are: {there}")
        return dict(json.loads(file.read_text(encoding="utf-8")))

    def value(self, name: str, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
        """What a dotted path leads to; says what there is where it leads nowhere."""
        found: Any = self.document(name)
        for depth, key in enumerate(path.split(".")):
            keys = dict(enumerate(found)) if isinstance(found, list) else found
            step = int(key) if isinstance(found, list) and key.isdecimal() else key
            if not isinstance(keys, dict) or step not in keys:
                there = ", ".join(map(str, keys)) if isinstance(keys, dict) else repr(found)
                where = ".".join([name, *path.split(".")[:depth]])
                raise EvidenceError(f"no {key!r} in {where}; there are: {there}")
            found = keys[step]
        return found
