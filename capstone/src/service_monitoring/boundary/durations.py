"""Durations as people write them: `90s`, `5m`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"([0-9]{1,9})(ms|[dhms])")


def parse_duration(text: str) -> timedelta:
    """A duration in Prometheus's notation: whole numbers with the units d, h, m, s, ms, or a bare `0`.

    Raises:
        ValueError: The text is no such duration.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    >>> parse_duration("5 minutes")
    Traceback (most recent call last):
    ValueError: '5 minutes' is not a duration: write it like 90s, 5m or 1h30m
    """
    parts = _PART.findall(text)
    if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
        raise ValueError(f"{text[:40]!r} is not a duration: write it like 90s, 5m or 1h30m")
    return timedelta(milliseconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def format_duration(duration: timedelta) -> str:
    """The shortest such text for a duration, to the millisecond.

    >>> format_duration(timedelta(minutes=90)), format_duration(timedelta(0))
    ('1h30m', '0s')
    """
    left = duration // timedelta(milliseconds=1)
    text = ""
    for unit, milliseconds in _UNITS.items():
        count, left = divmod(left, milliseconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
