"""Incidents: pending, then open, then resolved, each step with its instant and its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from service_monitoring.domain.rules import Rule
    from service_monitoring.domain.values import MetricName, Severity


class IncidentState(StrEnum):
    """How far an incident is."""

    PENDING = "pending"
    OPEN = "open"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """Why an incident was resolved: a recovery and a silence are never the same word."""

    CLEARED = "condition cleared"
    NO_DATA = "no data"
    RULE_RETIRED = "rule retired"


@dataclass(frozen=True, slots=True)
class Incident:
    """One time that one rule came true. Immutable: each step is a new value with the same id.

    Attributes:
        rule_id: The rule that asked.
        metric: The metric it asked about.
        severity: The rule's severity when the incident began.
        pending_since: When the condition was first seen true.
        opened_at: When it had been true for `hold_for`; `None` while pending.
        keeping_since: Since when an open incident's condition has been false; `None` while it is true.
        resolved_at: When it was resolved; `None` before.
        resolution: Why it was resolved; `None` before.
    """

    rule_id: str
    metric: MetricName
    severity: Severity
    pending_since: datetime
    opened_at: datetime | None = None
    keeping_since: datetime | None = None
    resolved_at: datetime | None = None
    resolution: Resolution | None = None

    @classmethod
    def begin(cls, rule: Rule, at: datetime) -> Incident:
        """The pending incident of a rule whose condition was first seen true at `at`."""
        return cls(rule.id, rule.metric, rule.severity, pending_since=at)

    @property
    def id(self) -> str:
        """Rule and beginning: the same decisions give the same id on every machine and in every replay."""
        return f"{self.rule_id}@{self.pending_since:%Y%m%dT%H%M%S.%fZ}"

    @property
    def state(self) -> IncidentState:
        """Pending, open or resolved."""
        if self.resolved_at is not None:
            return IncidentState.RESOLVED
        return IncidentState.PENDING if self.opened_at is None else IncidentState.OPEN

    def open(self, at: datetime) -> Incident:
        """The same incident, open."""
        return replace(self, opened_at=at)

    def keep(self, since: datetime | None) -> Incident:
        """The same incident, its condition false since `since`, or true again (`None`)."""
        return replace(self, keeping_since=since)

    def resolve(self, at: datetime, why: Resolution) -> Incident:
        """The same incident, resolved."""
        return replace(self, resolved_at=at, resolution=why)
