"""Values: metric names, severities and samples that can not be wrong once they exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from math import isfinite
from typing import Self

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class MetricName(str):
    """The name of one measured quantity: Prometheus's alphabet, at most 200 characters.

    Raises:
        ValueError: The text is not a metric name.

    Source: <https://prometheus.io/docs/concepts/data_model/>, *Metric names and labels*.

    Examples:
        >>> MetricName("cpu_busy_ratio")
        'cpu_busy_ratio'
        >>> MetricName("cpu busy")
        Traceback (most recent call last):
        ValueError: 'cpu busy' is not a metric name: use letters, digits, _ and :, and no digit first
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text; the name is a `str` in every other respect."""
        if not _METRIC_NAME.fullmatch(text):
            raise ValueError(
                f"{text[:60]!a} is not a metric name: use letters, digits, _ and :, and no digit first"
            )
        return super().__new__(cls, text)


class Severity(IntEnum):
    """How soon somebody must look: `INFO` never, `WARNING` today, `CRITICAL` now.

    Examples:
        >>> Severity.CRITICAL > Severity.WARNING
        True
    """

    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One finite value of one metric, observed at one instant in UTC.

    Attributes:
        metric: What was measured.
        value: A finite float, in the metric's own unit.
        observed_at: When, to the microsecond, as an aware `datetime` whose `tzinfo` is `datetime.UTC`.

    Raises:
        ValueError: The value is not a finite float, or the time is not in UTC.

    Examples:
        >>> from datetime import UTC, datetime
        >>> Sample(MetricName("load_average_1m"), 0.5, datetime(2026, 11, 23, 9, 0, tzinfo=UTC)).value
        0.5
        >>> Sample(MetricName("load_average_1m"), float("inf"), datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
        Traceback (most recent call last):
        ValueError: load_average_1m: inf is not a finite float
    """

    metric: MetricName
    value: float
    observed_at: datetime

    def __post_init__(self) -> None:
        # The type comes first: isfinite(10**400) raises OverflowError instead of answering.
        if type(self.value) is not float or not isfinite(self.value):
            raise ValueError(f"{self.metric}: {str(self.value)[:40]} is not a finite float")
        if self.observed_at.tzinfo is not UTC:
            raise ValueError(f"{self.metric}: {self.observed_at} is not in UTC")


def microseconds(at: datetime) -> int:
    """An aware instant as whole microseconds since 1970-01-01 UTC: exact, ordered, eight bytes.

    Examples:
        >>> from datetime import UTC, datetime
        >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
        1000000
    """
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The instant that `microseconds` counted.

    Examples:
        >>> from_microseconds(1_000_000).isoformat()
        '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + count * _MICROSECOND
