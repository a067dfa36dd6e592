"""What caching, batching and lazy work cost and move; for the lesson on them."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from service_monitoring.application.commands import CreatePolicy, Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.domain.events import IncidentOpened, IncidentResolved
from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.sql import SqlStore
from service_monitoring.storage.sqlite import SqliteDatabase, open_sqlite

from checks.evidence.figures import (
    Evidence,
    Figure,
    median_figure,
    paired_ratio,
    processor_seconds,
    seconds,
)
from checks.evidence.measurement import Measurement, Step
from checks.studies.profiling import LOOKBACK, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FIRST = datetime(2026, 11, 23, 8, 58, 30, tzinfo=UTC)  # the first decision about the trace
METRICS = 7  # read at a time, once a second
BUFFERED = range(1, 21)
SHAPES = (1, 10, 100, 1_000)
SHAPED = 1_000
HELD = 300  # seconds: the retention of the shipped policy
MOVES_PAGES = 0.1  # a release of SQLite may lay out its trees otherwise
SIZES = (1, 7, 35, 105, 350, 1_050, 3_500)
REQUESTS = 25
WARM_UP = 3
RULES = (1, 6, 50, 200)
PAIRS = 25
LOOKS = 20
BAD = 0.001  # the share of samples that are not finite
GROUPS = (7, 105, 525)
SEEDS = range(1, 21)
PARTS = ("waiting", "storing", "decoding")
PER_SAMPLE = "µs/sample"
_LINE = b'{"metric":"metric_%d","value":0.5,"observed_at":"2026-11-23T%02d:%02d:%02dZ"}'

Arrival = tuple[datetime, "Sequence[Sample]"]
Told = tuple[str, str, datetime]


@cache
def _trace() -> tuple[Sample, ...]:
    return tuple(read_trace(MACHINE_UNDER_LOAD))


def by_count(size: int, first: int = 0) -> Iterator[Arrival]:
    """The trace through a buffer that is sent when it is full; the first one may be shorter."""
    for start in (*([0] if first else []), *range(first, len(_trace()), size)):
        batch = _trace()[start : first if start < first else start + size]
        yield batch[-1].observed_at, batch


def by_boundary(interval: timedelta) -> Iterator[Arrival]:
    """The trace through a buffer that is sent when a decision is due."""
    for due, batch in groupby(
        _trace(), lambda sample: FIRST - (FIRST - sample.observed_at) // interval * interval
    ):
        yield due, tuple(batch)


def told(arrivals: Iterable[Arrival]) -> set[Told]:
    """Which incidents opened and resolved, and when, if the samples arrive like this."""
    policy, store, waiting = load_policy_file(MACHINE_POLICY), MemoryStore(), iter([*arrivals, None])
    monitor, due, arrival = Monitor(policy.policy, store, TraceClock()), FIRST, next(waiting)
    monitor.begin(policy.lookback, policy.rules)
    while due < _trace()[-1].observed_at + policy.evaluation_interval:
        arrived: list[Sample] = []
        while arrival is not None and arrival[0] <= due:
            arrived += arrival[1]
            arrival = next(waiting)
        monitor.handle(IngestSamples(tuple(arrived)))
        monitor.handle(Evaluate(due))
        due += policy.evaluation_interval
    return {
        (type(event).__name__, event.incident.rule_id, event.at)
        for event in store.events(policy.policy)
        if isinstance(event, IncidentOpened | IncidentResolved)
    }


def compared(right: set[Told], found: set[Told]) -> dict[str, int]:
    """How many notifications are missing at their time, and how many of `found` are false.

    A notification of the same kind about the same rule at another time has moved. One that is left over is
    false.
    """
    missing = Counter(notification[:2] for notification in right - found)
    other = Counter(notification[:2] for notification in found - right)
    return {"missing": missing.total(), "false": (other - missing).total()}


def _moved(evidence: Evidence) -> None:
    interval = load_policy_file(MACHINE_POLICY).evaluation_interval
    at_once, boundary = list(by_count(METRICS)), list(by_boundary(interval))
    right = told(at_once)
    phases = {
        held: [compared(right, told(by_count(METRICS * held, METRICS * phase))) for phase in range(held)]
        for held in BUFFERED
    }

    def exact(value: float, unit: str) -> Figure:
        return Figure(value, unit, tolerance=0)

    missing = {held: [one["missing"] for one in found] for held, found in phases.items()}
    unit = f"of {len(right)} notifications missing at their time"
    evidence.figures |= {
        "told": exact(len(right), "notifications"),
        "missing": {
            str(held): {
                "first": exact(counts[0], unit),
                "min": exact(min(counts), unit),
                "mean": exact(round(statistics.fmean(counts), 1), unit),
                "max": exact(max(counts), unit),
            }
            for held, counts in missing.items()
        },
        "alarming": {
            str(held): exact(sum(one["false"] > 0 for one in found), "phases with a false notification")
            for held, found in phases.items()
        },
        "boundary": {
            what: exact(count, "notifications") for what, count in compared(right, told(boundary)).items()
        },
        "sent": {
            "at_once": exact(len(at_once), "requests"),
            "boundary": exact(len(boundary), "requests"),
        },
    }


def kept_by_all(size: int, seed: int) -> float:
    """The share of the trace that is kept when a request with a bad sample is refused whole."""
    random, lines = Random(seed), len(_trace())  # noqa: S311 - no secret depends on it
    bad = {place for place in range(lines) if random.random() < BAD}
    requests = (range(start, min(start + size, lines)) for start in range(0, lines, size))
    return sum(len(request) for request in requests if bad.isdisjoint(request)) / lines


def _kept(evidence: Evidence) -> None:
    found = {size: [100 * kept_by_all(size, seed) for seed in SEEDS] for size in GROUPS}
    evidence.figures["kept"] = {
        str(size): {
            what: Figure(round(of(shares), 1), "% of the samples kept", tolerance=0)
            for what, of in (("min", min), ("mean", statistics.fmean), ("max", max))
        }
        for size, shares in found.items()
    }


@contextmanager
def _monitored(file: Path) -> Iterator[Monitor]:
    store = open_sqlite(file)
    monitor = Monitor("machine", store, TraceClock())
    monitor.handle(CreatePolicy(LOOKBACK))
    yield monitor
    store.close()


def _reading(metrics: int, when: range) -> tuple[Sample, ...]:
    names = [MetricName(f"metric_{number}") for number in range(metrics)]
    return tuple(Sample(name, 0.5, FIRST + timedelta(seconds=second)) for second in when for name in names)


def pages(metrics: int, duration: int) -> int:
    """Pages in the log after one commit of so many metrics and seconds; the store holds some already."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        with _monitored(file) as monitor:
            monitor.handle(IngestSamples(_reading(metrics, range(HELD))))
            outside = sqlite3.connect(file)
            outside.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            monitor.handle(IngestSamples(_reading(metrics, range(HELD, HELD + duration))))
            ((_, written, _),) = outside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            outside.close()
    return int(written)


def _pages(evidence: Evidence) -> None:
    evidence.versions |= {"sqlite": sqlite3.sqlite_version}
    evidence.figures["pages"] = {
        str(metrics): Figure(pages(metrics, SHAPED // metrics), "pages", tolerance=MOVES_PAGES)
        for metrics in SHAPES
    }


def _body(size: int, number: int) -> bytes:
    lines = []
    for place in range(number * size, (number + 1) * size):
        second, metric = divmod(place, METRICS)
        lines.append(_LINE % (metric, second // 3_600, second // 60 % 60, second % 60))
    return b'{"accept":"all","samples":[%b]}' % b",".join(lines)


def _spent(monitor: Monitor, body: bytes, decoder: SampleDecoder) -> dict[str, float]:
    """The seconds that one request takes, by what they are spent on."""
    found: list[Sample] = []
    decoding = processor_seconds(
        lambda: found.extend(decode_batch(body, now=FIRST + timedelta(days=1), decoder=decoder).samples)
    )
    began = perf_counter()
    storing = processor_seconds(lambda: monitor.handle(IngestSamples(found, whole=True)))
    wall = perf_counter() - began
    return {
        "waiting": max(wall - storing, 0),
        "storing": storing,
        "decoding": decoding,
        "request": decoding + wall,
    }


def _costs(evidence: Evidence) -> None:
    """Requests of each size in turn, so that a machine that slows down slows all of them."""
    decoder, spent = SampleDecoder(), {size: list[dict[str, float]]() for size in SIZES}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        monitors = {size: stack.enter_context(_monitored(Path(folder) / f"{size}.db")) for size in SIZES}
        for number in range(WARM_UP + REQUESTS):
            for size, monitor in monitors.items():
                spent[size].append(_spent(monitor, _body(size, number), decoder))

    def measured(what: str, factor: float, unit: str) -> dict[str, Figure]:
        return {
            str(size): median_figure(
                [one[what] * factor / (size if unit == PER_SAMPLE else 1) for one in spent[size][WARM_UP:]],
                unit,
                2,
            )
            for size in SIZES
        }

    evidence.figures["costs"] = {what: measured(what, 1e6, PER_SAMPLE) for what in PARTS}
    evidence.figures["request"] = measured("request", 1e3, "ms/request")


def _anew(database: SqliteDatabase) -> None:
    for _ in range(LOOKS):
        SqlStore(database).get("machine")


def _asked(store: SqlStore) -> None:
    for _ in range(LOOKS):
        store.get("machine")


def _cache(evidence: Evidence) -> None:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in RULES:
            database = SqliteDatabase(Path(folder) / f"{count}.db")
            store = SqlStore(database)
            Monitor("machine", store, TraceClock()).begin(LOOKBACK, rules_of(count))
            found[str(count)] = paired_ratio(
                partial(_anew, database), partial(_asked, store), PAIRS, "reading anew / asking"
            )
            store.close()
        with _monitored(Path(folder) / "written.db") as monitor:
            reader = open_sqlite(Path(folder) / "written.db")
            reader.get("machine")
            shares = []
            for second in range(PAIRS):
                sample = IngestSamples(_reading(1, range(second, second + 1)))
                shares.append(
                    seconds(partial(reader.get, "machine")) / seconds(partial(monitor.handle, sample))
                )
            reader.close()
    evidence.figures["cache"] = found
    evidence.figures["asking"] = median_figure([100 * share for share in shares], "% of a commit", 1)


def _shares(figures: Mapping[str, Any]) -> dict[str, Any]:
    def value(what: str, size: int) -> float:
        return float(figures["costs"][what][str(size)].value)

    def waits(size: int) -> float:
        return value("waiting", size) / sum(value(what, size) for what in PARTS)

    return {
        "share": {str(size): Figure(round(100 * waits(size)), "% waiting", repeats=False) for size in SIZES},
        "shared": Figure(
            round(figures["request"]["105"].value / figures["request"]["1"].value, 1),
            "times as long for 105 samples as for one",
            repeats=False,
        ),
        "knee": Figure(
            max(
                size
                for size in SIZES
                if figures["request"][str(size)].value < 2 * figures["request"]["1"].value
            ),
            "samples a request",
            repeats=False,
        ),
        "throughput": {
            str(size): Figure(
                round(size / figures["request"][str(size)].value * 1e3, -1), "samples/s", repeats=False
            )
            for size in SIZES
        },
    }


def _plots(figures: Mapping[str, Any]) -> dict[str, Any]:
    false = [(held, figures["alarming"][str(held)].value) for held in BUFFERED]
    alarming = [(held, phases) for held, phases in false if phases]
    missing = {
        what: [figures["missing"][str(held)][what].value for held in BUFFERED]
        for what in ("min", "mean", "max")
    }
    costs = {
        what: {
            "x": list(SIZES),
            "y": [found[str(size)].value for size in SIZES],
            "low": [found[str(size)].spread[0] for size in SIZES],
            "high": [found[str(size)].spread[1] for size in SIZES],
        }
        for what, found in figures["costs"].items()
    }
    return {
        "missing": {
            "title": f"Of {figures['told'].value} notifications, how many a buffer moves or loses: "
            "the mean over all phases, with bars from the best phase to the worst. "
            f"False notifications are not counted: some phases send them from {alarming[0][0]} s on",
            "description": "The mean for each length of the buffer, and the range over its phases: "
            + ", ".join(
                f"{held} s {mean:g} ({least} to {most})"
                for held, least, mean, most in zip(BUFFERED, *missing.values(), strict=True)
            )
            + ". Phases that send false notifications, which the line does not count: "
            + ", ".join(f"{held} s {phases} of {held}" for held, phases in alarming)
            + ".",
            "kind": "line",
            "x_label": "seconds of samples that fill the buffer",
            "y_label": "notifications moved or lost",
            "series": {
                "missing": {
                    "x": list(BUFFERED),
                    "y": missing["mean"],
                    "low": missing["min"],
                    "high": missing["max"],
                }
            },
        },
        "costs": {
            "title": "Where the time of a sample goes: medians and quartiles",
            "description": "Three lines on logarithmic axes, each lower for requests of "
            f"{SIZES[-1]:,} samples than for requests of one: "
            + ", ".join(
                f"{what} from {found['y'][0]:,.0f} to {found['y'][-1]:,.1f}" for what, found in costs.items()
            )
            + " microseconds a sample. The marks reach from the lower to the upper quartile.",
            "kind": "line",
            "scale": "log",
            "x_label": "samples per request",
            "y_label": "µs per sample",
            "series": costs,
        },
    }


MEASUREMENT = Measurement(
    (
        Step("what a buffer moves", _moved, again=True),
        Step("what a bad sample takes along", _kept, again=True),
        Step("the pages of a commit", _pages, again=True),
        Step("the time of a commit", _costs),
        Step("what asking saves", _cache),
    ),
    derive=_shares,
    plots=_plots,
)
