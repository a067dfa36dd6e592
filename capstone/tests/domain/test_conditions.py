"""Each condition against a naive reading of the samples as a list."""

from __future__ import annotations

import operator
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
    Verdict,
)
from service_monitoring.domain.window import Series

if TYPE_CHECKING:
    from random import Random

SECOND = 1_000_000
LOOKBACK = 10 * SECOND
LIMITS = st.integers(-3, 3).map(float)
POINTS = st.dictionaries(st.integers(-25, 25).map(lambda s: s * SECOND), st.integers(-4, 4).map(float))
ORDERS = st.randoms(use_true_random=False)
INSTANTS = st.integers(-26, 26).map(lambda s: s * SECOND)
COMPARISONS = st.sampled_from(Comparison)
PYTHON = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def series_of(points: dict[int, float]) -> Series:
    """A series with these points, added in this order."""
    series = Series()
    for at, value in points.items():
        series.add(at, value)
    return series


def inside(points: dict[int, float], at: int, width: int) -> list[tuple[int, float]]:
    """The points with `at - width < time <= at`, by time."""
    return [(time, value) for time, value in sorted(points.items()) if at - width < time <= at]


@given(POINTS, INSTANTS, COMPARISONS, LIMITS)
def test_a_threshold_asks_the_newest_sample_of_the_lookback(
    points: dict[int, float], at: int, comparison: Comparison, limit: float
) -> None:
    """Later samples are ignored, older ones are stale."""
    values = [value for _, value in inside(points, at, LOOKBACK)]
    if not values:
        expected = Verdict.NO_DATA
    else:
        expected = Verdict.TRUE if PYTHON[comparison.value](values[-1], limit) else Verdict.FALSE
    assert Threshold(comparison, limit).verdict(series_of(points), at, LOOKBACK) is expected


@given(POINTS, INSTANTS, COMPARISONS, LIMITS, st.integers(1, 6))
def test_consecutive_breaches_ask_the_newest_samples_of_the_lookback(
    points: dict[int, float], at: int, comparison: Comparison, limit: float, count: int
) -> None:
    """All of the newest `count`, or too few to say."""
    values = [value for _, value in inside(points, at, LOOKBACK)][-count:]
    if len(values) < count:
        expected = Verdict.NO_DATA
    else:
        breached = [PYTHON[comparison.value](value, limit) for value in values]
        expected = Verdict.TRUE if False not in breached else Verdict.FALSE
    assert ConsecutiveBreaches(comparison, limit, count).verdict(series_of(points), at, LOOKBACK) is expected


@given(POINTS, INSTANTS, COMPARISONS, LIMITS, st.integers(1, 20))
def test_a_rate_asks_the_ends_of_its_own_window(
    points: dict[int, float], at: int, comparison: Comparison, limit: float, seconds: int
) -> None:
    """Newest minus oldest over the seconds between them; the lookback does not matter."""
    samples = inside(points, at, seconds * SECOND)
    if len(samples) < 2:
        expected = Verdict.NO_DATA
    else:
        steps = [later - earlier for (_, earlier), (_, later) in pairwise(samples)]
        rate = sum(steps) / ((samples[-1][0] - samples[0][0]) / SECOND)
        expected = Verdict.TRUE if PYTHON[comparison.value](rate, limit) else Verdict.FALSE
    condition = RateOfChange(comparison, limit, timedelta(seconds=seconds))
    assert condition.verdict(series_of(points), at, LOOKBACK) is expected


@given(POINTS, INSTANTS)
def test_absence_asks_whether_the_lookback_is_empty(points: dict[int, float], at: int) -> None:
    """It always has an answer."""
    expected = Verdict.FALSE if inside(points, at, LOOKBACK) else Verdict.TRUE
    assert Absence().verdict(series_of(points), at, LOOKBACK) is expected


@given(POINTS, INSTANTS, ORDERS)
def test_the_order_of_arrival_changes_no_verdict(points: dict[int, float], at: int, order: Random) -> None:
    """Samples out of order inside the window decide as if they had come sorted."""
    arrival = list(points.items())
    order.shuffle(arrival)
    for condition in EVERY:
        verdict = condition.verdict(series_of(dict(sorted(points.items()))), at, LOOKBACK)
        assert condition.verdict(series_of(dict(arrival)), at, LOOKBACK) is verdict


EVERY: list[Condition] = [
    Threshold(Comparison.ABOVE, 0.0),
    ConsecutiveBreaches(Comparison.ABOVE, 0.0, 2),
    RateOfChange(Comparison.ABOVE, 0.0, timedelta(seconds=10)),
    Absence(),
]


EDGES = {0: 1.0, 1: 2.0, LOOKBACK: 3.0, LOOKBACK + 1: -9.0}


@pytest.mark.parametrize(
    ("condition", "just_inside", "stale"),
    [
        (ConsecutiveBreaches(Comparison.ABOVE, 0.0, 2), Verdict.TRUE, Verdict.NO_DATA),
        (RateOfChange(Comparison.ABOVE, 0.0, timedelta(seconds=10)), Verdict.TRUE, Verdict.NO_DATA),
    ],
)
def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(
    condition: Condition, just_inside: Verdict, stale: Verdict
) -> None:
    """`(t - width, t]`: samples at 1 and w microseconds count at t = w, those at 0 and w + 1 do not."""
    assert condition.verdict(series_of(EDGES), LOOKBACK, LOOKBACK) is just_inside
    without_inside = {at: value for at, value in EDGES.items() if at != 1}
    assert condition.verdict(series_of(without_inside), LOOKBACK, LOOKBACK) is stale


def test_the_newest_sample_counts_until_it_is_exactly_a_lookback_old() -> None:
    """One microsecond decides."""
    condition, series = Threshold(Comparison.ABOVE, 0.0), series_of({0: 1.0})
    assert condition.verdict(series, -1, LOOKBACK) is Verdict.NO_DATA
    assert condition.verdict(series, 0, LOOKBACK) is Verdict.TRUE
    assert condition.verdict(series, LOOKBACK - 1, LOOKBACK) is Verdict.TRUE
    assert condition.verdict(series, LOOKBACK, LOOKBACK) is Verdict.NO_DATA
    with_a_future = series_of({0: 1.0, LOOKBACK + 1: 1.0})
    assert condition.verdict(with_a_future, LOOKBACK - 1, LOOKBACK) is Verdict.TRUE
    assert condition.verdict(with_a_future, LOOKBACK, LOOKBACK) is Verdict.NO_DATA


@pytest.mark.parametrize(("limit", "expected"), [(1.9, Verdict.TRUE), (2.0, Verdict.FALSE)])
def test_a_rate_is_a_change_a_second(limit: float, expected: Verdict) -> None:
    """Ten more in five seconds are two a second."""
    condition = RateOfChange(Comparison.ABOVE, limit, timedelta(minutes=1))
    assert condition.verdict(series_of({0: 5.0, 5 * SECOND: 15.0}), 5 * SECOND, LOOKBACK) is expected


@pytest.mark.parametrize("condition", EVERY[:3], ids=lambda condition: type(condition).__name__)
def test_samples_after_the_instant_are_ignored(condition: Condition) -> None:
    """A decision at t does not know what is observed after t."""
    past = {at * SECOND: 10.0 + at for at in range(-8, 1)}
    future = {at * SECOND: -100.0 for at in range(1, 5)}
    assert condition.verdict(series_of(past | future), 0, LOOKBACK) is Verdict.TRUE


def test_a_metric_that_is_observed_only_later_is_absent() -> None:
    """Absence does not know what is observed after t either."""
    assert Absence().verdict(series_of({1: 0.0}), 0, LOOKBACK) is Verdict.TRUE


@pytest.mark.parametrize(
    ("condition", "width"),
    [
        (Threshold(Comparison.ABOVE, 0.0), 300),
        (ConsecutiveBreaches(Comparison.ABOVE, 0.0, 2), 300),
        (RateOfChange(Comparison.ABOVE, 0.0, timedelta(seconds=10)), 10),
        (Absence(), 300),
    ],
)
def test_the_width_is_how_far_back_the_condition_reads(condition: Condition, width: int) -> None:
    """The policy keeps samples for as long as the widest of its conditions reads."""
    assert condition.width(timedelta(minutes=5)) == timedelta(seconds=width)


def test_conditions_that_ask_the_same_are_equal() -> None:
    """This is what makes signatures comparable."""
    assert Threshold(Comparison.ABOVE, 1.0) == Threshold(Comparison.ABOVE, 1.0)
    assert Threshold(Comparison.ABOVE, 1.0) != Threshold(Comparison.AT_LEAST, 1.0)
    assert hash(Absence()) == hash(Absence())


@given(COMPARISONS, LIMITS, LIMITS)
def test_a_comparison_holds_as_its_sign_says(comparison: Comparison, value: float, limit: float) -> None:
    """The sign is the one that PromQL uses."""
    assert comparison.holds(value, limit) is PYTHON[comparison.value](value, limit)
