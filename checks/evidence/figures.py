"""Evidence files: what was measured, when, on what, how often, and how far it spread."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from math import log
from time import perf_counter, process_time, sleep
from typing import TYPE_CHECKING, Any

from checks.memory import ROOT, digest, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FOLDER = ROOT / "docs" / "assets" / "evidence"
PACKAGE = "capstone/src/service_monitoring"
UNDISTURBED_S = 10


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        value: The value, or the median of several runs.
        unit: What it counts, in words.
        repeats: Whether the next run on the same Python gives the same value.
        spread: The lower and upper quartile of the runs, where it does not repeat.
        runs: How many runs there were.
        tolerance: How far, as a part of the value, it may be off when each check measures it again; None
            for what no check measures again.
        follows_from: The other figures that it follows from, which each check measures again instead.
        tested_by: The test of the capstone, as FILE::TEST, that asks for this value in a smaller run.
    """

    value: float
    unit: str
    repeats: bool = True
    spread: tuple[float, float] | None = None
    runs: int = 1
    tolerance: float | None = None
    follows_from: str = ""
    tested_by: str = ""


@dataclass
class Evidence:
    """What one measurement found.

    Attributes:
        figures: Values by name; names may be nested.
        plots: Data of the plots by name, as `checks.drawing.plots.Plot` says.
        facts: Findings that are no numbers.
        versions: Versions of what the figures depend on besides Python.
        reads: The folders of the repository that were measured.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    plots: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] = (PACKAGE,)

    def write(self, name: str, seconds: float, folder: Path = FOLDER) -> Path:
        """Write the file, whole or not at all, with where and when it was measured and how long that took."""
        document = {
            "name": name,
            "command": f"invoke measure {name}",
            "measured": {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
                "python": platform.python_version(),
                "versions": self.versions,
                "reads": self.reads,
                "code": code_digest(ROOT, self.reads),
                "runs": max(figure.runs for _, figure in flat(self.figures)),
                "seconds": round(seconds, 1),
            },
            "figures": self.figures,
            "plots": self.plots,
            "facts": self.facts,
        }
        file = folder / f"{name}.json"
        write_whole(file, json.dumps(document, indent=1, default=asdict) + "\n")
        return file


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Figure]]:
    """Each figure with its dotted name, whether measured now or read from a file."""
    for key, value in figures.items():
        if isinstance(value, Figure):
            yield prefix + key, value
        elif "unit" in value:
            yield prefix + key, Figure(**value)
        else:
            yield from flat(value, f"{prefix}{key}.")


def nested(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a file as measurements have them."""
    return {key: (Figure(**value) if "unit" in value else nested(value)) for key, value in figures.items()}


def code_digest(root: Path, reads: Sequence[str]) -> str:
    """Changes whenever a file below one of these folders of a repository changes."""
    base = root / os.path.commonpath(reads)
    files = (file for folder in reads for file in (root / folder).rglob("*"))
    names = (file.relative_to(base).as_posix() for file in files if file.is_file() and file.suffix != ".pyc")
    return digest(base, names)[:16]


def versions(*distributions: str) -> dict[str, str]:
    """The installed versions of these."""
    return {name: version(name) for name in distributions}


def median_figure(values: Sequence[float], unit: str, digits: int = 3) -> Figure:
    """The median of what does not repeat, with its quartiles."""
    low, median, high = (round(value, digits) for value in statistics.quantiles(values, n=4))
    return Figure(median, unit, repeats=False, spread=(low, high), runs=len(values))


def paired_ratio(first: Callable[[], object], second: Callable[[], object], pairs: int, unit: str) -> Figure:
    """How many times the first costs what the second costs, in processor time.

    Each pair runs both in turn, so that a machine that slows down slows both; the order alternates.
    """
    ratios = []
    for pair in range(pairs):
        order = (first, second) if pair % 2 else (second, first)
        cost = {run: processor_seconds(run) for run in order}
        ratios.append(cost[first] / cost[second])
    return median_figure(ratios, unit)


def growth_exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of cost over size on logarithmic axes: 1 is linear, 2 quadratic."""
    x, y = [log(size) for size in sizes], [log(cost) for cost in costs]
    return round(statistics.linear_regression(x, y).slope, 3)


@contextmanager
def alone() -> Iterator[None]:
    """No other thread of this process runs meanwhile, so that its blocks are not counted."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(UNDISTURBED_S)
    sleep(0)  # for a thread that has waited since before
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def processor_seconds(run: Callable[[], object]) -> float:
    """What a run takes of the processor's time, without the time that it waits."""
    began = process_time()
    run()
    return process_time() - began


def seconds(run: Callable[[], object]) -> float:
    """What a run takes by the clock on the wall."""
    began = perf_counter()
    run()
    return perf_counter() - began
