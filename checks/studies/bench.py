"""Replay up to a million samples and print what that costs: `python -m checks.studies.bench`.

Twenty metrics, one sample a second each, a hundred active rules of all four kinds, decided every fifteen
seconds of trace time. Twenty of the rules open an incident at once and keep it open; the others are asked and
stay silent, so that what grows, if anything does, grows with the samples and not with incidents, which have
bounds of their own.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from time import process_time
from typing import TYPE_CHECKING

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock, replay
from service_monitoring.boundary.codec import encode_sample
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.sources.trace import TraceWriter, read_trace
from service_monitoring.storage.memory import MemoryStore

from checks.evidence.figures import growth_exponent
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIZES = (250_000, 500_000, 1_000_000)
METRICS = [MetricName(f"metric_{number}") for number in range(20)]
CONDITIONS: list[Condition] = [
    Threshold(Comparison.AT_LEAST, 0.0),  # always so
    Threshold(Comparison.ABOVE, 1.0),
    ConsecutiveBreaches(Comparison.ABOVE, 1.0, 30),
    RateOfChange(Comparison.ABOVE, 1.0, timedelta(minutes=2)),
    Absence(),
]
START = datetime(2026, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
CHUNK = 10_000
MAX_RATIO = 4.0
MAX_EXPONENT = 1.05


def main() -> int:
    """Print the three figures, each with its limit."""
    ratios, peaks = [], []
    with tempfile.TemporaryDirectory() as folder, Progress(len(SIZES), "replayed") as progress:
        for size in SIZES:
            progress.begin(f"{size:,} samples")
            trace = Path(folder) / f"{size}.jsonl"
            write(trace, size)
            ratios.append(ratio_to_loads(trace))
            tracemalloc.start()
            decide(read_trace(trace))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            progress.step(f"{size:,} samples")
    print(f"{'samples':>10}  {'x json.loads':>12}  {'peak, bytes':>12}")
    for size, ratio, peak in zip(SIZES, ratios, peaks, strict=True):
        print(f"{size:>10,}  {ratio:>12.2f}  {peak:>12,}")
    # json.loads is linear in its lines, so the time in its units grows as the time itself.
    exponent = growth_exponent(SIZES, [size * ratio for size, ratio in zip(SIZES, ratios, strict=True)])
    growth, more = peaks[-1] / peaks[0], SIZES[-1] // SIZES[0]
    print(f"decoding, validating and deciding: {ratios[-1]:.2f} times json.loads (limit {MAX_RATIO:.0f})")
    print(f"peak memory: {growth:.3f} times as high for {more} times the samples (limit: flat)")
    print(f"growth exponent of time: {exponent:.3f} (limit {MAX_EXPONENT})")
    return 0


def ratio_to_loads(trace: Path) -> float:
    """What the whole service takes, in units of what `json.loads` alone takes for the same lines.

    Both take turns, ten thousand lines each, so that a machine that slows down slows both.
    """
    alone = 0.0

    def in_turn() -> Iterator[Sample]:
        nonlocal alone
        samples = read_trace(trace)
        with trace.open("rb") as lines:
            next(lines)  # the header
            while chunk := list(islice(lines, CHUNK)):
                start = process_time()
                for line in chunk:
                    json.loads(line)
                alone += process_time() - start
                yield from islice(samples, len(chunk))

    start = process_time()
    decide(in_turn())
    return (process_time() - start - alone) / alone


def write(trace: Path, size: int) -> None:
    """A trace of random values between 0 and 1, the same on every machine."""
    random = Random(size)  # noqa: S311 - a workload, not a secret
    with trace.open("wb") as file:
        TraceWriter(file, interval_seconds=1, about={})
        for tick in range(size // len(METRICS)):
            at = START + timedelta(seconds=tick)
            file.writelines(
                encode_sample(Sample(metric, round(random.random(), 4), at)) + b"\n" for metric in METRICS
            )


def decide(samples: Iterable[Sample]) -> None:
    """The whole service over the samples."""
    clock = TraceClock()
    monitor = Monitor("bench", MemoryStore(), clock)
    rules = [
        Rule(f"rule-{kind}-{number}", metric, condition, Severity.WARNING)
        for number, metric in enumerate(METRICS)
        for kind, condition in enumerate(CONDITIONS)
    ]
    monitor.begin(timedelta(minutes=5), rules)
    replay(monitor, samples, interval=INTERVAL, clock=clock)


if __name__ == "__main__":
    sys.exit(main())
