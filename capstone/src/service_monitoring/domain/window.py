"""Sample windows: the recent samples of each metric, sorted, sixteen bytes each, within stated bounds."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from service_monitoring.domain.values import MetricName, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from service_monitoring.domain.values import Sample

MAX_SERIES = 1_000
MAX_SAMPLES_PER_SERIES = 100_000


class Refusal(StrEnum):
    """Why a valid sample was not kept."""

    TOO_OLD = "too_old"
    """Observed before everything that a decision can still ask for."""
    SERIES_LIMIT = "series_limit"
    """A metric more than the window may hold."""
    SAMPLE_LIMIT = "sample_limit"
    """A sample more than one series may hold."""


Row = tuple[MetricName, int, float]
"""A sample as a store keeps it: metric, microseconds since 1970, value."""


class Admission(NamedTuple):
    """What a window would do with samples: the rows that it would keep, in order, and the rest by reason."""

    rows: list[Row]
    refused: Counter[Refusal]


class Series:
    """The samples of one metric, sorted by time; two packed arrays, so a sample costs sixteen bytes."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._times)

    def add(self, at: int, value: float) -> None:
        """Put a value in its place in time; the same instant again replaces the value.

        Args:
            at: Microseconds since 1970.
            value: A finite float.
        """
        times = self._times
        if not times or at > times[-1]:
            times.append(at)
            self._values.append(value)
            return
        place = bisect_left(times, at)
        if times[place] == at:
            self._values[place] = value
        else:
            times.insert(place, at)
            self._values.insert(place, value)

    def newest(self, after: int, until: int) -> float | None:
        """The newest value with `after < time <= until`; `None` if there is none. Microseconds since 1970."""
        times = self._times
        if not times:
            return None
        if times[-1] <= until:
            return self._values[-1] if times[-1] > after else None
        place = bisect_right(times, until) - 1
        return self._values[place] if place >= 0 and times[place] > after else None

    def last(self) -> float:
        """The newest value of a series that is not empty."""
        return self._values[-1]

    def tail(self, count: int, after: int, until: int) -> array[float]:
        """The newest `count` values with `after < time <= until`, oldest first; fewer if there are fewer."""
        end = bisect_right(self._times, until)
        start = bisect_right(self._times, after, 0, end)
        return self._values[max(start, end - count) : end]

    def ends(self, after: int, until: int) -> tuple[tuple[int, float], tuple[int, float]] | None:
        """The oldest and the newest (time, value) with `after < time <= until`; `None` under two samples."""
        end = bisect_right(self._times, until)
        start = bisect_right(self._times, after, 0, end)
        if end - start < 2:  # noqa: PLR2004 - a change has two ends
            return None
        first, last = start, end - 1
        return (self._times[first], self._values[first]), (self._times[last], self._values[last])

    def holds(self, at: int) -> bool:
        """Whether there is a value of this very instant."""
        place = bisect_left(self._times, at)
        return place < len(self._times) and self._times[place] == at

    def forget(self, until: int) -> None:
        """Drop the samples with `time <= until`, once they are at least half of what is held.

        Waiting for half makes the cost of forgetting constant for each sample added.
        """
        if 2 * bisect_right(self._times, until) >= len(self._times):
            self.drop(until)

    def drop(self, until: int) -> None:
        """Drop the samples with `time <= until` now."""
        stale = bisect_right(self._times, until)
        del self._times[:stale], self._values[:stale]


class SampleWindow:
    """The recent samples of every metric.

    A decision at instant t reads `(t - width, t]` and nothing else; how long samples are held beyond that
    changes no decision.

    Args:
        max_series: How many metrics are held at most.
        max_samples_per_series: How many samples of one metric are held at most.
    """

    def __init__(
        self, *, max_series: int = MAX_SERIES, max_samples_per_series: int = MAX_SAMPLES_PER_SERIES
    ) -> None:
        self._max_series = max_series
        self._max_samples = max_samples_per_series
        self._series: dict[MetricName, Series] = {}
        self._forgotten_until = -sys.maxsize

    def twin(self) -> SampleWindow:
        """An empty window with the same limits."""
        return SampleWindow(max_series=self._max_series, max_samples_per_series=self._max_samples)

    def __len__(self) -> int:
        return sum(map(len, self._series.values()))

    def series(self, metric: MetricName) -> Series:
        """The samples of one metric; an empty series when there are none."""
        series = self._series.get(metric)
        return Series() if series is None else series

    def metrics(self) -> list[MetricName]:
        """The metrics held, sorted."""
        return sorted(self._series)

    def add(self, samples: Iterable[Sample]) -> Counter[Refusal]:
        """Put samples in their places.

        Returns:
            How many were refused, by reason; what is not counted there was kept.
        """
        admission = self.admit(list(samples))
        self.take(admission.rows)
        return admission.refused

    def admit(self, samples: Sequence[Sample]) -> Admission:
        """What `add` would keep and what it would refuse; nothing is put in its place yet."""
        rows: list[Row] = []
        refused: Counter[Refusal] = Counter()
        new: set[MetricName] = set()
        crowded: dict[MetricName, set[int]] = {}
        for sample in samples:
            metric, at = sample.metric, microseconds(sample.observed_at)
            if at <= self._forgotten_until:
                refused[Refusal.TOO_OLD] += 1
                continue
            series = self._series.get(metric)
            if series is None and metric not in new:
                if len(self._series) + len(new) >= self._max_series:
                    refused[Refusal.SERIES_LIMIT] += 1
                    continue
                new.add(metric)
            held = 0 if series is None else len(series)
            if held + len(samples) > self._max_samples and not self._has_room(
                self.series(metric), at, crowded.setdefault(metric, set())
            ):
                refused[Refusal.SAMPLE_LIMIT] += 1
                continue
            rows.append((metric, at, sample.value))
        return Admission(rows, refused)

    def take(self, rows: Iterable[Row]) -> None:
        """Put what was admitted in its place."""
        for metric, at, value in rows:
            series = self._series.get(metric)
            if series is None:
                series = self._series[metric] = Series()
            series.add(at, value)

    def _has_room(self, series: Series, at: int, coming: set[int]) -> bool:
        # Forgotten samples that are still held take no room, and a replacement needs none.
        series.drop(self._forgotten_until)
        if series.holds(at) or at in coming:
            return True
        if len(series) + len(coming) >= self._max_samples:
            return False
        coming.add(at)
        return True

    def forget(self, until: datetime) -> None:
        """Drop the samples observed at `until` or before, and every series that is empty then.

        From now on older samples are refused: a decision would not see them.
        """
        self._forgotten_until = max(microseconds(until), self._forgotten_until)
        for metric, series in list(self._series.items()):
            series.forget(self._forgotten_until)
            if not series:
                del self._series[metric]
