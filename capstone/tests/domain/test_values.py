"""Values can not be wrong once they exist."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.domain.conditions import (
    MAX_CONSECUTIVE,
    Absence,
    Comparison,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.incidents import Incident, IncidentState, Resolution
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity, microseconds

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("cpu_busy_ratio")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"


@given(
    st.text(max_size=12)
    | st.text(alphabet="aZ_:9 -é\n", max_size=5)
    | st.just("a" * 200)
    | st.just("a" * 201)
)
def test_a_metric_name_is_exactly_what_prometheus_allows(text: str) -> None:
    """The first character is no digit, the others may be, and there are at most 200."""
    allowed = (
        1 <= len(text) <= 200 and text[0] in LETTERS and all(c in LETTERS + "0123456789" for c in text[1:])
    )
    if allowed:
        assert MetricName(text) == text
    else:
        with pytest.raises(ValueError, match="is not a metric name"):
            MetricName(text)


@pytest.mark.parametrize("text", ["caf\u00e9", "a\nb", "\ud800", "'\"", "x" * 10_000])
def test_the_error_of_a_metric_name_is_one_short_printable_line(text: str) -> None:
    """Whatever the name holds, the message can be shown anywhere."""
    with pytest.raises(ValueError, match="is not a metric name") as caught:
        MetricName(text)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 500


@given(st.floats() | st.integers() | st.booleans() | st.none() | st.just(10**400))
def test_a_sample_holds_a_finite_float_and_nothing_else(value: Any) -> None:
    """Infinities, NaN and every other type are refused, and refusing never crashes."""
    if type(value) is float and isfinite(value):
        assert Sample(METRIC, value, AT).value == value
    else:
        with pytest.raises(ValueError, match="is not a finite float"):
            Sample(METRIC, value, AT)


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1)), timezone(timedelta(0), "GMT")])
def test_a_sample_is_observed_in_utc(zone: timezone | None) -> None:
    """Naive times and other zones are refused, so that instants can be compared without thinking."""
    with pytest.raises(ValueError, match="is not in UTC"):
        Sample(METRIC, 0.5, AT.replace(tzinfo=zone))


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact_and_ordered(at: datetime) -> None:
    """No instant that `datetime` can hold is rounded, before 1970 neither."""
    count = microseconds(at)
    assert EPOCH + timedelta(microseconds=count) == at
    if at < datetime.max.replace(tzinfo=UTC):
        assert microseconds(at + timedelta(microseconds=1)) == count + 1


def test_severities_are_ordered() -> None:
    """Now is sooner than today."""
    assert Severity.INFO < Severity.WARNING < Severity.CRITICAL


@given(st.text(alphabet="aZ9-_ \n", max_size=4) | st.just("a" * 63) | st.just("a" * 64))
def test_a_rule_id_is_lower_case_letters_digits_and_hyphens(text: str) -> None:
    """A letter comes first, and there are at most 63 characters."""
    if re.fullmatch(r"[a-z][a-z0-9-]*", text) and len(text) <= 63:
        assert Rule(text, METRIC, Absence(), Severity.INFO).id == text
    else:
        with pytest.raises(ValueError, match="is not a rule id"):
            Rule(text, METRIC, Absence(), Severity.INFO)


@pytest.mark.parametrize("name", ["hold_for", "keep_open_for"])
def test_a_rule_refuses_negative_durations(name: str) -> None:
    """The error names the rule and the field."""
    durations: Any = {name: timedelta(microseconds=-1)}
    with pytest.raises(ValueError, match=f"^silent: {name} is .*: must not be negative$"):
        Rule("silent", METRIC, Absence(), Severity.INFO, **durations)


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), float("-inf")])
def test_conditions_refuse_limits_that_are_not_finite(limit: float) -> None:
    """Nothing compares with NaN, and nothing lies beyond infinity."""
    with pytest.raises(ValueError, match=r"limit is .*: must be finite"):
        Threshold(Comparison.ABOVE, limit)
    with pytest.raises(ValueError, match=r"limit is .*: must be finite"):
        ConsecutiveBreaches(Comparison.ABOVE, limit, 3)
    with pytest.raises(ValueError, match=r"limit is .*: must be finite"):
        RateOfChange(Comparison.ABOVE, limit, timedelta(minutes=1))


@pytest.mark.parametrize("count", [-1, 0, MAX_CONSECUTIVE + 1])
def test_consecutive_breaches_refuse_a_count_out_of_bounds(count: int) -> None:
    """From 1 to 1,000 samples in a row."""
    with pytest.raises(ValueError, match=f"count is {count}: must be from 1 to 1000"):
        ConsecutiveBreaches(Comparison.ABOVE, 0.9, count)


@pytest.mark.parametrize("count", [1, MAX_CONSECUTIVE])
def test_consecutive_breaches_take_both_bounds(count: int) -> None:
    """The bounds themselves are allowed."""
    assert ConsecutiveBreaches(Comparison.ABOVE, 0.9, count).count == count


@pytest.mark.parametrize("window", [timedelta(0), timedelta(seconds=-1)])
def test_a_rate_needs_a_window(window: timedelta) -> None:
    """A rate over nothing is refused."""
    with pytest.raises(ValueError, match=r"window is .*: must be longer than 0"):
        RateOfChange(Comparison.ABOVE, 0.9, window)


def test_an_incident_goes_through_its_states() -> None:
    """Pending, open, resolved: each step is a new value, and the id stays."""
    rule = Rule("silent", METRIC, Absence(), Severity.CRITICAL)
    pending = Incident.begin(rule, AT)
    opened = pending.open(AT + timedelta(minutes=1))
    keeping = opened.keep(AT + timedelta(minutes=2))
    resolved = keeping.resolve(AT + timedelta(minutes=3), Resolution.CLEARED)
    assert [step.state for step in (pending, opened, keeping, resolved)] == [
        IncidentState.PENDING,
        IncidentState.OPEN,
        IncidentState.OPEN,
        IncidentState.RESOLVED,
    ]
    assert {step.id for step in (pending, opened, keeping, resolved)} == {"silent@20261123T090000.000000Z"}
    assert keeping.keep(None) == opened


def test_incidents_of_a_rule_that_begin_a_microsecond_apart_have_different_ids() -> None:
    """The id holds all that tells two beginnings apart."""
    rule = Rule("silent", METRIC, Absence(), Severity.CRITICAL)
    assert Incident.begin(rule, AT).id != Incident.begin(rule, AT + timedelta(microseconds=1)).id


def test_no_two_resolutions_are_the_same_word() -> None:
    """A recovery, a silence and a retired rule are told apart."""
    assert sorted(Resolution) == ["condition cleared", "no data", "rule retired"]
