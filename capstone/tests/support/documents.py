"""One stored document of every kind and shape: what the fixtures of each schema version hold.

`python -m support.documents` (in capstone/tests) writes those of today's version, once: a version that was
written is never written again.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service_monitoring.application.projections import Projections
from service_monitoring.boundary import documents
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.events import (
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
    RuleActivated,
    RuleDrafted,
    RuleRetired,
)
from service_monitoring.domain.incidents import Incident, Resolution
from service_monitoring.domain.policy import MonitoringPolicy, RuleEntry
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_monitoring.domain.events import Event

FOLDER = Path(__file__).resolve().parents[1] / "contract/documents"
AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
METRIC = MetricName("cpu_busy_ratio")

RULES = [
    RuleEntry(
        Rule(
            "threshold",
            METRIC,
            Threshold(Comparison.ABOVE, 0.9),
            Severity.CRITICAL,
            hold_for=90 * SECOND,
            keep_open_for=timedelta(minutes=5),
            runbook="cpu-saturated",
        ),
        RuleStatus.ACTIVE,
    ),
    RuleEntry(
        Rule("consecutive", METRIC, ConsecutiveBreaches(Comparison.AT_LEAST, -1e300, 3), Severity.WARNING),
        RuleStatus.DRAFT,
    ),
    RuleEntry(
        Rule("rate", METRIC, RateOfChange(Comparison.BELOW, 0.1, timedelta(minutes=2)), Severity.INFO),
        RuleStatus.ACTIVE,
    ),
    RuleEntry(Rule("absence", METRIC, Absence(), Severity.INFO), RuleStatus.RETIRED),
]
PENDING = Incident.begin(RULES[0].rule, AT)
OPEN = Incident.begin(RULES[2].rule, AT).open(AT + SECOND)
KEPT = OPEN.keep(AT + 2 * SECOND)
RESOLVED = [KEPT.resolve(AT + 3 * SECOND, why) for why in Resolution]
EVENTS: list[Event] = [
    *(RuleDrafted(rule, AT) for rule, _ in RULES),
    RuleActivated("threshold", AT),
    RuleActivated("rate", AT),
    RuleActivated("absence", AT),
    RuleRetired("absence", AT),
    IncidentPending(PENDING, AT),
    IncidentForgotten(PENDING, AT + SECOND),
    IncidentOpened(OPEN, AT + SECOND),
    *(IncidentResolved(incident, AT + 3 * SECOND) for incident in RESOLVED),
    IncidentOpened(KEPT, AT + 4 * SECOND),
]


def policy() -> MonitoringPolicy:
    """A policy with a rule of every kind and status, one incident pending and one being kept open."""
    return MonitoringPolicy.restore(
        "machine",
        lookback=timedelta(minutes=5),
        version=7,
        rules=RULES,
        incidents=[PENDING, KEPT],
        decided_at=AT + 4 * SECOND,
    )


VALUES: dict[str, Any] = {
    "definition": policy(),
    "state": policy(),
    "projections": Projections().apply(EVENTS),
    **{f"event-{number:02}": event for number, event in enumerate(EVENTS)},
    **{f"incident-{number}": i for number, i in enumerate([PENDING, OPEN, KEPT, *RESOLVED])},
}
"""What each fixture loads to, by the name of its file."""

ENCODERS: dict[str, Callable[[Any], str]] = {
    "definition": documents.encode_definition,
    "state": documents.encode_state,
    "projections": documents.encode_projections,
    "event": documents.encode_event,
    "incident": documents.encode_incident,
}


def encoded() -> dict[str, str]:
    """Every fixture as today's release writes it."""
    return {name: ENCODERS[name.partition("-")[0]](value) for name, value in VALUES.items()}


if __name__ == "__main__":
    folder = FOLDER / f"v{documents.SCHEMA}"
    if folder.exists():
        sys.exit(f"{folder}: exists, and what was written once is never written again")
    folder.mkdir(parents=True)
    for name, text in encoded().items():
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
