"""Stored documents: the explicit codec between the domain and what a store keeps as JSON text.

Every document says its kind and the version of its schema. What any release ever wrote is read by this one:
an older document is lifted, version by version, before it is decoded. Nothing is loaded by class name.
Instants and durations are whole microseconds.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from service_monitoring.application.projections import (
    MAX_RESOLVED,
    ActiveRuleIndex,
    IncidentLedger,
    Projections,
)
from service_monitoring.boundary.rejections import excerpt
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
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
from service_monitoring.domain.incidents import Incident, Resolution
from service_monitoring.domain.policy import MonitoringPolicy, RuleEntry
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Severity, from_microseconds, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

SCHEMA = 2

_MICROSECOND = timedelta(microseconds=1)
_Fields = dict[str, Any]
T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class DocumentError(ValueError):
    """A stored document is not one that any release wrote; the message names it and what is wrong."""


def encode_definition(policy: MonitoringPolicy) -> str:
    """What a policy decides by: its lookback, and every rule with its status."""
    rules = [_entry(*entry) for entry in policy.rules.values()]
    return _encode("definition", {"lookback": _duration(policy.lookback), "rules": rules})


def encode_state(policy: MonitoringPolicy) -> str:
    """Where a policy stands: its last decision, and its pending and open incidents."""
    incidents = [_incident(incident) for incident in policy.incidents.values()]
    return _encode("state", {"decided_at": _instant(policy.decided_at), "incidents": incidents})


def decode_policy(policy_id: str, version: int, definition: str, state: str) -> MonitoringPolicy:
    """The policy that was stored as these two documents.

    Raises:
        DocumentError: One of them is no such document.
    """
    lookback, rules = _decode("definition", definition, _read_definition)
    decided_at, incidents = _decode("state", state, _read_state)
    return MonitoringPolicy.restore(
        policy_id, lookback=lookback, version=version, rules=rules, incidents=incidents, decided_at=decided_at
    )


def encode_event(event: Event) -> str:
    """One event."""
    subject: _Fields
    match event:
        case RuleDrafted(rule):
            subject = {"rule": _rule(rule)}
        case RuleActivated(rule_id) | RuleRetired(rule_id):
            subject = {"rule_id": rule_id}
        case _:
            subject = {"incident": _incident(event.incident)}
    return _encode("event", {"event": _EVENT_NAMES[type(event)], "at": _instant(event.at), **subject})


def decode_event(text: str) -> Event:
    """The event that was stored.

    Raises:
        DocumentError: It is no event.
    """
    return _decode("event", text, _read_event)


def encode_incident(incident: Incident) -> str:
    """One incident."""
    return _encode("incident", {"incident": _incident(incident)})


def decode_incident(text: str) -> Incident:
    """The incident that was stored.

    Raises:
        DocumentError: It is no incident.
    """
    return _decode("incident", text, lambda fields: _read_incident(*_take(fields, "incident")))


def encode_projections(projections: Projections) -> str:
    """The projections of a policy."""
    index, ledger = projections.rules, projections.incidents
    fields = {
        "rules": [_entry(rule, index.statuses[rule_id]) for rule_id, rule in index.rules.items()],
        "current": [_incident(incident) for incident in ledger.current.values()],
        "resolved": [_incident(incident) for incident in ledger.resolved],
        "opened_count": ledger.opened_count,
        "resolved_count": ledger.resolved_count,
        "forgotten_count": ledger.forgotten_count,
    }
    return _encode("projections", fields)


def decode_projections(text: str) -> Projections:
    """The projections that were stored.

    Raises:
        DocumentError: They are no projections.
    """
    return _decode("projections", text, _read_projections)


_NAMES = ("severity", "resolution")


def _lower_names(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Schema 1 wrote severities and resolutions in capitals, as nothing else that the service says does."""
    if isinstance(value, list):
        return [_lower_names(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item.lower()
        if key in ("severity", "resolution") and isinstance(item, str)
        else _lower_names(item)
        for key, item in value.items()
    }


_UPCASTERS: dict[int, Callable[[_Fields], _Fields]] = {1: _lower_names}
"""From each older schema version to the next."""

_EVENTS: dict[str, type[Event]] = {
    "rule_drafted": RuleDrafted,
    "rule_activated": RuleActivated,
    "rule_retired": RuleRetired,
    "incident_pending": IncidentPending,
    "incident_forgotten": IncidentForgotten,
    "incident_opened": IncidentOpened,
    "incident_resolved": IncidentResolved,
}
_EVENT_NAMES = {event: name for name, event in _EVENTS.items()}


def _encode(kind: str, fields: _Fields) -> str:
    return json.dumps({"schema": SCHEMA, "kind": kind, **fields}, separators=(",", ":"), allow_nan=False)


def _decode(kind: str, text: str, read: Callable[[_Fields], T]) -> T:
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
        schema, actual = fields.pop("schema", None), fields.pop("kind", None)
        for older in range(_supported(schema), SCHEMA):
            fields = _UPCASTERS[older](fields)
        return read(fields if actual == kind else {"kind": actual})
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # Whatever is wrong inside a document that this service is the only one to write.
        raise DocumentError(f"{kind}: {excerpt(error, 120)}") from None


def _supported(schema: object) -> int:
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ValueError(f"schema is {excerpt(schema)}: this release reads 1 to {SCHEMA}")
    return schema


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _take(fields: _Fields, *names: str) -> list[Any]:
    if fields.keys() != set(names):
        raise ValueError(f"has {', '.join(sorted(fields))}: must have {', '.join(sorted(names))}")
    return [fields[name] for name in names]


def _instant(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)


def _read_instant(count: int | None) -> datetime | None:
    return None if count is None else from_microseconds(_integer(count))


def _duration(duration: timedelta) -> int:
    return duration // _MICROSECOND


def _read_duration(count: int) -> timedelta:
    return _integer(count) * _MICROSECOND


def _integer(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!a} is no whole number")
    return value


def _number(value: object) -> float:
    if type(value) is not float:
        raise TypeError(f"{value!a} is no float")
    return value


def _string(value: object) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!a} is no string")
    return value


def _named(members: type[E], name: str) -> E:
    names = {member.name.lower(): member for member in members}
    return names[name]


def _condition(condition: Condition) -> _Fields:
    match condition:
        case Threshold(comparison, limit):
            return {"is": "threshold", "comparison": comparison.value, "limit": float(limit)}
        case ConsecutiveBreaches(comparison, limit, count):
            return {
                "is": "consecutive",
                "comparison": comparison.value,
                "limit": float(limit),
                "count": count,
            }
        case RateOfChange(comparison, limit, window):
            wide = _duration(window)
            return {"is": "rate", "comparison": comparison.value, "limit": float(limit), "window": wide}
        case Absence():
            return {"is": "absence"}
    raise TypeError(f"{type(condition).__name__} has no document: add it here and to _read_condition")


def _read_condition(fields: _Fields) -> Condition:
    match fields.get("is"):
        case "threshold":
            _, comparison, limit = _take(fields, "is", "comparison", "limit")
            return Threshold(Comparison(comparison), _number(limit))
        case "consecutive":
            _, comparison, limit, count = _take(fields, "is", "comparison", "limit", "count")
            return ConsecutiveBreaches(Comparison(comparison), _number(limit), _integer(count))
        case "rate":
            _, comparison, limit, window = _take(fields, "is", "comparison", "limit", "window")
            return RateOfChange(Comparison(comparison), _number(limit), _read_duration(window))
        case "absence":
            _take(fields, "is")
            return Absence()
        case unknown:
            raise ValueError(f"there is no condition {unknown!a}")


def _rule(rule: Rule) -> _Fields:
    return {
        "id": rule.id,
        "metric": rule.metric,
        "condition": _condition(rule.condition),
        "severity": rule.severity.name.lower(),
        "hold_for": _duration(rule.hold_for),
        "keep_open_for": _duration(rule.keep_open_for),
        "runbook": rule.runbook,
    }


def _read_rule(fields: _Fields) -> Rule:
    rule_id, metric, condition, severity, hold_for, keep_open_for, runbook = _take(
        fields, "id", "metric", "condition", "severity", "hold_for", "keep_open_for", "runbook"
    )
    return Rule(
        _string(rule_id),
        MetricName(_string(metric)),
        _read_condition(condition),
        _named(Severity, severity),
        _read_duration(hold_for),
        _read_duration(keep_open_for),
        _string(runbook),
    )


def _entry(rule: Rule, status: RuleStatus) -> _Fields:
    return {"rule": _rule(rule), "status": status.value}


def _read_entry(fields: _Fields) -> RuleEntry:
    rule, status = _take(fields, "rule", "status")
    return RuleEntry(_read_rule(rule), RuleStatus(status))


def _incident(incident: Incident) -> _Fields:
    return {
        "rule_id": incident.rule_id,
        "metric": incident.metric,
        "severity": incident.severity.name.lower(),
        "pending_since": _instant(incident.pending_since),
        "opened_at": _instant(incident.opened_at),
        "keeping_since": _instant(incident.keeping_since),
        "resolved_at": _instant(incident.resolved_at),
        "resolution": None if incident.resolution is None else incident.resolution.name.lower(),
    }


def _read_incident(fields: _Fields) -> Incident:
    rule_id, metric, severity, pending_since, opened_at, keeping_since, resolved_at, resolution = _take(
        fields,
        "rule_id",
        "metric",
        "severity",
        "pending_since",
        "opened_at",
        "keeping_since",
        "resolved_at",
        "resolution",
    )
    return Incident(
        _string(rule_id),
        MetricName(_string(metric)),
        _named(Severity, severity),
        from_microseconds(_integer(pending_since)),
        _read_instant(opened_at),
        _read_instant(keeping_since),
        _read_instant(resolved_at),
        None if resolution is None else _named(Resolution, resolution),
    )


def _read_state(fields: _Fields) -> tuple[datetime | None, list[Incident]]:
    decided_at, incidents = _take(fields, "decided_at", "incidents")
    return _read_instant(decided_at), [_read_incident(incident) for incident in incidents]


def _read_definition(fields: _Fields) -> tuple[timedelta, list[RuleEntry]]:
    lookback, rules = _take(fields, "lookback", "rules")
    return _read_duration(lookback), [_read_entry(entry) for entry in rules]


def _read_event(fields: _Fields) -> Event:
    event = _EVENTS[fields["event"]]
    subject = (
        "rule" if event is RuleDrafted else "rule_id" if event in (RuleActivated, RuleRetired) else "incident"
    )
    _, at, about = _take(fields, "event", "at", subject)
    read: Callable[[Any], Any] = {"rule": _read_rule, "rule_id": _string, "incident": _read_incident}[subject]
    return event(read(about), from_microseconds(_integer(at)))


def _read_projections(fields: _Fields) -> Projections:
    rules, current, resolved, opened_count, resolved_count, forgotten_count = _take(
        fields, "rules", "current", "resolved", "opened_count", "resolved_count", "forgotten_count"
    )
    entries = [_read_entry(entry) for entry in rules]
    incidents = [_read_incident(incident) for incident in current]
    return Projections(
        ActiveRuleIndex(
            {entry.rule.id: entry.rule for entry in entries},
            {entry.rule.id: entry.status for entry in entries},
        ),
        IncidentLedger(
            {incident.id: incident for incident in incidents},
            deque(map(_read_incident, resolved), maxlen=MAX_RESOLVED),
            _integer(opened_count),
            _integer(resolved_count),
            _integer(forgotten_count),
        ),
    )
