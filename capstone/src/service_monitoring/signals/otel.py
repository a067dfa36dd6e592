"""Traces and metrics as OpenTelemetry has them. Needs the extra `otel`.

The correlation is the trace: a request, its commands and its notifications are found in one place.
"""

from __future__ import annotations

import re
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from service_monitoring.application.signals import CommandRefused, NotificationFailed, RequestHandled
from service_monitoring.boundary.secrets import redact
from service_monitoring.domain.values import microseconds
from service_monitoring.signals.catalogue import METRICS, SECONDS_BUCKETS, Kind
from service_monitoring.signals.description import describe
from service_monitoring.signals.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

    from service_monitoring.application.ports import Clock
    from service_monitoring.application.signals import Signal
    from service_monitoring.signals.catalogue import Metric, State

_SCOPE = "service_monitoring"
_CONVENTIONS = {"route": "http.route", "status": "http.response.status_code", "error": "error.type"}
_is_trace_id = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch


def root_of(correlation: str) -> trace.SpanContext:
    """The root span of a correlation: its trace id is the correlation, its span id the right half of that.

    A correlation that is no trace id, 32 lower-case hexadecimal digits and not all zero, is hashed to one.

    Examples:
        >>> root = root_of("4bf92f3577b34da6a3ce929d0e0e4736")
        >>> f"{root.trace_id:032x} {root.span_id:016x}"
        '4bf92f3577b34da6a3ce929d0e0e4736 a3ce929d0e0e4736'
    """
    hashed = sha256(correlation.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    digits = correlation if _is_trace_id(correlation) else hashed
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return trace.SpanContext(int(digits, 16), int(digits[16:], 16) or 1, is_remote=True, trace_flags=flags)


class _Ids(RandomIdGenerator):
    """Names a root span after its correlation; all others get random ids."""

    root: trace.SpanContext | None = None

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.root is None else self.root.trace_id

    def generate_span_id(self) -> int:
        return super().generate_span_id() if self.root is None else self.root.span_id


class OpenTelemetrySignals:
    """`Signals` as spans, made after the fact with the times at which it happened, and as metrics.

    Args:
        state: Read by every collection of metrics.
        clock: Says when a signal came: its span ends then.
        spans: Takes the spans.
        reader: Collects the metrics of the catalogue.
    """

    def __init__(self, state: State, clock: Clock, spans: SpanProcessor, reader: MetricReader) -> None:
        # Not Resource.create: it asks the environment, and what that names may tell of command lines.
        resource = Resource({"service.name": "service-monitoring"})
        self._clock = clock
        self._ids = _Ids()
        self._turn = Lock()
        self._traces = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        self._traces.add_span_processor(spans)
        self._tracer = self._traces.get_tracer(_SCOPE)
        self._metrics = MeterProvider([reader], resource, shutdown_on_exit=False)
        self._meter = Meter()
        self._record = dict(self._instruments(state))

    def emit(self, signal: Signal) -> None:
        """Make a span, count and observe."""
        self._trace(signal)
        for metric, amount, labels in self._meter.measure(signal):
            self._record[metric.key](amount, labels)

    def close(self) -> None:
        """Export what is left."""
        self._traces.shutdown()
        self._metrics.shutdown()

    def _instruments(self, state: State) -> Iterator[tuple[str, Callable[[float, dict[str, str]], None]]]:
        meter = self._metrics.get_meter(_SCOPE)
        for metric in METRICS:
            about = metric.name, metric.unit, metric.help
            if metric.read is not None:
                name, *rest = about
                counts = metric.kind is Kind.COUNTER
                create = meter.create_observable_counter if counts else meter.create_observable_gauge
                create(name, [partial(_observe, metric, state)], *rest)
            elif metric.kind is Kind.HISTOGRAM:
                histogram = meter.create_histogram(
                    *about, explicit_bucket_boundaries_advisory=SECONDS_BUCKETS
                )
                yield metric.key, histogram.record
            else:
                yield metric.key, meter.create_counter(*about).add

    def _trace(self, signal: Signal) -> None:
        ended = microseconds(self._clock.now()) * 1_000
        root = root_of(redact(signal.correlation))
        begins = getattr(signal, "root", isinstance(signal, RequestHandled))
        found = describe(signal)
        failed = isinstance(signal, CommandRefused | NotificationFailed)
        kind, name = trace.SpanKind.INTERNAL, found.get("command") or f"deliver to {found.get('sink')}"
        if isinstance(signal, RequestHandled):
            kind, name = trace.SpanKind.SERVER, found["route"]
            failed = signal.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        with self._turn:
            self._ids.root = root if begins else None
            span = self._tracer.start_span(
                str(name),
                Context() if begins else trace.set_span_in_context(trace.NonRecordingSpan(root), Context()),
                kind,
                {_CONVENTIONS.get(key, f"{_SCOPE}.{key}"): value for key, value in found.items()},
                start_time=ended - round(signal.seconds * 1e9),
            )
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)


def _observe(metric: Metric, state: State, _: CallbackOptions) -> list[Observation]:
    return [Observation(value) for value in metric.reading(state)]


def over_http(state: State, clock: Clock) -> OpenTelemetrySignals:
    """Traces and metrics sent over HTTP to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names.

    That variable and its siblings are read by the exporters. Source:
    <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
    """
    spans = BatchSpanProcessor(OTLPSpanExporter())
    return OpenTelemetrySignals(state, clock, spans, PeriodicExportingMetricReader(OTLPMetricExporter()))
