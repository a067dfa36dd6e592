"""Queries: answers read from projections, events and samples; they change nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from service_monitoring.domain.events import (
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from service_monitoring.application.ports import OutboxCounts
    from service_monitoring.application.projections import Projections
    from service_monitoring.domain.events import Event
    from service_monitoring.domain.incidents import Incident
    from service_monitoring.domain.rules import Rule
    from service_monitoring.domain.window import SampleWindow


class Phase(StrEnum):
    """What a rule was doing during a span of its timeline."""

    PENDING = "pending"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a rule was in one phase; `until` is `None` while it lasts."""

    rule_id: str
    phase: Phase
    since: datetime
    until: datetime | None


def timeline(events: Iterable[Event]) -> list[Span]:
    """The spans in which rules were pending or open, in the order in which they began.

    Incidents carry their own instants: events that begin in the middle of one, because the store keeps no
    older ones, are enough.
    """
    spans: list[Span] = []
    running: dict[str, Span] = {}
    for event in events:
        match event:
            case IncidentPending(incident, at):
                running[incident.id] = Span(incident.rule_id, Phase.PENDING, at, None)
            case IncidentOpened(incident, at):
                spans.append(Span(incident.rule_id, Phase.PENDING, incident.pending_since, at))
                running[incident.id] = Span(incident.rule_id, Phase.OPEN, at, None)
            case IncidentForgotten(incident, at):
                spans.append(Span(incident.rule_id, Phase.PENDING, incident.pending_since, at))
                running.pop(incident.id, None)
            case IncidentResolved(incident, at):
                spans.append(Span(incident.rule_id, Phase.OPEN, incident.opened_at or at, at))
                running.pop(incident.id, None)
            case _:
                pass
    spans += running.values()
    return sorted((span for span in spans if span.since != span.until), key=lambda span: span.since)


def snapshot(projections: Projections, window: SampleWindow, at: datetime | None) -> dict[str, Any]:
    """Everything that is true now, as plain data for JSON: a copy, taken at once, not a view.

    Args:
        projections: The live projections.
        window: The committed samples.
        at: The instant of the last decision.
    """
    ledger = projections.incidents
    return {
        "at": _instant(at),
        "rules": {rule_id: status.value for rule_id, status in projections.rules.statuses.items()},
        "metrics": {metric: window.series(metric).last() for metric in window.metrics()},
        "incidents": {
            "current": [describe(incident) for incident in ledger.current.values()],
            "opened": ledger.opened_count,
            "resolved": ledger.resolved_count,
            "forgotten": ledger.forgotten_count,
        },
    }


def summary(
    projections: Projections, window: SampleWindow, at: datetime | None, outbox: OutboxCounts
) -> dict[str, Any]:
    """How much there is of everything, as plain data for JSON."""
    ledger = projections.incidents
    return {
        "decided_at": _instant(at),
        "samples": len(window),
        "metrics": len(window.metrics()),
        "rules": Counter(status.value for status in projections.rules.statuses.values()),
        "incidents": {
            "current": len(ledger.current),
            "opened": ledger.opened_count,
            "resolved": ledger.resolved_count,
            "forgotten": ledger.forgotten_count,
        },
        "outbox": outbox._asdict(),
    }


def describe_rule(rule: Rule) -> dict[str, Any]:
    """One rule as plain data for JSON."""
    return {
        "id": rule.id,
        "metric": rule.metric,
        "condition": str(rule.condition),
        "severity": rule.severity.name.lower(),
        "hold_for_seconds": rule.hold_for.total_seconds(),
        "keep_open_for_seconds": rule.keep_open_for.total_seconds(),
        "runbook": rule.runbook,
    }


def describe_span(span: Span) -> dict[str, Any]:
    """One span of a timeline as plain data for JSON."""
    return {
        "rule": span.rule_id,
        "phase": span.phase.value,
        "since": _instant(span.since),
        "until": _instant(span.until),
    }


def describe(incident: Incident) -> dict[str, Any]:
    """One incident as plain data for JSON."""
    return {
        "id": incident.id,
        "rule": incident.rule_id,
        "metric": incident.metric,
        "severity": incident.severity.name.lower(),
        "state": incident.state.value,
        "pending_since": _instant(incident.pending_since),
        "opened_at": _instant(incident.opened_at),
        "resolved_at": _instant(incident.resolved_at),
        "resolution": incident.resolution.value if incident.resolution else None,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
