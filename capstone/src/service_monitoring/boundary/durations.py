"""Durations as people write them: `90s`, `5m`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_MILLISECOND = timedelta(milliseconds=1)
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,15}}){unit})?" for unit in _UNITS))

MAX_DURATION = timedelta(days=36_500)
"""A century: more is a mistake, and would overflow arithmetic with instants."""


def parse_duration(text: str) -> timedelta:
    """A duration in Prometheus's notation: whole numbers with the units d, h, m, s, ms, or a bare `0`.

    Raises:
        ValueError: The text is no such duration, or longer than a century.

    Examples:
        >>> parse_duration("1h30m")
        datetime.timedelta(seconds=5400)
        >>> parse_duration("5 minutes")
        Traceback (most recent call last):
        ValueError: '5 minutes' is not a duration: write it like 90s, 5m or 1h30m
    """
    match = _DURATION.fullmatch("0s" if text == "0" else text)
    if not text or match is None:
        raise ValueError(f"{text[:40]!a} is not a duration: write it like 90s, 5m or 1h30m")
    counts = zip(match.groups(default="0"), _UNITS.values(), strict=True)
    milliseconds = sum(int(count) * unit for count, unit in counts)
    if milliseconds > MAX_DURATION // _MILLISECOND:
        raise ValueError(f"{text[:40]!a} is longer than {format_duration(MAX_DURATION)}")
    return milliseconds * _MILLISECOND


def format_duration(duration: timedelta) -> str:
    """The shortest such text for a duration, to the millisecond.

    Examples:
        >>> format_duration(timedelta(minutes=90)), format_duration(timedelta(0))
        ('1h30m', '0s')
    """
    left = duration // _MILLISECOND
    text = ""
    for unit, milliseconds in _UNITS.items():
        count, left = divmod(left, milliseconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
