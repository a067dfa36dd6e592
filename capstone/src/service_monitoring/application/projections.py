"""Projections: views derived from events alone. Throw them away, apply the events again, get the same."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

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
from service_monitoring.domain.rules import RuleStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service_monitoring.domain.incidents import Incident
    from service_monitoring.domain.rules import Rule
    from service_monitoring.domain.values import MetricName

MAX_RESOLVED = 100


@dataclass
class ActiveRuleIndex:
    """Every rule with its status, and the active ones by metric."""

    rules: dict[str, Rule] = field(default_factory=dict)
    statuses: dict[str, RuleStatus] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case RuleDrafted(rule):
                self.rules[rule.id] = rule
                self.statuses[rule.id] = RuleStatus.DRAFT
            case RuleActivated(rule_id):
                self.statuses[rule_id] = RuleStatus.ACTIVE
            case RuleRetired(rule_id):
                self.statuses[rule_id] = RuleStatus.RETIRED
            case _:
                pass

    def by_metric(self) -> Mapping[MetricName, list[str]]:
        """The ids of the active rules that look at each metric."""
        index: dict[MetricName, list[str]] = {}
        for rule_id, status in self.statuses.items():
            if status is RuleStatus.ACTIVE:
                index.setdefault(self.rules[rule_id].metric, []).append(rule_id)
        return index


@dataclass
class IncidentLedger:
    """The pending and open incidents, the newest 100 resolved ones, and how many there ever were."""

    current: dict[str, Incident] = field(default_factory=dict)
    resolved: deque[Incident] = field(default_factory=lambda: deque(maxlen=MAX_RESOLVED))
    opened_count: int = 0
    resolved_count: int = 0
    forgotten_count: int = 0

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case IncidentPending(incident):
                self.current[incident.id] = incident
            case IncidentOpened(incident):
                self.current[incident.id] = incident
                self.opened_count += 1
            case IncidentForgotten(incident):
                self.current.pop(incident.id, None)
                self.forgotten_count += 1
            case IncidentResolved(incident):
                self.current.pop(incident.id, None)
                self.resolved.append(incident)
                self.resolved_count += 1
            case _:
                pass

    def opened(self) -> list[Incident]:
        """The incidents that are or were open, in the order of their opening."""
        incidents = [*self.resolved, *self.current.values()]
        return sorted(
            (i for i in incidents if i.opened_at is not None), key=lambda i: (i.opened_at, i.rule_id)
        )


@dataclass
class Projections:
    """The derived views of one policy, kept in step."""

    rules: ActiveRuleIndex = field(default_factory=ActiveRuleIndex)
    incidents: IncidentLedger = field(default_factory=IncidentLedger)

    def apply(self, events: Iterable[Event]) -> Self:
        """Take events in, in commit order."""
        for event in events:
            self.rules.apply(event)
            self.incidents.apply(event)
        return self
