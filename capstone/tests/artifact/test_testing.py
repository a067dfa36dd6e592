"""What tests and lessons are given: a clock, a sink, and a monitor in one line."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from service_monitoring.application.commands import Evaluate
from service_monitoring.application.ports import ConcurrencyConflictError, OutboxCounts, StoreError
from service_monitoring.domain.conditions import Absence
from service_monitoring.domain.policy import PolicyError
from service_monitoring.domain.rules import RuleStatus
from service_monitoring.signals.testing import CapturedSignals
from service_monitoring.testing import (
    START,
    RememberingSink,
    SteppableClock,
    SteppableMonitor,
    make_rule,
    make_samples,
    shipped_rules,
    shipped_samples,
    temporary_store,
)

if TYPE_CHECKING:
    from pathlib import Path

BUSY = make_rule("busy", "busy", above=0.9)


def test_a_clock_moves_only_when_it_is_moved() -> None:
    """By a text with units or by a timedelta."""
    clock = SteppableClock()
    assert clock.now() == clock.now() == START
    assert clock.advance("1m30s") == clock.now() == START + timedelta(seconds=90)
    assert clock.advance(timedelta(microseconds=1)) == START + timedelta(seconds=90, microseconds=1)
    with pytest.raises(ValueError, match="'90' is not a duration: write it like 90s"):
        clock.advance("90")


def test_an_evaluation_moves_the_clock_decides_and_delivers() -> None:
    """Each a quarter of a minute later, unless it is told otherwise."""
    monitor = SteppableMonitor(BUSY)
    assert monitor.ingest(make_samples("busy", 1.0, 0.5, every="30s")).kept == 2
    assert [type(event).__name__ for event in monitor.evaluate().events] == [
        "IncidentPending",
        "IncidentOpened",
    ]
    monitor.evaluate(after="20s")
    assert monitor.clock.now() == START + timedelta(seconds=35)
    assert monitor.sink.lines() == [
        "09:00:15  open      busy                   warning",
        "09:00:35  resolved  busy                   condition cleared after 20s",
    ]
    with pytest.raises(PolicyError, match="decided at"):
        monitor.evaluate(after="0s")


def test_a_sink_fails_as_often_as_it_should() -> None:
    """And then takes what waited, in its order; the monitor's own sink hears nothing of it."""
    pager = RememberingSink("pager", fails=2)
    monitor = SteppableMonitor(BUSY, sinks=[pager])
    monitor.ingest(make_samples("busy", 1.0))
    monitor.evaluate()
    assert monitor.store.outbox.counts() == OutboxCounts(waiting=1, dead=0)
    for _ in range(2):
        monitor.clock.advance("5m")
        monitor.deliver_due()
    assert [notification.incident.rule_id for notification in pager.notifications] == ["busy"]
    assert monitor.sink.notifications == []


def test_a_second_monitor_goes_on_with_the_policy_of_the_store() -> None:
    """Without rules of its own; with rules it would have to begin, and the policy is there."""
    with temporary_store() as store:
        first = SteppableMonitor(BUSY, store=store, clock=SteppableClock(START - timedelta(hours=1)))
        SteppableMonitor(store=store).ingest(make_samples("busy", 1.0))
        assert len(first.handle(Evaluate(START)).events) == 2
        with pytest.raises(ConcurrencyConflictError):
            SteppableMonitor(BUSY, store=store)


def test_a_monitor_without_rules_has_an_empty_policy() -> None:
    """It can be given rules by commands."""
    signals = CapturedSignals()
    monitor = SteppableMonitor(policy_id="fleet", lookback="1m", signals=signals)
    assert monitor.store.projections("fleet").rules.statuses == {}
    assert len(signals.signals) == 1
    assert monitor.evaluate().events == []


def test_a_temporary_store_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is removed, also when what used it failed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_store(), temporary_store():
        assert len(list(tmp_path.glob("*/store.db"))) == 2
    with pytest.raises(StoreError), temporary_store():
        raise StoreError
    assert list(tmp_path.iterdir()) == []


def test_a_rule_has_one_condition() -> None:
    """A limit above or below which it is true, or any condition; more or none is refused."""
    assert str(make_rule("idle", "busy", below=0.1).condition) == "< 0.1"
    rule = make_rule("silent", "up", Absence(), hold_for="1m", keep_open_for=timedelta(seconds=5))
    assert (rule.condition, rule.hold_for, rule.keep_open_for) == (
        Absence(),
        timedelta(minutes=1),
        timedelta(seconds=5),
    )
    with pytest.raises(ValueError, match="busy: give exactly one of condition, above and below"):
        make_rule("busy", "busy")
    with pytest.raises(ValueError, match="busy: give exactly one of condition, above and below"):
        make_rule("busy", "busy", above=1.0, below=0.0)


def test_samples_stand_at_regular_instants() -> None:
    """A second apart from nine o'clock on, unless told otherwise; whole numbers become floats."""
    assert [sample.observed_at - START for sample in make_samples("up", 1, 0)] == [
        timedelta(0),
        timedelta(seconds=1),
    ]
    (sample,) = make_samples("up", 1, start=START + timedelta(hours=1))
    assert (sample.value, sample.observed_at) == (1.0, START + timedelta(hours=1))


def test_a_replay_of_the_shipped_trace_tells_what_the_command_line_tells() -> None:
    """Fourteen notifications of six active rules, at the instants of the README."""
    monitor = SteppableMonitor(*shipped_rules())
    replayed = monitor.replay(shipped_samples())
    assert (replayed.samples, replayed.decisions) == (8_820, 85)
    assert set(monitor.store.projections("machine").rules.statuses.values()) == {RuleStatus.ACTIVE}
    told = monitor.sink.lines()
    assert len(told) == 14
    assert told[0] == "09:03:30  open      cpu-saturated          critical"
    assert told[-1] == "09:17:15  resolved  load-above-processors  condition cleared after 45s"
