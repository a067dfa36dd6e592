"""What the service's promises cost, each beside what cannot be cheaper: `python -m checks.studies.ratios`.

Both sides of a ratio take turns, so that a machine that slows down slows both; the median turn counts.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from service_monitoring.application.commands import IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.policy import MonitoringPolicy
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity, microseconds
from service_monitoring.domain.window import SampleWindow
from service_monitoring.sources.clock import SystemClock
from service_monitoring.storage.sql import INSERT_SAMPLES
from service_monitoring.storage.sqlite import SqliteDatabase, open_sqlite

from checks.evidence.figures import Evidence, Figure, alone, median_figure, seconds
from checks.evidence.measurement import Measurement, Step
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

METRICS = [MetricName(f"metric_{number}") for number in range(20)]
BATCH = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = 100

BUSY = "from time import monotonic\nend = monotonic() + 60\nwhile monotonic() < end: pass"
LIMITS = {
    "decode a body": ("at most", 3.0),
    "retain a sample": ("at most", 32),
    "import the inside": ("at most", 60),
    "ingest durably": ("at least", 0.6),
    "decide without a change": ("at most", 0),
}
"""What each figure may be; `invoke bench` says which is beyond it."""


def batches(count: int) -> list[list[Sample]]:
    """Batches of 200 samples of twenty metrics, the same on every machine."""
    random = Random(count)  # noqa: S311 - a workload, not a secret
    return [
        [
            Sample(METRICS[place % 20], random.random(), START + timedelta(seconds=10 * number + place // 20))
            for place in range(BATCH)
        ]
        for number in range(count)
    ]


def body_of_a_batch() -> bytes:
    """A request body of 200 samples."""
    samples = [
        {
            "metric": sample.metric,
            "value": sample.value,
            "observed_at": sample.observed_at.isoformat().replace("+00:00", "Z"),
        }
        for sample in batches(1)[0]
    ]
    return json.dumps({"accept": "all", "samples": samples}).encode()


def decoding(turns: int, repeat: int = 1) -> tuple[list[float], list[float]]:
    """Seconds of decoding and validating a body, and the same in units of `json.loads` of that body.

    Args:
        turns: How often both are timed.
        repeat: How many bodies each of them takes between two looks at the clock.
    """
    body, now = body_of_a_batch(), START + timedelta(minutes=1)
    assert len(decode_batch(body, now=now).samples) == BATCH

    def decode() -> None:
        for _ in range(repeat):
            decode_batch(body, now=now)

    def loads() -> None:
        for _ in range(repeat):
            json.loads(body)

    took = [(seconds(decode), seconds(loads)) for _ in range(turns)]
    return [ours for ours, _ in took], [ours / theirs for ours, theirs in took]


def decode_ratio(turns: int = 200) -> Figure:
    """Decoding and validating a body of 200 samples, in units of `json.loads` of the same body."""
    return median_figure(decoding(turns)[1], "x json.loads")


def sample_bytes(count: int = 100_000) -> Figure:
    """Bytes that a retained sample takes in a window of twenty series."""
    times = [START + timedelta(seconds=number) for number in range(count // len(METRICS))]
    with alone():
        tracemalloc.start()
        window = SampleWindow()
        for at in times:
            window.add([Sample(metric, 0.5, at) for metric in METRICS])
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return Figure(round(taken / len(window), 1), "bytes/sample", tolerance=0.01)


def import_milliseconds(turns: int = 15) -> Figure:
    """What importing the package and its whole inside takes, over bare Python."""
    inside = "import service_monitoring.application.monitor, service_monitoring.boundary.batch"

    def start(code: str) -> float:
        # In a process group of its own, so that Ctrl-C is ours to answer.
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True, process_group=0))

    return median_figure([1_000 * (start(inside) - start("pass")) for _ in range(turns)], "ms", digits=1)


def ingest_ratio(folder: Path, count: int = 300) -> Figure:
    """Samples a second through the application layer into SQLite, in units of raw inserts of the same rows.

    Raw is one transaction a batch into the same table under the same pragmas.
    """
    work = batches(count)
    rows = [[(s.metric, microseconds(s.observed_at), s.value, 1) for s in batch] for batch in work]
    SqliteDatabase(folder / "raw.db").close()  # makes the tables
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = wal")
    raw.execute("PRAGMA synchronous = full")

    def insert(batch: Sequence[tuple[object, ...]]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(INSERT_SAMPLES, batch)
        raw.execute("COMMIT")

    with closing(raw), closing(open_sqlite(folder / "ours.db")) as store:
        monitor = Monitor("bench", store, SystemClock())
        ratios = [
            seconds(partial(insert, plain)) / seconds(partial(monitor.handle, IngestSamples(batch)))
            for batch, plain in zip(work, rows, strict=True)
        ]
    return median_figure(ratios, "x raw SQLite")


def noise(turns: int = 100) -> dict[str, dict[str, Figure]]:
    """The same decoding on this machine alone, and with a busy neighbour for each of its processors.

    Twenty bodies at a time, so that the operating system has the time to take the processor away.
    """

    def both() -> dict[str, Figure]:
        clock, ratios = decoding(turns, repeat=20)
        return {
            "clock": median_figure([1_000 * taken for taken in clock], "ms", digits=2),
            "ratio": median_figure(ratios, "x json.loads"),
        }

    alone = both()
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            busy = subprocess.Popen([sys.executable, "-c", BUSY], process_group=0)
            neighbour = stack.enter_context(busy)
            stack.callback(neighbour.kill)
        crowded = both()
    return {"alone": alone, "crowded": crowded}


def copied_entries() -> Figure:
    """How many rules and incidents a decision copies in a policy of 100 rules when it changes nothing."""
    policy, window = MonitoringPolicy("bench"), SampleWindow()
    for number in range(RULES):
        condition = Threshold(Comparison.ABOVE, float(number))
        policy.draft(Rule(f"rule-{number}", METRICS[0], condition, Severity.INFO), START)
        policy.activate(f"rule-{number}", START)
    window.add([Sample(METRICS[0], 50.5, START)])
    policy.evaluate(window, START)
    twin = policy.copy()
    twin.evaluate(window, START + timedelta(seconds=15))
    copied = sum(
        0 if mine is theirs else len(theirs)
        for mine, theirs in ((policy.rules, twin.rules), (policy.incidents, twin.incidents))
    )
    return Figure(copied, f"entries copied of {RULES}", tolerance=0)


def _decode(evidence: Evidence) -> None:
    evidence.figures["decode a body"] = decode_ratio()


def _retained(evidence: Evidence) -> None:
    evidence.figures["retain a sample"] = sample_bytes()


def _import(evidence: Evidence) -> None:
    evidence.figures["import the inside"] = import_milliseconds()


def _ingest(evidence: Evidence) -> None:
    with tempfile.TemporaryDirectory() as folder:
        evidence.figures["ingest durably"] = ingest_ratio(Path(folder))
    evidence.versions["sqlite"] = sqlite3.sqlite_version


def _copied(evidence: Evidence) -> None:
    evidence.figures["decide without a change"] = copied_entries()


def _noise(evidence: Evidence) -> None:
    evidence.figures["noise"] = noise()
    evidence.facts["limits"] = {name: f"{bound} {limit:g}" for name, (bound, limit) in LIMITS.items()}


MEASUREMENT = Measurement(
    (
        Step("decoding a body", _decode),
        Step("bytes of a retained sample", _retained, again=True),
        Step("importing the inside", _import),
        Step("durable ingest", _ingest),
        Step("a decision that changes nothing", _copied, again=True),
        Step("the same with busy neighbours", _noise),
    )
)


def main() -> int:
    """Print each figure with its limit; the exit status is 1 when one is beyond it."""
    with Progress(len(MEASUREMENT.steps), "measured") as progress:
        figures = MEASUREMENT.measure("ratios", progress).figures
    missed = False
    for name, (bound, limit) in LIMITS.items():
        figure: Figure = figures[name]
        right = figure.value <= limit if bound == "at most" else figure.value >= limit
        missed = missed or not right
        verdict = "" if right else "  MISSED"
        print(f"{name:<24}  {figure.value:>8.2f} {figure.unit:<24}  {bound} {limit:g}{verdict}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
