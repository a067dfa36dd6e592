"""Plots are whole SVG that takes its colours from the page, says what it shows, and is the same each time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from checks.drawing import flame, plots

if TYPE_CHECKING:
    from pathlib import Path

BARS: plots.Plot = {
    "title": "Bytes & blocks",
    "description": "Two bars: a < b.",
    "kind": "bar",
    "x_label": "representation",
    "y_label": "bytes",
    "series": {"bytes": {"x": ["a", "b"], "y": [16.9, 128.3]}},
}
LINES: plots.Plot = {
    "title": "Latency by batch size",
    "description": "Two lines with quartiles.",
    "kind": "line",
    "scale": "log",
    "x_label": "samples in a batch",
    "y_label": "ms",
    "series": {
        "memory": {"x": [1, 10, 100], "y": [1.0, 2.0, 4.0], "low": [0.9, 1.8, 3.5], "high": [1.2, 2.5, 6.0]},
        "sqlite": {"x": [1, 10, 100], "y": [2.0, 3.0, 7.0]},
    },
}
FLAME: flame.Flame = {
    "title": "Calls of a replay",
    "description": "Half of the calls decode.",
    "kind": "flame",
    "unit": "calls",
    "root": {
        "name": "replay",
        "value": 1_000,
        "children": [
            {"name": "read_trace", "value": 600, "children": [{"name": "<genexpr>", "value": 500}]},
            {"name": "decide", "value": 300},
            {"name": "tell", "value": 10},
        ],
    },
}
ALL: list[Any] = [BARS, LINES, FLAME]


def drawn(plot: Any, folder: Path) -> str:  # noqa: ANN401 - of either kind
    """The SVG of a plot's figure."""
    found = re.search(r"<svg.*</svg>", plots.figure("name-key", plot, folder), re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize("plot", ALL, ids=lambda plot: plot["kind"])
def test_a_plot_is_whole_and_says_what_it_shows(plot: Any, tmp_path: Path) -> None:  # noqa: ANN401 - of either kind
    """Well-formed, with a title and a description that it names itself; in one piece for Markdown."""
    svg = drawn(plot, tmp_path)
    root = ET.fromstring(svg.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1))  # noqa: S314 - ours
    texts = {child.attrib["id"]: child.text for child in root if child.tag in ("title", "desc")}
    assert texts == {"name-key-title": plot["title"], "name-key-desc": plot["description"]}
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == list(texts)
    assert "\n" not in svg


@pytest.mark.parametrize("plot", ALL, ids=lambda plot: plot["kind"])
def test_a_plot_has_no_colour_of_its_own(plot: Any, tmp_path: Path) -> None:  # noqa: ANN401 - of either kind
    """Every fill and stroke is the text's colour, one of the page's or none."""
    svg = drawn(plot, tmp_path)
    used = set(re.findall(r"(?:fill|stroke)(?:: ?|=\")([^;\"]+)", svg))
    assert used - {"none", "currentColor"}
    assert all(re.fullmatch(r"none|currentColor|var\(--plot-(?:grid|\d)\)", colour) for colour in used), used
    svg = re.sub(r"url\(#\w+\)|href=\"#\w+\"", "", svg)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(", svg)
    texts = re.findall(r"<text [^>]*>", svg)
    assert texts
    assert all("currentColor" in text for text in texts)


@pytest.mark.parametrize("plot", ALL, ids=lambda plot: plot["kind"])
def test_a_plot_is_the_same_bytes_each_time(plot: Any, tmp_path: Path) -> None:  # noqa: ANN401 - of either kind
    """Drawn twice from the same data; so a page does not change when its evidence does not."""
    assert drawn(plot, tmp_path / "once") == drawn(plot, tmp_path / "again")


def test_two_plots_of_a_page_share_no_id(tmp_path: Path) -> None:
    """What one of them refers to is not found in the other."""
    first = set(re.findall(r' id="([^"]*)"', plots.figure("page-first", LINES, tmp_path)))
    second = set(re.findall(r' id="([^"]*)"', plots.figure("page-second", LINES, tmp_path)))
    assert not first & second


def test_quartiles_are_drawn_and_stand_in_the_table() -> None:
    """Whiskers for the series that has them, and its numbers for who does not see them."""
    bare: Any = LINES | {"series": {name: {"x": s["x"], "y": s["y"]} for name, s in LINES["series"].items()}}
    assert len(plots.draw("name-key", LINES)) > len(plots.draw("name-key", bare))
    assert "<td>2 (1.8 to 2.5)</td><td>3</td>" in plots.table(LINES)


def test_a_flame_graph_is_as_wide_as_what_was_counted() -> None:
    """Each box below its caller, beside its siblings, and named whole in a tooltip."""
    assert [box._replace(left=round(box.left, 6)) for box in flame.boxes(FLAME["root"])] == [
        flame.Box("replay", "", 0, 0.0, 1_000, 90),
        flame.Box("read_trace", "replay", 1, 0.0, 600, 100),
        flame.Box("<genexpr>", "read_trace", 2, 0.0, 500, 500),
        flame.Box("decide", "replay", 1, 0.6, 300, 300),
        flame.Box("tell", "replay", 1, 0.9, 10, 10),
    ]
    svg = flame.draw("name-key", FLAME)
    assert '<svg x="60.000%" y="22" width="30.000%"' in svg
    assert "<title>decide: 300 calls, 30.0% of all, 300 not in a box below</title>" in svg
    assert '<th scope="row">&lt;genexpr&gt;</th><td>read&#95;trace</td><td>500</td>' in flame.table(FLAME)


def test_the_table_of_a_flame_graph_has_the_boxes_that_are_wide() -> None:
    """A box below a twentieth of the width has a tooltip only; and Markdown finds nothing to emphasize."""
    assert ">tell<" not in flame.table(FLAME)
    both = flame.draw("name-key", FLAME) + flame.table(FLAME)
    assert "read&#95;trace" in both
    assert "read_trace" not in both


def test_a_flame_graph_cuts_a_name_at_the_edge_of_its_box() -> None:
    """Text is clipped by a box of its own, and a sliver has none; letters do not shrink with the page."""
    svg = flame.draw("name-key", FLAME)
    inner = re.findall(r'<svg x="[^>]*>', svg)
    assert len(inner) == 5
    assert all("overflow: hidden" in box for box in inner)
    assert ">tell</text>" not in svg
    assert "tell: 10 calls" in svg
    assert "viewBox" not in svg


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ({"name": "f", "value": 0}, "f: a flame graph needs a count, not 0"),
        (
            {"name": "f", "value": 5, "children": [{"name": "g", "value": 7}]},
            "f: counts 5, and what it calls 2 more",
        ),
    ],
)
def test_a_flame_graph_that_can_not_be_drawn_is_refused(root: flame.Frame, message: str) -> None:
    """Boxes would be wider than their callers."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        flame.boxes(root)
