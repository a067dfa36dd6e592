"""Replay: decide over samples from the past as if they arrived now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from service_monitoring.application.commands import Evaluate, IngestSamples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service_monitoring.application.monitor import Monitor
    from service_monitoring.domain.values import Sample
    from service_monitoring.domain.window import Refusal

MAX_BATCH = 1_000
MAX_GAP = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TraceGapError(ValueError):
    """A sample lies so far ahead of the one before it that the time between can not be meant."""


class TraceClock:
    """`Clock` of a replay: the instant of the trace that is being decided."""

    def __init__(self) -> None:
        self.instant = _EPOCH

    def now(self) -> datetime:
        """The last instant the replay reached."""
        return self.instant


@dataclass(slots=True)
class ReplayStatistics:
    """What a replay went through."""

    samples: int = 0
    decisions: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None


def replay(
    monitor: Monitor,
    samples: Iterable[Sample],
    *,
    interval: timedelta,
    clock: TraceClock,
    progress: Callable[[ReplayStatistics], None] = lambda _: None,
) -> ReplayStatistics:
    """Ingest samples and decide at every multiple of `interval`, up to the first one after the last sample.

    Memory does not grow with the number of samples.

    Args:
        monitor: Handles the commands.
        samples: In the order in which they arrived.
        interval: The evaluation interval.
        clock: Set to each instant before it is decided.
        progress: Called after each decision.

    Raises:
        TraceGapError: Two samples lie more than a day apart.
    """
    run = _Replay(monitor, interval, clock, progress)
    for sample in samples:
        run.take(sample)
    return run.finish()


class _Replay:
    def __init__(
        self,
        monitor: Monitor,
        interval: timedelta,
        clock: TraceClock,
        progress: Callable[[ReplayStatistics], None],
    ) -> None:
        self._monitor = monitor
        self._interval = interval
        self._clock = clock
        self._progress = progress
        self._statistics = ReplayStatistics()
        self._batch: list[Sample] = []
        self._due: datetime | None = None

    def take(self, sample: Sample) -> None:
        at = sample.observed_at
        if self._due is None:
            self._statistics.first_at = at
            self._due = _ceil(at, self._interval)
        elif at > self._due:
            self._decide_before(at, self._due)
        self._batch.append(sample)
        self._statistics.last_at = at
        if len(self._batch) >= MAX_BATCH:
            self._ingest()

    def finish(self) -> ReplayStatistics:
        if self._due is not None:
            self._decide(self._due)
        return self._statistics

    def _decide_before(self, at: datetime, due: datetime) -> None:
        if at - due > MAX_GAP:
            raise TraceGapError(f"a sample at {at} lies more than a day after the decision at {due}")
        while due < at:
            self._decide(due)
            due += self._interval
        self._due = due

    def _decide(self, at: datetime) -> None:
        self._ingest()
        self._clock.instant = at
        self._monitor.handle(Evaluate(at))
        self._monitor.deliver_due()
        self._statistics.decisions += 1
        self._progress(self._statistics)

    def _ingest(self) -> None:
        if self._batch:
            self._statistics.refused += self._monitor.handle(IngestSamples(tuple(self._batch))).refused
            self._statistics.samples += len(self._batch)
            self._batch.clear()


def _ceil(at: datetime, interval: timedelta) -> datetime:
    return _EPOCH - (_EPOCH - at) // interval * interval
