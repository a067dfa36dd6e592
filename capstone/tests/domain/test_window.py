"""The sample window against a plain sorted list, and its limits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.domain.window import Refusal, SampleWindow, Series

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A, B, C = MetricName("a"), MetricName("b"), MetricName("c")
INSTANTS = st.integers(-30, 30)
VALUES = st.floats(-10, 10)
FOREVER = 10**18


def sample(metric: MetricName, at: int, value: float = 0.0) -> Sample:
    """A sample some microseconds after 1970."""
    return Sample(metric, value, EPOCH + timedelta(microseconds=at))


def held(series: Series) -> list[float]:
    """Every value of a series, by time."""
    return list(series.tail(len(series), -FOREVER, FOREVER))


@given(st.lists(st.tuples(INSTANTS, VALUES)), INSTANTS, INSTANTS, st.integers(1, 40))
def test_a_series_answers_like_a_sorted_list(
    added: list[tuple[int, float]], after: int, until: int, count: int
) -> None:
    """Out of order and twice at the same instant: the answers are those of the list sorted by time."""
    series, reference = Series(), dict[int, float]()
    for at, value in added:
        series.add(at, value)
        reference[at] = value
    inside = [(at, value) for at, value in sorted(reference.items()) if after < at <= until]
    assert len(series) == len(reference)
    assert held(series) == [value for _, value in sorted(reference.items())]
    assert series.newest(after, until) == (inside[-1][1] if inside else None)
    assert list(series.tail(count, after, until)) == [value for _, value in inside[-count:]]
    assert series.ends(after, until) == ((inside[0], inside[-1]) if len(inside) > 1 else None)
    if reference:
        assert series.last() == reference[max(reference)]


STEPS = st.lists(
    st.tuples(st.just("add"), st.sampled_from([A, B, C]), INSTANTS, VALUES)
    | st.tuples(st.just("forget"), st.just(A), INSTANTS, st.just(0.0)),
    max_size=60,
)


@given(STEPS, st.integers(1, 3), st.integers(1, 8))
def test_a_window_holds_what_it_did_not_refuse(
    steps: list[tuple[str, MetricName, int, float]], max_series: int, max_samples: int
) -> None:
    """Samples, limits and forgetting in any order: the window and a plain dictionary agree.

    What is held beyond the forgotten instant is an implementation's own business, so only later samples
    are compared; all refusals are.
    """
    window = SampleWindow(max_series=max_series, max_samples_per_series=max_samples)
    reference: dict[MetricName, dict[int, float]] = {}
    horizon = -FOREVER
    for step, metric, at, value in steps:
        if step == "forget":
            window.forget(EPOCH + timedelta(microseconds=at))
            horizon = max(at, horizon)
            reference = {
                name: kept
                for name, series in reference.items()
                if (kept := {instant: held for instant, held in series.items() if instant > horizon})
            }
            continue
        if at <= horizon:
            expected = Counter([Refusal.TOO_OLD])
        elif metric not in reference and len(reference) >= max_series:
            expected = Counter([Refusal.SERIES_LIMIT])
        elif at not in reference.get(metric, {}) and len(reference.get(metric, {})) >= max_samples:
            expected = Counter([Refusal.SAMPLE_LIMIT])
        else:
            expected = Counter()
            reference.setdefault(metric, {})[at] = value
        assert window.add([sample(metric, at, value)]) == expected
        assert all(len(window.series(name)) <= max_samples for name in window.metrics())
    assert window.metrics() == sorted(reference)
    for name in (A, B, C):
        series = reference.get(name, {})
        values = [series[at] for at in sorted(series)]
        assert list(window.series(name).tail(100, horizon, FOREVER)) == values


def test_refusals_are_counted_by_reason_in_one_batch() -> None:
    """What is not counted as refused was kept."""
    window = SampleWindow(max_series=2, max_samples_per_series=2)
    window.forget(EPOCH)
    batch = [sample(A, 0), sample(A, 1), sample(A, 2), sample(A, 3), sample(B, 1), sample(C, 1), sample(C, 2)]
    assert window.add(batch) == {Refusal.TOO_OLD: 1, Refusal.SAMPLE_LIMIT: 1, Refusal.SERIES_LIMIT: 2}
    assert len(window) == 3
    assert window.metrics() == [A, B]


def test_a_full_series_takes_a_replacement() -> None:
    """A second value for an instant that is held needs no room."""
    window = SampleWindow(max_samples_per_series=2)
    window.add([sample(A, 1, 1.0), sample(A, 2, 2.0)])
    assert window.add([sample(A, 1, 10.0), sample(A, 2, 20.0)]) == Counter()
    assert held(window.series(A)) == [10.0, 20.0]


def test_samples_that_are_forgotten_take_no_room() -> None:
    """A series that is full of what no decision can read has room for what one can."""
    window = SampleWindow(max_samples_per_series=10)
    window.add(sample(A, at) for at in range(10))
    window.forget(EPOCH + timedelta(microseconds=3))
    assert window.add(sample(A, at) for at in range(10, 14)) == Counter()
    assert window.add([sample(A, 14)]) == {Refusal.SAMPLE_LIMIT: 1}


def test_forgetting_never_goes_back() -> None:
    """What was forgotten stays refused, also after an earlier instant is forgotten again."""
    window = SampleWindow()
    window.forget(EPOCH + timedelta(microseconds=5))
    window.forget(EPOCH)
    assert window.add([sample(A, 5)]) == {Refusal.TOO_OLD: 1}
    assert window.add([sample(A, 6)]) == Counter()


def test_a_metric_that_fell_silent_makes_room_for_another() -> None:
    """A series whose samples are all forgotten is gone."""
    window = SampleWindow(max_series=1)
    window.add([sample(A, 1)])
    window.forget(EPOCH + timedelta(microseconds=1))
    assert window.metrics() == []
    assert window.add([sample(B, 2)]) == Counter()


@pytest.mark.parametrize("ticks", [1_000, 10_000])
def test_what_is_held_stays_bounded_while_samples_come_and_go(ticks: int) -> None:
    """With 100 samples in reach, never more than twice as many are held, however many have passed."""
    window, most = SampleWindow(), 0
    for at in range(ticks):
        window.add([sample(A, at)])
        window.forget(EPOCH + timedelta(microseconds=at - 100))
        most = max(most, len(window))
    assert 100 <= most <= 200


def test_an_unknown_metric_has_an_empty_series() -> None:
    """Asking for it does not make it known."""
    window = SampleWindow()
    assert len(window.series(A)) == 0
    assert window.series(A).newest(-FOREVER, FOREVER) is None
    assert window.metrics() == []
