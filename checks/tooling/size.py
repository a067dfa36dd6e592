"""Counts the lines of code of the checks by room, and those of the capstone: `python -m checks.tooling.size`.

A line of code is a line that holds a statement: no docstring, blank, comment or import.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from tokenize import COMMENT, DEDENT, ENCODING, ENDMARKER, INDENT, NEWLINE, NL, tokenize
from typing import TYPE_CHECKING

from checks.memory import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 5_100
"""Of the checks and the tasks, without their tests and without the lessons' own measurements."""
TESTS, STUDIES = "checks/tests", "checks/studies"
LAYOUT = {ENCODING, COMMENT, NL, NEWLINE, INDENT, DEDENT, ENDMARKER}


def lines_of_code(file: Path) -> int:
    """How many lines of a module hold code."""
    with file.open("rb") as source:
        tokens = [token for token in tokenize(source.readline) if token.type not in LAYOUT]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                code -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(code)


def sizes(root: Path) -> Counter[str]:
    """The lines of code of each room of the checks, of the modules beside them, and of the capstone."""
    counted: Counter[str] = Counter()
    for file in [root / "tasks.py", *root.glob("checks/**/*.py")]:
        room = "/".join(file.relative_to(root).parent.parts[:2]) or file.name
        counted[room] += lines_of_code(file)
    del counted[TESTS]
    counted["capstone/src"] = sum(map(lines_of_code, root.glob("capstone/src/**/*.py")))
    return counted


def main(root: Path = ROOT) -> int:
    """Print every count; the exit status is 1 when the checks are over their limit."""
    counted = sizes(root)
    for room, lines in sorted(counted.items()):
        print(f"{room:<18} {lines:>6,}")
    total = counted.total() - counted["capstone/src"]
    judged = total - counted[STUDIES]
    print(f"without {STUDIES}: {judged:,} lines of code, at most {LIMIT:,}; with it: {total:,}")
    return 1 if judged > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
