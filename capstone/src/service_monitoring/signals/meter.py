"""The meter: what each signal adds to the metrics of the catalogue, within their bounds."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from service_monitoring.application.signals import (
    CommandCommitted,
    CommandRefused,
    NotificationDelivered,
    NotificationFailed,
    RequestHandled,
)
from service_monitoring.boundary.secrets import redact
from service_monitoring.signals.catalogue import METRICS, OTHER, Label, Metric
from service_monitoring.signals.description import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service_monitoring.application.signals import Signal

_METRICS = {metric.key: metric for metric in METRICS}
_Addition = tuple[str, float, tuple[str, ...]]


class Measurement(NamedTuple):
    """What a signal adds to one series of one metric."""

    metric: Metric
    amount: float
    labels: dict[str, str]


class Meter:
    """Turns signals into measurements."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}
        self._lock = Lock()

    def measure(self, signal: Signal) -> Iterator[Measurement]:
        """What a signal adds to the metrics; last, the label values that were refused."""
        refused: set[str] = set()
        for key, amount, values in _additions(signal):
            metric = _METRICS[key]
            labels = {}
            for label, value in zip(metric.labels, values, strict=True):
                admitted = self._admits(label, value)
                labels[label.name] = redact(value) if admitted else OTHER
                refused.update([] if admitted else [label.name])
            yield Measurement(metric, amount, labels)
        if refused:
            yield Measurement(_METRICS["label_values_refused_total"], len(refused), {})

    def _admits(self, label: Label, value: str) -> bool:
        if not label.limit:
            return value in label.values
        with self._lock:
            known = self._known.setdefault(label.name, set())
            if len(known) < label.limit:
                known.add(value)
            return value in known


def _additions(signal: Signal) -> Iterator[_Addition]:
    match signal:
        case CommandCommitted() | CommandRefused():
            outcome = signal.why if isinstance(signal, CommandRefused) else "committed"
            yield "commands_total", 1, (signal.command, outcome)
            yield "command_duration_seconds", signal.seconds, (signal.command,)
            for reason, count in signal.refused.items():
                yield "samples_refused_total", count, (reason,)
            if isinstance(signal, CommandCommitted):
                yield "samples_kept_total", signal.samples, ()
                for transition, incident in steps(signal.events):
                    yield "incidents_total", 1, (transition, incident.severity.name.lower())
        case NotificationDelivered():
            yield "notifications_total", 1, (signal.sink, "delivered")
        case NotificationFailed():
            yield "notifications_total", 1, (signal.sink, "dead" if signal.dead else "failed")
        case RequestHandled():
            yield "http_requests_total", 1, (signal.route, str(signal.status))
            yield "http_request_duration_seconds", signal.seconds, (signal.route,)
            if signal.reason:
                yield "http_rejections_total", 1, (signal.reason,)
            for code, count in signal.rejected.items():
                yield "samples_rejected_total", count, (code,)
