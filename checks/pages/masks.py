"""Comparing what a block shows with what happened, where `…` stands for what cannot repeat."""

from __future__ import annotations

import re
from difflib import unified_diff
from operator import itemgetter

from checks.failure import shortened
from checks.pages.page import MASK

SHOWN_LINES = 40


def renewed(shown: list[str], actual: list[str]) -> list[str]:
    """The actual lines, with every shown line kept whose masks still match.

    A line that is only the mask stands for any number of lines.
    """
    shown, actual = _trim(shown), _trim(actual)
    if shown == actual:
        return shown
    steps = _best_steps(shown, actual)
    merged = []
    i = j = 0
    while (i, j) != (len(shown), len(actual)):
        step = steps[i][j]
        if step in {"keep", "match"}:
            merged.append(shown[i])
        elif step == "add":
            merged.append(actual[j])
        i += step in {"keep", "match", "drop"}
        j += step in {"absorb", "match", "add"}
    return merged


def matches(shown: list[str], actual: list[str]) -> bool:
    """Whether the shown lines, masks and all, are what happened."""
    return renewed(shown, actual) == renewed(shown, shown)


def _best_steps(shown: list[str], actual: list[str]) -> list[list[str]]:
    """For every pair of places, the first step of the alignment that keeps most shown lines."""
    patterns = [_pattern(line) for line in shown]
    score = [[0] * (len(actual) + 1) for _ in range(len(shown) + 1)]
    steps = [[""] * (len(actual) + 1) for _ in range(len(shown) + 1)]
    for i in reversed(range(len(shown) + 1)):
        for j in reversed(range(len(actual) + 1)):
            options = []
            if i < len(shown):
                if shown[i].strip() == MASK:
                    options.append((score[i + 1][j], "keep"))
                    if j < len(actual):
                        options.append((score[i][j + 1], "absorb"))
                elif j < len(actual) and patterns[i].fullmatch(actual[j]):
                    options.append((score[i + 1][j + 1] + 2, "match"))
                options.append((score[i + 1][j] - 1, "drop"))
            if j < len(actual):
                options.append((score[i][j + 1] - 1, "add"))
            if options:
                score[i][j], steps[i][j] = max(options, key=itemgetter(0))
    return steps


def difference(shown: list[str], merged: list[str]) -> str:
    """A small unified diff from what the page shows to what happened."""
    diff = list(unified_diff(_trim(shown), merged, "shown", "actual", lineterm="", n=1))
    return "\n".join(shortened(diff, SHOWN_LINES))


def first_difference(shown: list[str], merged: list[str]) -> int:
    """The index of the first shown line that is not what happened."""
    pairs = enumerate(zip(_trim(shown), merged, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(shown), len(merged)))


def _trim(lines: list[str]) -> list[str]:
    trimmed = [line.rstrip() for line in lines]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return trimmed


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in line.split(MASK)))
