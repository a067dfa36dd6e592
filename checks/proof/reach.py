"""Which test files can notice a change: no other is run on it.

A test file reaches every file that it or its `conftest.py` imports, at any depth. One that starts processes
and names the package reaches all of the package. The rung `shape` reads the sources themselves, so it can
notice every change. What a change adds is reached through a file that it touches.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "service_monitoring"
READS_SOURCES = "shape"
TOUCHED = re.compile(r"^(?:---|\+\+\+) [ab]/capstone/(\S+)", re.MULTILINE)


class Reach:
    """The imports of a capstone, as they are now.

    Args:
        capstone: The folder that holds `src` and `tests`.
    """

    def __init__(self, capstone: Path) -> None:
        self._capstone = capstone
        self._package = set((capstone / "src" / PACKAGE).rglob("*.py"))
        self._tests = sorted((capstone / "tests").rglob("test_*.py"))
        self._imports = {
            file: self._imported(file) for file in [*self._package, *(capstone / "tests").rglob("*.py")]
        }
        self._reached = {test: self._reached_by(test) for test in self._tests}

    def test_files(self, diff: str) -> list[str]:
        """The test files that can notice a diff, relative to the capstone."""
        touched = {self._capstone / path for path in TOUCHED.findall(diff)}
        anything = any(path.suffix != ".py" for path in touched)
        return [
            file.relative_to(self._capstone).as_posix()
            for file in self._tests
            if anything or file.parent.name == READS_SOURCES or touched & self._reached[file]
        ]

    def _reached_by(self, test: Path) -> set[Path]:
        found: set[Path] = set()
        waiting = [test, *(folder / "conftest.py" for folder in test.parents)]
        while waiting:
            file = waiting.pop()
            if file not in found and file in self._imports:
                found.add(file)
                waiting += self._imports[file]
        return found

    def _imported(self, file: Path) -> set[Path]:
        text = file.read_text(encoding="utf-8")
        names = set(_imported_names(ast.parse(text)))
        if file.is_relative_to(self._capstone / "tests") and PACKAGE in text and "subprocess" in names:
            return self._package
        parents = (name.split(".")[:end] for name in names for end in range(1, name.count(".") + 2))
        return {path for parts in parents for path in self._files(parts)}

    def _files(self, parts: list[str]) -> Iterator[Path]:
        for top in ("src", "tests"):
            module = self._capstone.joinpath(top, *parts)
            yield from (module.with_suffix(".py"), module / "__init__.py")


def _imported_names(tree: ast.Module) -> Iterator[str]:
    """Every dotted name that is imported anywhere; of `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
