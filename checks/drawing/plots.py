"""Plots of evidence as inline SVG that takes its colours from the page, light or dark."""

from __future__ import annotations

import hashlib
import io
import json
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from checks.drawing import flame
from checks.memory import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from checks.drawing.flame import Flame

INK = "#010203"
GRID = "#040506"
SERIES = ("#070801", "#070802", "#070803", "#070804")
# Matplotlib draws in stand-in colours; the page's style sheet decides what they become.
COLOURS = {INK: "currentColor", GRID: "var(--plot-grid)"} | {
    colour: f"var(--plot-{number})" for number, colour in enumerate(SERIES, 1)
}
STYLE = Path(__file__).with_suffix(".mplstyle")
VERSION = 2


class Series(TypedDict):
    """One line, or one set of bars; a line may carry the quartiles of each of its points."""

    x: list[float | str]
    y: list[float]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]


class Plot(TypedDict):
    """A plot as an evidence file holds it."""

    title: str
    description: str
    kind: Literal["bar", "line"]
    x_label: str
    y_label: str
    scale: NotRequired[str]
    series: dict[str, Series]


def figure(identity: str, plot: Plot | Flame, cache: Path) -> str:
    """The plot and its data as one HTML figure; drawn again only when its data changes."""
    if plot["kind"] == "flame":
        svg, data = flame.draw(identity, plot), flame.table(plot)
    else:
        svg, data = _drawn(identity, plot, cache), table(plot)
    return (
        f'<figure class="plot">{svg}<figcaption>{escape(plot["title"])}</figcaption>'
        f"<details><summary>The plotted data</summary>{data}</details></figure>"
    )


def _drawn(identity: str, plot: Plot, cache: Path) -> str:
    key = json.dumps([VERSION, identity, plot], sort_keys=True).encode()
    file = cache / f"{identity}-{hashlib.sha256(key).hexdigest()[:16]}.svg"
    if not file.is_file():
        write_whole(file, draw(identity, plot))
    return file.read_text(encoding="utf-8")


def draw(identity: str, plot: Plot) -> str:
    """The plot as an SVG element without fixed colours, fonts or size."""
    from matplotlib import style  # noqa: PLC0415 - only needed when no cached plot fits
    from matplotlib.figure import Figure  # noqa: PLC0415

    with style.context([STYLE, {"svg.hashsalt": identity}]):
        drawing = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = drawing.add_subplot()
        if plot["kind"] == "bar":
            _bars(axes, plot)
        else:
            _lines(axes, plot)
        if _legend(plot):
            axes.legend(frameon=False)
        buffer = io.StringIO()
        drawing.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'font: ([\d.]+)px [^;"]*', r"font-size: \1px", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"|(<svg[^>]*?) height="[^"]*"', r"\1\2", svg)
    svg = re.sub(r'\s+(?:xmlns|xmlns:xlink|version)="[^"]*"', "", svg)
    # Matplotlib names its parts alike in each plot, and a page may have two: only names in use stay.
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if f"#{found[1]}" in svg else "", svg)
    for colour, replacement in COLOURS.items():
        svg = svg.replace(colour, replacement)
    # A blank line would end the HTML block in Markdown.
    svg = re.sub(r"\s*\n\s*", " ", svg)
    texts = (
        f'<title id="{identity}-title">{escape(plot["title"])}</title>'
        f'<desc id="{identity}-desc">{escape(plot["description"])}</desc>'
    )
    role = f'<svg role="img" aria-labelledby="{identity}-title {identity}-desc"'
    return svg.replace("<svg", role, 1).replace(">", f">{texts}", 1).strip()


def table(plot: Plot) -> str:
    """The plotted data, a row for each point."""
    head = "".join(
        f'<th scope="col">{escape(label)}</th>'
        for label in (plot["x_label"], *(_legend(plot) or [plot["y_label"]]))
    )
    rows: dict[Any, dict[str, str]] = {}
    for name, series in plot["series"].items():
        for place, (x, y) in enumerate(zip(series["x"], series["y"], strict=True)):
            spread = ""
            if "low" in series:
                spread = f" ({_number(series['low'][place])} to {_number(series['high'][place])})"
            rows.setdefault(x, {})[name] = _number(y) + spread
    body = "".join(
        f'<tr><th scope="row">{escape(_number(x))}</th>'
        + "".join(f"<td>{row.get(name, '')}</td>" for name in plot["series"])
        + "</tr>"
        for x, row in rows.items()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _legend(plot: Plot) -> list[str]:
    return list(plot["series"]) if len(plot["series"]) > 1 else []


def _bars(axes: Axes, plot: Plot) -> None:
    # Horizontal, so that long names stay readable; the first one on top.
    count = len(plot["series"])
    thickness = 0.7 / count
    for index, (name, series) in enumerate(plot["series"].items()):
        middles = [row + (index - (count - 1) / 2) * thickness for row in range(len(series["x"]))]
        bars = axes.barh(middles, series["y"], thickness, color=SERIES[index], label=name)
        axes.bar_label(bars, [_number(y) for y in series["y"]], padding=3)
        axes.set_yticks(range(len(series["x"])), [str(x) for x in series["x"]])
    axes.invert_yaxis()
    axes.set_xlabel(plot["y_label"])
    axes.set_xscale(plot.get("scale", "linear"))
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)


def _lines(axes: Axes, plot: Plot) -> None:
    for index, (name, series) in enumerate(plot["series"].items()):
        spread = _whiskers(series)
        axes.errorbar(series["x"], series["y"], spread, color=SERIES[index], label=name)
    axes.set_xlabel(plot["x_label"])
    axes.set_ylabel(plot["y_label"])
    axes.set_xscale(plot.get("scale", "linear"))
    axes.set_yscale(plot.get("scale", "linear"))


def _whiskers(series: Series) -> list[list[float]] | None:
    """How far the quartiles lie below and above each point."""
    if "low" not in series:
        return None
    points = list(zip(series["y"], series["low"], series["high"], strict=True))
    return [[y - low for y, low, _ in points], [high - y for y, _, high in points]]


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
