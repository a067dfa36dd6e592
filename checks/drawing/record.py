"""What macros and mkdocstrings drew in the last build, for the check that compares the built pages."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DRAWN: list[str] = []
"""Markdown and HTML."""


def recorded(draw: Callable[..., str]) -> Callable[..., str]:
    """The function, with each of its results kept."""

    @wraps(draw)
    def call(*arguments: object, **keywords: object) -> str:
        DRAWN.append(draw(*arguments, **keywords))
        return DRAWN[-1]

    return call
