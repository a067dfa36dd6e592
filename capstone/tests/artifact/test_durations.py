"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.boundary.durations import MAX_DURATION, format_duration, parse_duration

DURATIONS = st.integers(0, MAX_DURATION // timedelta(milliseconds=1)).map(
    lambda ms: timedelta(milliseconds=ms)
)


@given(DURATIONS | st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)))
def test_what_is_formatted_parses_to_the_same_duration(duration: timedelta) -> None:
    """To the millisecond."""
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("1ms", 0.001),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d2h3m4s5ms", 93_784.005),
    ],
)
def test_prometheus_notation_is_read(text: str, seconds: float) -> None:
    """Units from large to small, each once."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "00",
        "-5m",
        "1.5h",
        "5 m",
        "5m ",
        "5m\n",
        "m",
        "5x",
        "1m1h",
        "5m5m",
        "5M",
        "\u0665m",
        "1e3s",
        "36501d",
        "999999999d",
        "9999999999999s",
        "1" * 5_000 + "s",
    ],
)
def test_anything_else_is_refused_in_one_short_line(text: str) -> None:
    """Also what would overflow: a duration of more than a century is a mistake."""
    with pytest.raises(ValueError, match=r"is not a duration|is longer than 36500d") as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 120
    assert str(caught.value).isprintable()


@given(st.text(alphabet="0159dhms ", max_size=12) | st.text(max_size=8))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    """What is accepted is what the formatter would write, up to zeros and carries."""
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= MAX_DURATION
    assert parse_duration(format_duration(duration)) == duration
