"""Signals of every adapter, and a scripted story that makes one of each kind."""

from __future__ import annotations

import io
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service_monitoring.application import delivery
from service_monitoring.application import monitor as monitor_module
from service_monitoring.application.commands import Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import SamplesRefusedError
from service_monitoring.application.replay import TraceClock
from service_monitoring.application.signals import RequestHandled
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.signals.catalogue import State
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.log import JsonFormatter, LogSignals
from service_monitoring.signals.otel import OpenTelemetrySignals
from service_monitoring.signals.prometheus import PrometheusSignals
from service_monitoring.signals.testing import CapturedSignals
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from service_monitoring.application.ports import Notification, Signals, Store
    from service_monitoring.application.signals import Signal

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
BUSY = MetricName("cpu_busy_ratio")
POLICY = "machine"
SECONDS = 0.004


@dataclass
class Outputs:
    """Every adapter behind one fan-out, and what each of them gave out."""

    store: Store = field(default_factory=MemoryStore)
    clock: TraceClock = field(default_factory=TraceClock)
    fan_out: FanOut = field(default_factory=FanOut)

    def __post_init__(self) -> None:
        self.clock.instant = AT
        state = State(self.store, self.fan_out)
        self.prometheus = PrometheusSignals(state)
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        processor = SimpleSpanProcessor(self.spans)
        self.telemetry = OpenTelemetrySignals(state, self.clock, processor, self.reader)
        self.lines = io.StringIO()
        handler = logging.StreamHandler(self.lines)
        handler.setFormatter(JsonFormatter())
        handler.addFilter(self._at)
        logger = logging.Logger("signals", logging.DEBUG)  # noqa: LOG001 - its own: not configured by others
        logger.addHandler(handler)
        self.captured = CapturedSignals()
        self.adapters: list[Signals] = [self.prometheus, self.telemetry, LogSignals(logger), self.captured]
        self.fan_out.add(*self.adapters)

    def _at(self, record: logging.LogRecord) -> bool:
        record.created = self.clock.instant.timestamp()
        return True

    def trees(self) -> list[str]:
        """Every trace, as lines: each span below its parent, with its start, its length and what it says."""
        spans = self.spans.get_finished_spans()
        lines: list[str] = []
        for trace in sorted({span.context.trace_id for span in spans}):
            lines.append(f"trace {trace:032x}")
            mine = [span for span in spans if span.context.trace_id == trace]
            roots = [span for span in mine if span.parent is None]
            for span in [*roots, *(span for span in mine if span.parent is not None)]:
                assert span.parent is None or span.parent.span_id in {root.context.span_id for root in roots}
                assert span.start_time is not None
                assert span.end_time is not None
                start = datetime.fromtimestamp(span.start_time / 1e9, UTC)
                long = (span.end_time - span.start_time) / 1e9
                indent = "  " if span.parent is None else "    "
                lines.append(
                    f"{indent}{span.name}, {span.kind.name.lower()}, {span.status.status_code.name.lower()}"
                )
                lines.append(f"{indent}  {start:%H:%M:%S.%f} +{long:.3f}s")
                lines += [f"{indent}  {name} = {value!r}" for name, value in (span.attributes or {}).items()]
        return lines


class SteadySignals:
    """`Signals` that passes everything on as if it had taken four milliseconds."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def emit(self, signal: Signal) -> None:
        """Pass it on."""
        self._signals.emit(replace(signal, seconds=SECONDS))


class FailingSink:
    """A sink that fails some times, and quotes what it should not."""

    def __init__(self, name: str, failures: int, text: str = "no route to host") -> None:
        self.name = name
        self.failures = failures
        self.text = text

    def deliver(self, notification: Notification) -> None:
        """Fail, or take it."""
        if self.failures:
            self.failures -= 1
            raise ConnectionError(f"{self.text} for {notification.key}")


def tell_the_story(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch, *, policy: str = POLICY, quoted: str = ""
) -> None:
    """A load comes and goes: accepted, rejected and refused requests, and sinks of every temper.

    Args:
        outputs: Hear of it.
        monkeypatch: Makes the correlations repeat.
        policy: The policy's name.
        quoted: What the errors of sinks quote.
    """
    numbers = count(1)
    monkeypatch.setattr(delivery, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(monitor_module, "new_correlation", lambda: f"{next(numbers):032x}")
    signals = SteadySignals(outputs.fan_out)
    sinks = [
        FailingSink("log", 0),
        FailingSink("webhook", 1, quoted),
        FailingSink("pager", 2, quoted),
    ]
    monitor = Monitor(policy, outputs.store, outputs.clock, sinks, signals)
    rule = Rule("busy", BUSY, Threshold(Comparison.ABOVE, 0.9), Severity.CRITICAL)
    monitor.begin(timedelta(minutes=5), [rule])

    def request(number: int, status: int, reason: str, *samples: Sample) -> None:
        correlation = f"{number:x}" * 32
        if samples:
            with pytest.raises(SamplesRefusedError) if reason else nullcontext():
                monitor.handle(IngestSamples(samples, whole=True), correlation)
        signals.emit(RequestHandled("/v1/samples", status, reason, correlation, 0.0))

    def after(seconds: int) -> datetime:
        outputs.clock.instant = AT + timedelta(seconds=seconds)
        return outputs.clock.instant

    request(10, 202, "", Sample(BUSY, 0.99, after(1)))
    request(11, 400, "bad_value")
    monitor.handle(Evaluate(after(15)))
    monitor.deliver_due()
    request(12, 202, "", Sample(BUSY, 0.10, after(20)))
    request(13, 400, "too_old", Sample(BUSY, 0.10, AT - timedelta(days=1)))
    monitor.handle(Evaluate(after(30)))
    monitor.deliver_due()
