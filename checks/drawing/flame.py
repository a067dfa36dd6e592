"""Flame graphs of evidence: an icicle, its root on top, each box as wide as what was counted inside it.

The drawing is as wide as its column, and its text does not shrink with it: places and widths are parts of the
whole, heights and letters are fixed. A name that is longer than its box is cut off at the edge; the tooltip
has it whole, and the table has the widest boxes. The stronger a box's colour, the more of the count is not in
a box below it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal, NamedTuple, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = 22
LETTERS = 12
SHORTEST_NAMED = 0.04  # of the whole width: one letter on a phone
NARROWEST_IN_TABLE = 0.05
MARKED = str.maketrans({"_": "&#95;", "*": "&#42;"})  # what Markdown would take for emphasis
FAINT, STRONG = 0.12, 0.4  # text stays readable on both


class Frame(TypedDict):
    """A function with what it calls.

    Attributes:
        name: The function.
        value: What was counted in it and in all that it calls.
        children: What it calls.
    """

    name: str
    value: float
    children: NotRequired[list[Frame]]


class Flame(TypedDict):
    """A flame graph as an evidence file holds it."""

    title: str
    description: str
    kind: Literal["flame"]
    unit: str
    root: Frame


class Box(NamedTuple):
    """A frame with its place.

    Attributes:
        name: The function.
        caller: Who calls it; empty for the root.
        depth: How many calls below the root.
        left: Where it begins, as a part of the whole width.
        value: What was counted.
        own: What of this was not counted in a child: its own, and that of children that were left out.
    """

    name: str
    caller: str
    depth: int
    left: float
    value: float
    own: float


def boxes(root: Frame) -> list[Box]:
    """Every frame, callers before what they call.

    Raises:
        ValueError: A frame counts less than its children, or the root nothing.
    """
    if root["value"] <= 0:
        raise ValueError(f"{root['name']}: a flame graph needs a count, not {root['value']}")
    return list(_boxes(root, "", 0, 0.0, root["value"]))


def draw(identity: str, flame: Flame) -> str:
    """The flame graph as an SVG element without fixed colours, fonts or width."""
    drawn = boxes(flame["root"])
    whole = flame["root"]["value"]
    height = ROW * (1 + max(box.depth for box in drawn))
    busiest = max(box.own for box in drawn)
    inner = "".join(_box(box, whole, busiest, flame["unit"]) for box in drawn)
    return (
        f'<svg role="img" aria-labelledby="{identity}-title {identity}-desc" width="100%" height="{height}" '
        f'style="height: {height}px">'
        f'<title id="{identity}-title">{escape(flame["title"])}</title>'
        f'<desc id="{identity}-desc">{escape(flame["description"])}</desc>{inner}</svg>'
    )


def table(flame: Flame) -> str:
    """A row for each wide box."""
    labels = ("function", "called by", f"{flame['unit']}, with everything below")
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    whole = flame["root"]["value"]
    body = "".join(
        f'<tr><th scope="row">{_plain(box.name)}</th><td>{_plain(box.caller)}</td><td>{box.value:,}</td></tr>'
        for box in boxes(flame["root"])
        if box.value >= NARROWEST_IN_TABLE * whole
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _plain(text: str) -> str:
    return escape(text).translate(MARKED)


def _boxes(frame: Frame, caller: str, depth: int, left: float, whole: float) -> Iterator[Box]:
    children = frame.get("children", [])
    own = frame["value"] - sum(child["value"] for child in children)
    if own < 0:
        raise ValueError(f"{frame['name']}: counts {frame['value']:,}, and what it calls {-own:,} more")
    yield Box(frame["name"], caller, depth, left, frame["value"], own)
    for child in children:
        yield from _boxes(child, frame["name"], depth + 1, left, whole)
        left += child["value"] / whole


def _box(box: Box, whole: float, busiest: float, unit: str) -> str:
    share = box.value / whole
    width, height = f"{share:.3%}", ROW - 1
    opacity = FAINT + (STRONG - FAINT) * box.own / busiest
    says = f"{box.name}: {box.value:,} {unit}, {share:.1%} of all, {box.own:,} not in a box below"
    name = f'<text x="4" y="15" font-size="{LETTERS}" fill="currentColor">{_plain(box.name)}</text>'
    # The style repeats what the attributes say: the page's style sheet has rules for every svg.
    return (
        f'<svg x="{box.left:.3%}" y="{ROW * box.depth}" width="{width}" height="{height}" '
        f'style="height: {height}px; overflow: hidden; width: {width}"><title>{_plain(says)}</title>'
        f'<rect width="100%" height="100%" fill="var(--plot-1)" fill-opacity="{opacity:.2f}" '
        f'stroke="var(--plot-1)" stroke-opacity="{STRONG}"/>{name if share >= SHORTEST_NAMED else ""}</svg>'
    )
