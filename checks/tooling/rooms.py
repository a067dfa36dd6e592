"""Holds the maps of README.md and of the contributing page to the folders: `python -m checks.tooling.rooms`.

A room of the checks is a folder of `checks/` or a module beside the folders. Its sentence on each map is the
first sentence of its docstring. No two modules have one name, so that a name is enough to find one.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING

from checks.failure import Failure, lines_of, report
from checks.memory import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAPS = ("README.md", "docs/contributing.md")
HEADING = "## Where things are"
ROW = re.compile(r"\| `(checks/[^`]+)` *\| (.*?) *\|")
NAMELESS = {"__init__", "__main__"}


def sentence(module: Path) -> str:
    """The first sentence of a module's docstring, without its full stop; empty: there is none."""
    text = module.read_text(encoding="utf-8") if module.exists() else ""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return " ".join(re.split(r"\.(?=\s|$)", docstring)[0].split())


def rooms(root: Path) -> dict[str, Path]:
    """The module that describes each room, by the room's path."""
    folders = {file.parent for file in root.glob("checks/*/*.py")}
    modules = [file for file in root.glob("checks/*.py") if file.stem not in NAMELESS]
    return {f"checks/{folder.name}/": folder / "__init__.py" for folder in folders} | {
        f"checks/{module.name}": module for module in modules
    }


def map_failures(root: Path, page: str) -> Iterator[Failure]:
    """Where a map names other rooms than there are, or says something else of one."""
    lines = lines_of((root / page).read_text(encoding="utf-8"))
    heading = lines.index(HEADING) + 1 if HEADING in lines else 1
    named = {row[1]: (number, row[2]) for number, line in enumerate(lines, 1) if (row := ROW.fullmatch(line))}
    there = rooms(root)
    for room in there.keys() - named.keys():
        yield Failure(page, heading, f"`{room}` is missing in the table below {HEADING!r}")
    for room, (line, said) in named.items():
        if room not in there:
            yield Failure(page, line, f"there is no `{room}`")
        elif said != (right := sentence(there[room])) and right:
            source = there[room].relative_to(root)
            yield Failure(page, line, f"the docstring of {source} begins differently: {right}")


def module_failures(root: Path) -> Iterator[Failure]:
    """Rooms that say nothing of themselves, and modules with the name of another one."""
    for module in rooms(root).values():
        if not sentence(module):
            message = "begin with a docstring whose first sentence says what is done here"
            yield Failure(module.relative_to(root).as_posix(), 1, message)
    first: dict[str, str] = {}
    for module in sorted(root.glob("checks/**/*.py")):
        path = module.relative_to(root).as_posix()
        other = first.setdefault(module.stem, path)
        if other != path and module.stem not in NAMELESS:
            yield Failure(path, 1, f"{other} has the same name; give one of them another")


def main(root: Path = ROOT) -> int:
    """Print every failure; the exit status says whether there are any."""
    failures = [*module_failures(root), *(failure for page in MAPS for failure in map_failures(root, page))]
    return report(failures, f"{len(rooms(root))} rooms")


if __name__ == "__main__":
    sys.exit(main())
