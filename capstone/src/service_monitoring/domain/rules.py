"""Rules: immutable definitions of what is worth an incident."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service_monitoring.domain.conditions import Condition
    from service_monitoring.domain.values import MetricName, Severity

_RULE_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")


class RuleStatus(StrEnum):
    """A rule's life: draft, then active, then retired for good."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class Signature(NamedTuple):
    """What makes two rules the same question: no two active rules of a policy share one."""

    metric: MetricName
    condition: Condition


@dataclass(frozen=True, slots=True)
class Rule:
    """When a condition on a metric becomes an incident, and when it stops being one.

    Attributes:
        id: Lower-case letters, digits and hyphens; names the rule for good.
        metric: The metric that is looked at.
        condition: The question that is asked of it.
        severity: How soon somebody must look.
        hold_for: How long the condition must be true before the incident opens (Prometheus: `for`).
        keep_open_for: How long it must be false before the incident resolves (`keep_firing_for`).
        runbook: Where to read what to do: the name of a page under `capstone/runbooks/`.

    Raises:
        ValueError: The id is malformed, or a duration is negative.
    """

    id: str
    metric: MetricName
    condition: Condition
    severity: Severity
    hold_for: timedelta = timedelta(0)
    keep_open_for: timedelta = timedelta(0)
    runbook: str = ""

    def __post_init__(self) -> None:
        if not _RULE_ID.fullmatch(self.id):
            raise ValueError(
                f"{self.id[:70]!a} is not a rule id: "
                "use lower-case letters, digits and hyphens, and a letter first"
            )
        for name, duration in (("hold_for", self.hold_for), ("keep_open_for", self.keep_open_for)):
            if duration < timedelta(0):
                raise ValueError(f"{self.id}: {name} is {duration}: must not be negative")

    @property
    def signature(self) -> Signature:
        """Metric and condition: what the rule asks."""
        return Signature(self.metric, self.condition)
