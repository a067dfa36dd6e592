"""Blocks that hold data or a change: each goes through its own parser.

A new language is a new row of PARSERS; the first line of its function is its row on the contributing page.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, NoReturn

import yaml

from checks import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from checks.failure import Failure
    from checks.pages.page import Fence


def _json(fence: Fence, _: Path) -> Iterator[Failure]:
    """Parse it; `NaN` and `Infinity` are not JSON."""

    def refuse(constant: str) -> NoReturn:
        message = f"{constant} is not JSON"
        raise json.JSONDecodeError(message, fence.content, fence.content.index(constant))

    try:
        json.loads(fence.content, parse_constant=refuse)
    except json.JSONDecodeError as error:
        yield fence.failure(f"not JSON: {error.msg}", offset=error.lineno)


def _toml(fence: Fence, _: Path) -> Iterator[Failure]:
    """Parse it."""
    try:
        tomllib.loads(fence.content)
    except tomllib.TOMLDecodeError as error:
        # Python 3.14 gives the line as an attribute, earlier ones only in the text.
        position = str(error).rpartition("(at line ")[2].split(",")[0]
        offset = int(position) if position.isdecimal() else len(fence.lines)
        yield fence.failure(f"not TOML: {error}", offset=offset)


def _yaml(fence: Fence, _: Path) -> Iterator[Failure]:
    """Parse it."""
    try:
        list(yaml.safe_load_all(fence.content))
    except yaml.MarkedYAMLError as error:
        offset = error.problem_mark.line + 1 if error.problem_mark else 0
        yield fence.failure(f"not YAML: {error.problem}", offset=offset)


def _diff(fence: Fence, root: Path) -> Iterator[Failure]:
    """Apply it to files of this repository, without keeping the result."""
    applied = child.run(["git", "apply", "--check", "--summary", "-p1", "-"], cwd=root, given=fence.content)
    if not applied.good or " create mode " in applied.output:
        yield fence.failure("this diff does not apply to files of the repository", applied.output)


PARSERS: dict[str, Callable[[Fence, Path], Iterator[Failure]]] = {
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
    "diff": _diff,
}
