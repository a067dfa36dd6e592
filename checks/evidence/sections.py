"""What the evidence page shows of each evidence file, and that the two know each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from checks.drawing.tables import table
from checks.evidence.comparison import EVIDENCE
from checks.evidence.figures import PACKAGE, Figure, code_digest, flat
from checks.failure import Failure, failure_at, lines_of
from checks.memory import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = "docs/reference/evidence.md"
TABLE = "checks/studies/table.py"
HEADING = re.compile(r"^## (.+)$")
NAME = re.compile(r"[a-z][a-z-]*")


def section(document: Mapping[str, Any]) -> str:
    """All of an evidence file as Markdown: where it comes from, each of its figures, and its facts."""
    parts = [provenance(document)]
    figures = dict(flat(document.get("figures", {})))
    if figures:
        head = ["figure", "value:", "unit", "quartiles", "runs:", "in each check"]
        parts.append(table(head, ((f"`{name}`", *_row(figure)) for name, figure in figures.items())))
    facts = [f"- `{name}`: {value}" for name, value in _facts(document.get("facts", {}))]
    if facts:
        parts.append("\n".join(["Facts beside the figures:", "", *facts]))
    return "\n\n".join(parts)


def provenance(document: Mapping[str, Any]) -> str:
    """Command, day, machine, versions and code of an evidence file, in a sentence or two."""
    run = document["measured"]
    versions = {"Python": run["python"], **run.get("versions", {})}
    took = f" in {run['seconds']:.0f} s" if "seconds" in run else ""
    text = (
        f"[The file](../assets/evidence/{document['name']}.json) was written by `{document['command']}`"
        f"{took}, {run['at'].split('T')[0]}, {run['machine']}; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}."
    )
    if "code" in run:
        reads = run.get("reads", [PACKAGE])
        now = "has not changed" if run["code"] == code_digest(ROOT, reads) else "has changed"
        text += f" What it measured, `{run['code']}` by its content, {now} since."
    return text


def hold(figure: Figure) -> str:
    """What each check does with a figure."""
    if figure.tolerance is not None:
        return f"within {figure.tolerance:.0%}" if figure.tolerance else "equal"
    if figure.tested_by:
        return f"equal in a smaller run, `{figure.tested_by.rpartition('::')[2]}`"
    if figure.follows_from:
        return f"follows from `{figure.follows_from}`"
    return "not measured again" if figure.repeats else "varies"


def section_failures(root: Path, commands: Mapping[str, str]) -> Iterator[Failure]:
    """Every evidence file has a section that shows it and a command that writes it, and the reverse.

    Args:
        root: The repository.
        commands: What writes each file.
    """
    lines = lines_of((root / PAGE).read_text(encoding="utf-8"))
    headings = {found[1]: at for at, text in enumerate(lines, 1) if (found := HEADING.match(text))}
    sections = {name: at for name, at in headings.items() if NAME.fullmatch(name)}
    files = {file.stem for file in (root / EVIDENCE).glob("*.json")}
    for name in sorted(files - sections.keys()):
        message = f'{name}.json has no section: add `## {name}` and `{{$ evidence("{name}") $}}`'
        yield Failure(PAGE, len(lines), message)
    for name, at in sections.items():
        if name not in files:
            yield Failure(PAGE, at, f"there is no {EVIDENCE}/{name}.json")
        end = min((other for other in headings.values() if other > at), default=len(lines) + 1)
        if f'{{$ evidence("{name}") $}}' not in lines[at : end - 1]:
            yield Failure(PAGE, at, f'this section does not show its file: add `{{$ evidence("{name}") $}}`')
    for name in sorted(files - commands.keys()):
        yield Failure(f"{EVIDENCE}/{name}.json", 1, f"no command writes this: `{TABLE}` names them")
    for name in sorted(commands.keys() - files):
        message = f"{name} has no file: `{commands[name]}` writes it"
        yield failure_at(root, root / TABLE, [f'"{name}":'], message)


def _row(figure: Figure) -> tuple[str, ...]:
    spread = "{:,} to {:,}".format(*figure.spread) if figure.spread else ""
    return f"{figure.value:,}", figure.unit, spread, f"{figure.runs:,}", hold(figure)


def _facts(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _facts(value, f"{prefix}{key}.")
        else:
            yield prefix + key, f"`{', '.join(value) if isinstance(value, list) else value}`"
