"""Reports: what the command line prints, as text; all times are UTC."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from service_monitoring.application.queries import Phase, Span
from service_monitoring.boundary.durations import format_duration
from service_monitoring.domain.events import (
    Event,
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
    RuleActivated,
    RuleDrafted,
    RuleRetired,
)
from service_monitoring.domain.incidents import IncidentState
from service_monitoring.domain.rules import Rule, RuleStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from service_monitoring.application.projections import ActiveRuleIndex, IncidentLedger
    from service_monitoring.application.replay import ReplayStatistics
    from service_monitoring.domain.incidents import Incident

CHART_COLUMNS = 60
_IDLE = "·"
_MARKS = {Phase.PENDING: "-", Phase.OPEN: "█"}


def incident_line(incident: Incident) -> str:
    """An incident that just opened or resolved."""
    if incident.resolved_at is None or incident.opened_at is None:
        at, what, why = incident.opened_at, "open", incident.severity.name.lower()
    else:
        lasted = format_duration(incident.resolved_at - incident.opened_at)
        at, what, why = incident.resolved_at, "resolved", f"{incident.resolution} after {lasted}"
    return f"{at:%H:%M:%S}  {what:<8}  {incident.rule_id:<22} {why}"


def event_line(event: Event) -> str:
    """One event of the history."""
    match event:
        case RuleDrafted(rule):
            subject = rule.id
        case RuleActivated(rule_id) | RuleRetired(rule_id):
            subject = rule_id
        case IncidentResolved(incident):
            subject = f"{incident.id}: {incident.resolution}"
        case IncidentPending(incident) | IncidentForgotten(incident) | IncidentOpened(incident):
            subject = incident.id
    return f"{event.at:%H:%M:%S}  {type(event).__name__:<17}  {subject}"


def totals(statistics: ReplayStatistics, ledger: IncidentLedger) -> str:
    """What a replay came to, in one line."""
    return (
        f"{statistics.samples:,} samples, {statistics.decisions} decisions: "
        f"{ledger.opened_count} incidents opened, {ledger.resolved_count} resolved, "
        f"{ledger.forgotten_count} forgotten while pending"
    )


def period(statistics: ReplayStatistics) -> str:
    """From the first sample to the last."""
    return f"{statistics.first_at:%Y-%m-%d %H:%M:%S} to {statistics.last_at:%H:%M:%S} UTC"


def samples(statistics: ReplayStatistics, metrics: int) -> str:
    """How many samples came, and how many of them were refused and why."""
    refused = ", ".join(f"{count:,} refused: {reason}" for reason, count in statistics.refused.items())
    return f"{statistics.samples:,} of {metrics} metrics, {refused or 'none refused'}"


def rule_counts(index: ActiveRuleIndex) -> str:
    """How many rules are in each status."""
    counts = Counter(index.statuses.values())
    return ", ".join(f"{counts[status]} {status}" for status in RuleStatus)


def incident_counts(ledger: IncidentLedger) -> str:
    """How many incidents are in each state, and how many never opened."""
    states = Counter(incident.state for incident in ledger.current.values())
    return (
        f"{states[IncidentState.PENDING]} pending, {states[IncidentState.OPEN]} open, "
        f"{ledger.resolved_count} resolved, {ledger.forgotten_count} forgotten while pending"
    )


def rule_table(rules: Iterable[Rule]) -> str:
    """The rules in columns."""
    rows = [("rule", "severity", "asks", "hold for", "keep open for")]
    rows += [
        (
            rule.id,
            rule.severity.name.lower(),
            f"{rule.metric} {rule.condition}",
            format_duration(rule.hold_for),
            format_duration(rule.keep_open_for),
        )
        for rule in rules
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def chart(rule_ids: Sequence[str], spans: Sequence[Span], first: datetime, last: datetime) -> str:
    """One row a rule over the time from `first` to `last`: idle, pending, open."""
    # One sample at the instant of its decision is a trace without length.
    step = max(last - first, timedelta(seconds=1)) / CHART_COLUMNS
    width = max(map(len, rule_ids), default=0)
    lines = [f"{'':<{width}}  {first:%H:%M:%S}{f'{last:%H:%M:%S}':>{CHART_COLUMNS - 8}}"]
    for rule_id in rule_ids:
        row = [_IDLE] * CHART_COLUMNS
        for span in (span for span in spans if span.rule_id == rule_id):
            start = min(int((span.since - first) / step), CHART_COLUMNS - 1)
            end = round(((span.until or last) - first) / step)
            row[start : max(start + 1, end)] = _MARKS[span.phase] * max(1, end - start)
        lines.append(f"{rule_id:<{width}}  {''.join(row[:CHART_COLUMNS])}")
    return "\n".join([*lines, f"{'':<{width}}  " + "  ".join(f"{m} {phase}" for phase, m in _MARKS.items())])


def snapshot_text(document: dict[str, Any]) -> str:
    """A snapshot for people."""
    lines = [f"at {document['at']}"]
    lines += [f"  {metric:<34} {value:>16,.4f}" for metric, value in document["metrics"].items()]
    current = document["incidents"]["current"]
    lines += [f"  {incident['state']}: {incident['id']}, {incident['severity']}" for incident in current]
    return "\n".join(lines if current else [*lines, "  no incident is pending or open"])
