"""The catalogue: every metric of the service and what bounds it. Each metrics adapter is driven by it.

No label holds what a client can choose: no metric's name, no path, no id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, get_args

from service_monitoring.application.commands import Command
from service_monitoring.application.signals import Refused
from service_monitoring.boundary.rejections import Reason, RequestReason
from service_monitoring.domain.values import Severity
from service_monitoring.domain.window import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service_monitoring.application.ports import Store
    from service_monitoring.domain.window import SampleWindow
    from service_monitoring.signals.fan_out import FanOut

OTHER = "other"
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Kind(StrEnum):
    """How the values of a metric are read."""

    COUNTER = "counter"
    """It only grows, from zero at the start of the process."""
    GAUGE = "gauge"
    """It is what it is now."""
    HISTOGRAM = "histogram"
    """How many observations were at most each bound of `SECONDS_BUCKETS`."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its bound: a value outside becomes `other`, and that is counted.

    Attributes:
        name: The label's name.
        values: All its values; empty when the operator's configuration names them.
        limit: How many of such values are told apart: the first that come.
    """

    name: str
    values: frozenset[str] = frozenset()
    limit: int = 0


class State(NamedTuple):
    """What is read anew whenever somebody looks."""

    store: Store
    signals: FanOut

    @property
    def window(self) -> SampleWindow:
        """The committed samples."""
        return self.store.unit_of_work().samples.window()


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        key: The end of its name.
        kind: How its values are read.
        unit: What one is, as UCUM writes it: `s`, or the thing that is counted, in braces.
        help: What it says, in one sentence.
        labels: What tells its series apart.
        read: Where its value is asked for when somebody looks; `None`: signals make it.
    """

    key: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[Label, ...] = ()
    read: Callable[[State], int] | None = None

    @property
    def name(self) -> str:
        """By Prometheus's conventions, and the same in every adapter."""
        return f"service_monitoring_{self.key}"

    def reading(self, state: State) -> list[int]:
        """The value of a metric that is read; none when it can not be read now."""
        try:
            return [] if self.read is None else [self.read(state)]
        except Exception:  # noqa: BLE001 - a store that can not answer must not hide the other metrics
            return []


def _closed(name: str, values: Iterable[str]) -> Label:
    return Label(name, frozenset(values))


COMMAND = _closed("command", (command.__name__ for command in get_args(Command)))
OUTCOME = _closed("outcome", ["committed", *Refused])
TRANSITION = _closed("transition", ["pending", "opened", "resolved", "forgotten"])
SEVERITY = _closed("severity", (severity.name.lower() for severity in Severity))
STATUS = _closed("status", (str(status.value) for status in HTTPStatus))
DELIVERY = _closed("outcome", ["delivered", "failed", "dead"])
REFUSAL = _closed("reason", Refusal)
REASON = _closed("reason", [*Reason, *RequestReason, *Refusal])
ROUTE = Label("route", limit=16)
SINK = Label("sink", limit=8)

_COUNTER, _GAUGE, _HISTOGRAM = Kind
METRICS = (
    Metric("commands_total", _COUNTER, "{command}", "Commands, by what became of them.", (COMMAND, OUTCOME)),
    Metric(
        "command_duration_seconds", _HISTOGRAM, "s", "From a command's arrival to its outcome.", (COMMAND,)
    ),
    Metric("samples_kept_total", _COUNTER, "{sample}", "Samples committed to the window."),
    Metric(
        "samples_rejected_total",
        _COUNTER,
        "{sample}",
        "Samples rejected one by one at the boundary.",
        (REASON,),
    ),
    Metric(
        "samples_refused_total", _COUNTER, "{sample}", "Valid samples that the window refused.", (REFUSAL,)
    ),
    Metric("incidents_total", _COUNTER, "{step}", "Committed steps of incidents.", (TRANSITION, SEVERITY)),
    Metric(
        "notifications_total", _COUNTER, "{attempt}", "Attempts to deliver a notification.", (SINK, DELIVERY)
    ),
    Metric("http_requests_total", _COUNTER, "{request}", "Requests answered.", (ROUTE, STATUS)),
    Metric("http_rejections_total", _COUNTER, "{request}", "Requests refused, by reason code.", (REASON,)),
    Metric(
        "http_request_duration_seconds", _HISTOGRAM, "s", "From a request's arrival to its answer.", (ROUTE,)
    ),
    Metric("label_values_refused_total", _COUNTER, "{value}", "Label values that were counted as other."),
    Metric(
        "signals_dropped_total",
        _COUNTER,
        "{signal}",
        "Signals that an adapter failed to take.",
        read=lambda state: state.signals.dropped,
    ),
    Metric(
        "outbox_waiting",
        _GAUGE,
        "{notification}",
        "Notifications that wait for their sink.",
        read=lambda state: state.store.outbox.counts().waiting,
    ),
    Metric(
        "outbox_dead",
        _GAUGE,
        "{notification}",
        "Notifications that are given up.",
        read=lambda state: state.store.outbox.counts().dead,
    ),
    Metric(
        "series_held",
        _GAUGE,
        "{series}",
        "Metrics that have samples in the window.",
        read=lambda state: len(state.window.metrics()),
    ),
    Metric(
        "samples_held", _GAUGE, "{sample}", "Samples in the window.", read=lambda state: len(state.window)
    ),
)
