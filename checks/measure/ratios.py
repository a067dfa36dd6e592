"""What the service's promises cost, each beside what cannot be cheaper: `python -m checks.measure.ratios`.

Both sides of a ratio take turns, so that a machine that slows down slows both; the median turn
counts.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

METRICS = [MetricName(f"metric_{number}") for number in range(20)]
BATCH = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = 100

MAX_DECODE = 3.0
MAX_SAMPLE_BYTES = 32
MAX_IMPORT_MILLISECONDS = 60
MIN_INGEST = 0.6


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


def seconds(run: Callable[[], object]) -> float:
    """What a run takes."""
    began = perf_counter()
    run()
    return perf_counter() - began


def decode_ratio(turns: int = 200) -> float:
    """Decoding and validating a body of 200 samples, in units of `json.loads` of the same body."""
    samples = [
        {
            "metric": sample.metric,
            "value": sample.value,
            "observed_at": sample.observed_at.isoformat().replace("+00:00", "Z"),
        }
        for sample in batches(1)[0]
    ]
    body = json.dumps({"accept": "all", "samples": samples}).encode()
    now = START + timedelta(minutes=1)
    assert len(decode_batch(body, now=now).samples) == BATCH
    return statistics.median(
        seconds(lambda: decode_batch(body, now=now)) / seconds(lambda: json.loads(body)) for _ in range(turns)
    )


def sample_bytes(count: int = 100_000) -> float:
    """Bytes that a retained sample takes in a window of twenty series."""
    times = [START + timedelta(seconds=number) for number in range(count // len(METRICS))]
    tracemalloc.start()
    window = SampleWindow()
    for at in times:
        window.add([Sample(metric, 0.5, at) for metric in METRICS])
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken / len(window)


def import_milliseconds(turns: int = 15) -> float:
    """What importing the package and its whole inside takes, over bare Python."""
    inside = "import service_monitoring.application.monitor, service_monitoring.boundary.batch"

    def start(code: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True))

    return 1_000 * statistics.median(start(inside) - start("pass") for _ in range(turns))


def ingest_ratio(folder: Path, count: int = 300) -> float:
    """Samples a second through the application layer into SQLite, in units of raw inserts of the same rows.

    Raw is one transaction a batch into the same table under the same pragmas.
    """
    work = batches(count)
    rows = [[(s.metric, microseconds(s.observed_at), s.value, 1) for s in batch] for batch in work]
    SqliteDatabase(folder / "raw.db").close()  # makes the tables
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = wal")
    raw.execute("PRAGMA synchronous = full")

    def insert(batch: Sequence[tuple[object, ...]]) -> float:
        began = perf_counter()
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(INSERT_SAMPLES, batch)
        raw.execute("COMMIT")
        return perf_counter() - began

    with closing(raw), closing(open_sqlite(folder / "ours.db")) as store:
        monitor = Monitor("bench", store, SystemClock())

        def ingest(batch: Sequence[Sample]) -> float:
            began = perf_counter()
            monitor.handle(IngestSamples(batch))
            return perf_counter() - began

        turns = zip(work, rows, strict=True)
        return statistics.median(insert(plain) / ingest(batch) for batch, plain in turns)


def copied_entries() -> int:
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
    return sum(
        0 if mine is theirs else len(theirs)
        for mine, theirs in ((policy.rules, twin.rules), (policy.incidents, twin.incidents))
    )


def main() -> int:
    """Print each figure with its limit; the exit status is 1 when one is beyond it."""
    with tempfile.TemporaryDirectory() as folder:
        figures: list[tuple[str, float, str, bool]] = []

        def add(name: str, value: float, limit: float, *, most: bool = True) -> None:
            right = value <= limit if most else value >= limit
            figures.append((name, value, f"at {'most' if most else 'least'} {limit:g}", right))

        add("decode 200 samples, x json.loads", decode_ratio(), MAX_DECODE)
        add("bytes of a retained sample", sample_bytes(), MAX_SAMPLE_BYTES)
        add("import over bare Python, ms", import_milliseconds(), MAX_IMPORT_MILLISECONDS)
        add("durable ingest, x raw SQLite", ingest_ratio(Path(folder)), MIN_INGEST, most=False)
        add("entries copied by a decision that changes none, of 100 rules", copied_entries(), 0)
    width = max(len(name) for name, *_ in figures)
    for name, value, limit, right in figures:
        print(f"{name:<{width}}  {value:>8.2f}  {limit}{'' if right else '  MISSED'}")
    return 0 if all(right for *_, right in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
