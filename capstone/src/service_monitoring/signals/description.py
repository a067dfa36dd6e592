"""Descriptions: what a log line and a span say of a signal, with everything secret taken out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, get_args

from service_monitoring.boundary.secrets import redact
from service_monitoring.domain.events import IncidentEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service_monitoring.application.signals import Signal
    from service_monitoring.domain.events import Event
    from service_monitoring.domain.incidents import Incident

Value = str | int | float | list[str]


def steps(events: Sequence[Event]) -> Iterator[tuple[str, Incident]]:
    """The steps of incidents among events, in order: pending, opened, resolved, forgotten."""
    for event in events:
        if isinstance(event, get_args(IncidentEvent)):
            yield type(event).__name__.removeprefix("Incident").lower(), event.incident


def describe(signal: Signal) -> dict[str, Value]:
    """The fields of a signal, flat: incidents as their ids by step, counts by reason, no sample's value."""
    found: dict[str, Value] = {}
    stepped = defaultdict[str, list[str]](list)
    for field in fields(signal):
        value = getattr(signal, field.name)
        if field.name == "events":
            for step, incident in steps(value):
                stepped[step].append(redact(incident.id))
        elif isinstance(value, Counter):
            found.update({f"{field.name}.{key}": count for key, count in value.items()})
        elif field.name not in {"correlation", "root"} and value != "":
            found[field.name] = redact(value) if isinstance(value, str) else value
    return found | stepped
