"""Conditions: strategy values that ask one series one question: true, false, or too few samples to say."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_monitoring.domain.window import Series

MAX_CONSECUTIVE = 1_000
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_SECOND = 1_000_000


class Verdict(Enum):
    """What a condition says of a series at one instant."""

    TRUE = "true"
    FALSE = "false"
    NO_DATA = "no data"
    """Too few samples to say: counts as false, and is told apart in the reason of a resolution."""


class Comparison(Enum):
    """How a value is compared with a limit; the value is the sign that PromQL uses."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    @property
    def holds(self) -> Callable[[float, float], bool]:
        """The comparison as a function of value and limit."""
        return _FUNCTIONS[self]


_FUNCTIONS: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}


@runtime_checkable
class Condition(Protocol):
    """A question about one series. Conditions are values: equal when they ask the same."""

    def verdict(self, series: Series, at: int, lookback: int) -> Verdict:
        """The answer at one instant.

        Args:
            series: The samples of the rule's metric.
            at: The instant of the decision, in microseconds since 1970.
            lookback: How long a sample stands for its metric, in microseconds.
        """

    def width(self, lookback: timedelta) -> timedelta:
        """How far back from the instant of the decision the condition reads."""

    def __str__(self) -> str:
        """The condition in words, without the metric."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The newest sample of the lookback lies beyond a limit: PromQL's `metric > limit`.

    Raises:
        ValueError: The limit is not finite.

    Examples:
        >>> str(Threshold(Comparison.ABOVE, 0.9))
        '> 0.9'
    """

    comparison: Comparison
    limit: float

    def __post_init__(self) -> None:
        _require_finite(self.limit, "limit")

    def verdict(self, series: Series, at: int, lookback: int) -> Verdict:
        """True when the newest sample in `(at - lookback, at]` is beyond the limit."""
        value = series.newest(at - lookback, at)
        if value is None:
            return Verdict.NO_DATA
        return Verdict.TRUE if _FUNCTIONS[self.comparison](value, self.limit) else Verdict.FALSE

    def width(self, lookback: timedelta) -> timedelta:
        """The lookback."""
        return lookback

    def __str__(self) -> str:
        return f"{self.comparison.value} {self.limit:,.10g}"


@dataclass(frozen=True, slots=True)
class ConsecutiveBreaches:
    """The newest `count` samples of the lookback all lie beyond a limit.

    Raises:
        ValueError: The limit is not finite, or the count is not between 1 and 1,000.

    Examples:
        >>> str(ConsecutiveBreaches(Comparison.ABOVE, 0.9, 3))
        '> 0.9 for 3 samples in a row'
    """

    comparison: Comparison
    limit: float
    count: int

    def __post_init__(self) -> None:
        _require_finite(self.limit, "limit")
        if not 1 <= self.count <= MAX_CONSECUTIVE:
            raise ValueError(f"count is {self.count}: must be from 1 to {MAX_CONSECUTIVE}")

    def verdict(self, series: Series, at: int, lookback: int) -> Verdict:
        """True when `count` samples are there and all are beyond the limit; no data when fewer are there."""
        values = series.tail(self.count, at - lookback, at)
        if len(values) < self.count:
            return Verdict.NO_DATA
        holds, limit = _FUNCTIONS[self.comparison], self.limit
        return Verdict.TRUE if all(holds(value, limit) for value in values) else Verdict.FALSE

    def width(self, lookback: timedelta) -> timedelta:
        """The lookback."""
        return lookback

    def __str__(self) -> str:
        return f"{self.comparison.value} {self.limit:,.10g} for {self.count} samples in a row"


@dataclass(frozen=True, slots=True)
class RateOfChange:
    """From the oldest to the newest sample of a window, the metric changes by more than a limit a second.

    The rate is `(newest - oldest) / seconds between them`: no extrapolation to the window's edges, which is
    where it differs from PromQL's `rate` and `delta`.

    Raises:
        ValueError: The limit is not finite, or the window is not positive.

    Examples:
        >>> str(RateOfChange(Comparison.ABOVE, 0.002, timedelta(minutes=2)))
        'changes > 0.002/s over 120 s'
    """

    comparison: Comparison
    limit: float
    window: timedelta

    def __post_init__(self) -> None:
        _require_finite(self.limit, "limit")
        if self.window <= timedelta(0):
            raise ValueError(f"window is {self.window}: must be longer than 0")

    def verdict(self, series: Series, at: int, lookback: int) -> Verdict:  # noqa: ARG002 - has its own window
        """True when the rate over `(at - window, at]` is beyond the limit; no data under two samples."""
        ends = series.ends(at - self.window // _MICROSECOND, at)
        if ends is None:
            return Verdict.NO_DATA
        (first_at, first), (last_at, last) = ends
        rate = (last - first) * _MICROSECONDS_PER_SECOND / (last_at - first_at)
        return Verdict.TRUE if _FUNCTIONS[self.comparison](rate, self.limit) else Verdict.FALSE

    def width(self, lookback: timedelta) -> timedelta:  # noqa: ARG002 - has its own window
        """The window."""
        return self.window

    def __str__(self) -> str:
        return f"changes {self.comparison.value} {self.limit:,.10g}/s over {self.window.total_seconds():g} s"


@dataclass(frozen=True, slots=True)
class Absence:
    """The lookback holds no sample: PromQL's `absent(metric)`.

    Examples:
        >>> str(Absence())
        'absent'
    """

    def verdict(self, series: Series, at: int, lookback: int) -> Verdict:
        """True when `(at - lookback, at]` is empty; never without an answer."""
        return Verdict.TRUE if series.newest(at - lookback, at) is None else Verdict.FALSE

    def width(self, lookback: timedelta) -> timedelta:
        """The lookback."""
        return lookback

    def __str__(self) -> str:
        return "absent"


def _require_finite(number: float, name: str) -> None:
    if not isfinite(number):
        raise ValueError(f"{name} is {number}: must be finite")
