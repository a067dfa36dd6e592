"""What queries answer, to the last key: machines read it."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta

from service_monitoring.application.commands import DraftRule, Evaluate, IngestSamples, RetireRule
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import OutboxCounts
from service_monitoring.application.queries import (
    Phase,
    Span,
    describe,
    describe_rule,
    describe_span,
    snapshot,
    summary,
    timeline,
)
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Absence, Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.storage.memory import MemoryStore

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BUSY = Rule(
    "busy",
    MetricName("busy"),
    Threshold(Comparison.ABOVE, 0.5),
    Severity.CRITICAL,
    hold_for=2 * SECOND,
    keep_open_for=SECOND,
    runbook="busy-machine",
)
SLOW = Rule("slow", MetricName("busy"), Threshold(Comparison.ABOVE, 0.7), Severity.INFO, hold_for=60 * SECOND)


def decided() -> MemoryStore:
    """One incident opened and resolved, one forgotten, one pending again; a draft and a retired rule."""
    store, clock = MemoryStore(), TraceClock()
    clock.instant = AT
    monitor = Monitor("machine", store, clock)
    retired = Rule("retired", MetricName("other"), Absence(), Severity.INFO)
    monitor.begin(timedelta(minutes=5), [BUSY, SLOW, retired])
    monitor.handle(RetireRule("retired"))
    monitor.handle(DraftRule(Rule("draft", MetricName("other"), Absence(), Severity.INFO)))
    for second, value in enumerate([1.0, 1.0, 0.9, 0.1, 0.1, 0.6]):
        at = AT + second * SECOND
        monitor.handle(IngestSamples([Sample(MetricName("busy"), value, at)]))
        monitor.handle(Evaluate(at))
    return store


def test_an_incident_is_described_with_every_instant() -> None:
    """As JSON takes it; what has not happened is null."""
    ledger = decided().projections("machine").incidents
    (resolved,) = ledger.resolved
    (pending,) = ledger.current.values()
    assert describe(resolved) == {
        "id": "busy@20261123T090000.000000Z",
        "rule": "busy",
        "metric": "busy",
        "severity": "critical",
        "state": "resolved",
        "pending_since": "2026-11-23T09:00:00Z",
        "opened_at": "2026-11-23T09:00:02Z",
        "resolved_at": "2026-11-23T09:00:04Z",
        "resolution": "condition cleared",
    }
    assert describe(pending) == {
        "id": "busy@20261123T090005.000000Z",
        "rule": "busy",
        "metric": "busy",
        "severity": "critical",
        "state": "pending",
        "pending_since": "2026-11-23T09:00:05Z",
        "opened_at": None,
        "resolved_at": None,
        "resolution": None,
    }


def test_a_rule_is_described_with_durations_in_seconds() -> None:
    """And its condition in words."""
    assert describe_rule(BUSY) == {
        "id": "busy",
        "metric": "busy",
        "condition": "> 0.5",
        "severity": "critical",
        "hold_for_seconds": 2.0,
        "keep_open_for_seconds": 1.0,
        "runbook": "busy-machine",
    }


def test_a_timeline_has_each_phase_with_its_ends() -> None:
    """In the order in which they began; what lasts has no end."""
    spans = timeline(decided().events("machine"))
    assert spans == [
        Span("busy", Phase.PENDING, AT, AT + 2 * SECOND),
        Span("slow", Phase.PENDING, AT, AT + 3 * SECOND),
        Span("busy", Phase.OPEN, AT + 2 * SECOND, AT + 4 * SECOND),
        Span("busy", Phase.PENDING, AT + 5 * SECOND, None),
    ]
    assert [describe_span(span) for span in spans[2:]] == [
        {"rule": "busy", "phase": "open", "since": "2026-11-23T09:00:02Z", "until": "2026-11-23T09:00:04Z"},
        {"rule": "busy", "phase": "pending", "since": "2026-11-23T09:00:05Z", "until": None},
    ]


def test_a_snapshot_stays_what_it_was() -> None:
    """Whatever is decided and changed afterwards: it is a copy, not a view."""
    store = decided()
    taken = snapshot(store.projections("machine"), store.window(), AT)
    said = deepcopy(taken)
    monitor = Monitor("machine", store, TraceClock())
    monitor.handle(RetireRule("busy"))
    monitor.handle(IngestSamples([Sample(MetricName("new"), 1.0, AT)]))
    assert taken == said != snapshot(store.projections("machine"), store.window(), AT)


def test_a_snapshot_and_a_summary_say_what_is_true_now() -> None:
    """Values, counts and states."""
    store = decided()
    live, at = store.projections("machine"), AT + 5 * SECOND
    (pending,) = live.incidents.current.values()
    counts = {"opened": 1, "resolved": 1, "forgotten": 1}
    assert snapshot(live, store.window(), at) == {
        "at": "2026-11-23T09:00:05Z",
        "rules": {"busy": "active", "slow": "active", "retired": "retired", "draft": "draft"},
        "metrics": {"busy": 0.6},
        "incidents": {"current": [describe(pending)], **counts},
    }
    assert summary(live, store.window(), None, OutboxCounts(3, 4)) == {
        "decided_at": None,
        "samples": 6,
        "metrics": 1,
        "rules": {"active": 2, "retired": 1, "draft": 1},
        "incidents": {"current": 1, **counts},
        "outbox": {"waiting": 3, "dead": 4},
    }
    assert summary(live, store.window(), at, OutboxCounts(0, 0))["decided_at"] == "2026-11-23T09:00:05Z"
