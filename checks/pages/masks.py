"""Comparing what a block shows with what happened, where a mask stands for what differs each time.

A mask is `…` and a name. The title of the block says what it may be: a range, a time, a path, or a regular
expression. It stands for a part of one line, and never for an exit status.
"""

from __future__ import annotations

import re
from difflib import unified_diff
from itertools import repeat, zip_longest
from math import inf
from typing import TYPE_CHECKING

from checks.failure import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.failure import Failure
    from checks.pages.page import Fence

SHOWN_LINES = 40
MASK = "…"
USED = re.compile(rf"{MASK}([a-z]*)")
STATUS = re.compile(r"^\(exit status \d+\)$")
NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?"
RANGE = re.compile(rf"({NUMBER}) to ({NUMBER})(\D*)")
DATE_AND_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?"
CTIME = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
NAMED = {"a path": r"(?:/[\w.@+~-]+)+", "a date and time": f"(?:{DATE_AND_TIME}|{CTIME})"}
NAMED |= {"a version": r"\d+(?:\.\d+)+", "a commit or none": r"(?:[0-9a-f]{40}(?:\+changes)?|none)"}
EXAMPLE = f"({MASK}seconds = 0.1 to 60 s)"
KINDS = f"a range (0.1 to 60 s), {', '.join(NAMED)}, or a regular expression (/[0-9a-f]+/)"
# A pattern that matches one of these, or holds one of those, may hide anything.
HOSTILE = ("", "Ω", *(("(exit status 7)\nAny other text " * 9)[:length] for length in range(1, 200)))
ANYTHING = re.compile(r"(?<!\\)(?:\.|\[\^|\\[SDW])")


Bounds = tuple[str, float, float]
"""What a mask may be: the pattern that it matches and, where that begins with a number, its range."""


def bounds(what: str) -> Bounds:
    """Read what a title says that a mask may be.

    Raises:
        ValueError: It is none of the kinds, or may be any text.
        re.error: It is no regular expression.
    """
    if what in NAMED:
        return NAMED[what], -inf, inf
    if (found := RANGE.fullmatch(what)) and _number(found[1]) < _number(found[2]):
        return NUMBER + re.escape(found[3]), _number(found[1]), _number(found[2])
    if not re.fullmatch("/.+/", what):
        raise ValueError(f"{what!r} has no bounds: write {KINDS}")
    pattern = re.compile(f"(?:{what[1:-1]})", re.ASCII)
    if pattern.groups or ANYTHING.search(what) or any(map(pattern.fullmatch, HOSTILE)):
        raise ValueError(f"{what} may be any text, or has a group: list what may stand here, as /a|b/ does")
    return pattern.pattern, -inf, inf


def _number(text: str) -> float:
    found = re.match(NUMBER, text)
    return float(found[0].replace(",", "")) if found else 0


def masks_of(title: str) -> tuple[dict[str, Bounds], list[str]]:
    """The masks that a title declares, by name, and what is wrong with it."""
    masks: dict[str, Bounds] = {}
    wrong = []
    parts = title.partition(f"({MASK}")[2].removesuffix(")").split(f", {MASK}") if MASK in title else []
    for name, _, what in (part.partition(" = ") for part in parts):
        try:
            masks[name] = bounds(what)
        except (ValueError, re.error) as error:
            wrong.append(f"{MASK}{name}: {error}")
    if not wrong and title.count(MASK) != len(masks.keys() - {""}):
        wrong.append(f"each mask of the title needs a name of its own: write it like {EXAMPLE}")
    return masks, wrong


def problems(fence: Fence) -> Iterator[Failure]:
    """What is wrong with the masks of an Output or console block."""
    masks, wrong = masks_of(fence.title)
    yield from map(fence.failure, wrong)
    used = {name: offset for offset, line in enumerate(fence.lines, 1) for name in USED.findall(line)}
    for name in [] if wrong else sorted(masks.keys() ^ used.keys()):
        what = "is in no line" if name in masks else "is not in the title, with what it may be"
        yield fence.failure(f"the mask {MASK}{name} {what}: write {EXAMPLE}", offset=used.get(name, 0))


def fits(shown: str, actual: str, masks: Mapping[str, Bounds]) -> bool:
    """Whether a line is what is shown, each mask within its bounds."""
    names = USED.findall(shown)
    if not names or not set(names) <= masks.keys() or STATUS.fullmatch(actual):
        return shown == actual
    pattern = USED.sub(lambda use: f"({masks[use[1]][0]})", re.escape(shown))
    found = re.fullmatch(pattern, actual, re.ASCII)
    texts = zip(names, found.groups() if found else (), strict=False)
    return bool(found) and all(masks[name][1] <= _number(text) <= masks[name][2] for name, text in texts)


def matches(shown: list[str], actual: list[str], masks: Mapping[str, Bounds]) -> bool:
    """Whether the shown lines are what happened, line by line."""
    shown, actual = _trim(shown), _trim(actual)
    return len(shown) == len(actual) and all(map(fits, shown, actual, repeat(masks)))


def renewed(shown: list[str], actual: list[str], masks: Mapping[str, Bounds]) -> list[str]:
    """The actual lines; a shown line with masks stays where it still fits."""
    if matches(shown, actual, masks):
        return _trim(shown)
    masked, lines = [line for line in _trim(shown) if MASK in line], []
    for line in _trim(actual):
        lines.append(next((kept for kept in masked if fits(kept, line, masks)), line))
        masked = [kept for kept in masked if kept is not lines[-1]]
    return lines


def difference(shown: list[str], true_lines: list[str]) -> str:
    """A small unified diff from what the page shows to what happened."""
    diff = list(unified_diff(_trim(shown), true_lines, "shown", "actual", lineterm="", n=1))
    return "\n".join(shortened(diff, SHOWN_LINES))


def first_difference(shown: list[str], true_lines: list[str]) -> int:
    """The index of the first shown line that is not what happened."""
    pairs = enumerate(zip_longest(_trim(shown), true_lines))
    return next((index for index, (left, right) in pairs if left != right), 0)


def _trim(lines: list[str]) -> list[str]:
    text = "\n".join(line.rstrip(" \t") for line in lines).rstrip("\n")
    return text.split("\n") if text else []
