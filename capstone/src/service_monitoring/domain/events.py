"""Events: facts in the past tense, collected by the policy and published after the commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from service_monitoring.domain.incidents import Incident
    from service_monitoring.domain.rules import Rule


@dataclass(frozen=True, slots=True)
class RuleDrafted:
    """A rule was written down; it decides nothing yet."""

    rule: Rule
    at: datetime


@dataclass(frozen=True, slots=True)
class RuleActivated:
    """A rule began to decide."""

    rule_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RuleRetired:
    """A rule stopped deciding, for good."""

    rule_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentPending:
    """A condition was first seen true."""

    incident: Incident
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentForgotten:
    """A pending incident's condition was false before it had held long enough; nobody is told."""

    incident: Incident
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """A condition had been true for `hold_for`."""

    incident: Incident
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """An open incident ended; its resolution says why."""

    incident: Incident
    at: datetime


RuleEvent = RuleDrafted | RuleActivated | RuleRetired
IncidentEvent = IncidentPending | IncidentForgotten | IncidentOpened | IncidentResolved
Event = RuleEvent | IncidentEvent
