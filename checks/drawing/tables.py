"""Markdown tables, as macros write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table; in its head `name:` stands above a column of numbers, `:name:` above one that is centred."""
    rule = (":-:" if name.startswith(":") else "---:" if name.endswith(":") else "---" for name in head)
    lines = ([name.strip(":") for name in head], rule, *rows)
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
