"""Evidence files: what was measured, when, on what, how often, and how far it spread."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import log
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "assets" / "evidence"


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        value: The value, or the median of several runs.
        unit: What it counts, in words.
        repeats: Whether the next run on the same Python gives the same value.
        spread: The lower and upper quartile of the runs, where it does not repeat.
        runs: How many runs there were.
    """

    value: float
    unit: str
    repeats: bool = True
    spread: tuple[float, float] | None = None
    runs: int = 1


@dataclass
class Evidence:
    """What one measurement found.

    Attributes:
        figures: Values by name; names may be nested.
        plots: Data of the plots by name, as `checks.site.plots.Plot` says.
        facts: Findings that are no numbers.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    plots: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, runs: int) -> Path:
        """Write the file with where and when it was measured."""
        document = {
            "name": name,
            "command": f"invoke measure {name}",
            "measured": {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
                "python": platform.python_version(),
                "runs": runs,
            },
            **asdict(self),
        }
        FOLDER.mkdir(parents=True, exist_ok=True)
        file = FOLDER / f"{name}.json"
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return file


def paired_ratio(first: Callable[[], object], second: Callable[[], object], pairs: int, unit: str) -> Figure:
    """How many times the first costs what the second costs, in processor time.

    Each pair runs both in turn, so that a machine that slows down slows both; the order alternates.
    """
    ratios = []
    for pair in range(pairs):
        order = (first, second) if pair % 2 else (second, first)
        cost = {run: _processor_seconds(run) for run in order}
        ratios.append(cost[first] / cost[second])
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Figure(round(middle, 3), unit, repeats=False, spread=(round(low, 3), round(high, 3)), runs=pairs)


def growth_exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of cost over size on logarithmic axes: 1 is linear, 2 quadratic."""
    x, y = [log(size) for size in sizes], [log(cost) for cost in costs]
    return round(statistics.linear_regression(x, y).slope, 3)


def _processor_seconds(run: Callable[[], object]) -> float:
    start = process_time()
    run()
    return process_time() - start
