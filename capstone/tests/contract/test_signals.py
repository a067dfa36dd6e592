"""One suite for every adapter of the signals port, and what the application promises to tell through it."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.label_explosion import explode
from support.signals import AT, BUSY, POLICY, FailingSink, Outputs, tell_the_story

from service_monitoring.application.commands import ActivateRule, CreatePolicy, Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import ConcurrencyConflictError, StoreError
from service_monitoring.application.signals import (
    CommandCommitted,
    CommandRefused,
    NotificationDelivered,
    NotificationFailed,
    Refused,
    RequestHandled,
    Signal,
    new_correlation,
)
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.events import IncidentOpened
from service_monitoring.domain.incidents import Incident
from service_monitoring.domain.policy import PolicyError
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import Sample, Severity
from service_monitoring.domain.window import MAX_SERIES, Refusal
from service_monitoring.signals.catalogue import METRICS, OTHER, Kind, State
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.log import JsonFormatter
from service_monitoring.signals.meter import Meter
from service_monitoring.signals.otel import over_http, root_of
from service_monitoring.signals.testing import CapturedSignals
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service_monitoring.storage.staging import Changes

CORRELATION = "4bf92f3577b34da6a3ce929d0e0e4736"
INCIDENT = Incident("busy", BUSY, Severity.CRITICAL, AT, opened_at=AT)
EXAMPLES: dict[type, Signal] = {
    CommandCommitted: CommandCommitted(
        "Evaluate",
        CORRELATION,
        0.25,
        [IncidentOpened(INCIDENT, AT)],
        3,
        Counter({Refusal.TOO_OLD: 2}),
        root=True,
    ),
    CommandRefused: CommandRefused(
        "IngestSamples", CORRELATION, 0.25, Refused.SAMPLES, Counter({Refusal.TOO_OLD: 2}), root=False
    ),
    NotificationDelivered: NotificationDelivered("log", "machine/busy/open", CORRELATION, 0.25),
    NotificationFailed: NotificationFailed(
        "log", "machine/busy/open", CORRELATION, 0.25, "OSError", 3, dead=True
    ),
    RequestHandled: RequestHandled(
        "/v1/samples", 400, "bad_value", CORRELATION, 0.25, Counter({"bad_time": 2})
    ),
}
RULE = Rule("busy", BUSY, Threshold(Comparison.ABOVE, 0.9), Severity.CRITICAL)


class BrokenStore(MemoryStore):
    """A memory store whose next commits can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.captured = CapturedSignals()
        self.told_during_commit = -1

    def commit(self, changes: Changes) -> Any:
        """Fail if asked to, and remember what had been told by then."""
        self.told_during_commit = len(self.captured.signals)
        if self.error is not None:
            raise self.error
        return super().commit(changes)


@pytest.fixture
def outputs() -> Iterator[Outputs]:
    """Every adapter, and what it gives out."""
    outputs = Outputs()
    yield outputs
    outputs.telemetry.close()


@pytest.fixture
def broken() -> BrokenStore:
    """A store that can be told to fail."""
    return BrokenStore()


def monitor_of(store: BrokenStore) -> Monitor:
    """A monitor with one active rule that tells what it does to the store's captured signals."""
    monitor = Monitor(POLICY, store, Outputs().clock, signals=store.captured)
    monitor.begin(timedelta(minutes=5), [RULE])
    store.captured.signals.clear()
    return monitor


def test_there_is_an_example_of_every_signal() -> None:
    """The next tests leave none out."""
    assert set(EXAMPLES) == set(get_args(Signal))


@pytest.mark.parametrize("signal", EXAMPLES.values(), ids=lambda signal: type(signal).__name__)
@pytest.mark.parametrize("adapter", range(4), ids=["prometheus", "otel", "log", "captured"])
def test_every_adapter_takes_every_signal(outputs: Outputs, adapter: int, signal: Signal) -> None:
    """None raises, whatever it is told."""
    outputs.adapters[adapter].emit(signal)


@pytest.mark.parametrize("signal", EXAMPLES.values(), ids=lambda signal: type(signal).__name__)
def test_every_signal_shows_in_every_output(outputs: Outputs, signal: Signal) -> None:
    """One line of the log, one span, and at least one counter; the line and the span name the correlation."""
    before = outputs.prometheus.exposition()
    outputs.fan_out.emit(signal)
    (line,) = outputs.lines.getvalue().splitlines()
    (span,) = outputs.spans.get_finished_spans()
    assert json.loads(line)["correlation"] == f"{span.context.trace_id:032x}" == CORRELATION
    assert outputs.prometheus.exposition() != before
    assert outputs.captured.signals == [signal]
    assert outputs.captured.of(type(signal)) == [signal]
    assert outputs.fan_out.dropped == 0


def test_a_command_is_told_after_its_commit(broken: BrokenStore) -> None:
    """While the store commits, nobody has heard of it."""
    monitor_of(broken).handle(IngestSamples([Sample(BUSY, 1.0, AT)]), CORRELATION)
    assert broken.told_during_commit == 0
    (signal,) = broken.captured.signals
    assert isinstance(signal, CommandCommitted)
    assert (signal.command, signal.samples, signal.correlation, signal.root) == (
        "IngestSamples",
        1,
        CORRELATION,
        False,
    )


@pytest.mark.parametrize(
    ("error", "why"),
    [(StoreError("disk full"), Refused.STORE), (ConcurrencyConflictError(POLICY, 1), Refused.CONFLICT)],
)
def test_a_commit_that_fails_is_told_as_a_refusal(
    broken: BrokenStore, error: Exception, why: Refused
) -> None:
    """And never as a commit."""
    monitor = monitor_of(broken)
    broken.error = error
    with pytest.raises(type(error)):
        monitor.handle(Evaluate(AT))
    (signal,) = broken.captured.signals
    assert isinstance(signal, CommandRefused)
    assert (signal.why, signal.root) == (why, True)


def test_a_commit_that_breaks_in_an_unknown_way_is_not_told_as_one(broken: BrokenStore) -> None:
    """Nothing is said of what nobody knows."""
    monitor = monitor_of(broken)
    broken.error = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        monitor.handle(Evaluate(AT))
    assert broken.captured.of(CommandCommitted) == []


def test_a_command_that_the_policy_refuses_is_told_as_refused(broken: BrokenStore) -> None:
    """With its reason."""
    monitor = monitor_of(broken)
    with pytest.raises(PolicyError):
        monitor.handle(ActivateRule("busy"))
    assert [signal.why for signal in broken.captured.of(CommandRefused)] == [Refused.POLICY]


def test_one_correlation_leads_from_a_request_to_the_notification(broken: BrokenStore) -> None:
    """Though the decision between them was nobody's request."""
    monitor = Monitor(POLICY, broken, Outputs().clock, [FailingSink("log", 0)], broken.captured)
    monitor.begin(timedelta(minutes=5), [RULE])
    monitor.handle(IngestSamples([Sample(BUSY, 1.0, AT)]), CORRELATION)
    monitor.handle(Evaluate(AT))
    monitor.deliver_due()
    told = [type(signal) for signal in broken.captured.signals if signal.correlation == CORRELATION]
    assert told == [CommandCommitted, NotificationDelivered]
    assert len(broken.captured.correlations()) == 5


def test_a_broken_adapter_is_counted_and_breaks_nothing(outputs: Outputs) -> None:
    """The command is committed, and the other adapters hear of it."""

    class Broken:
        def emit(self, signal: Signal) -> None:
            raise RuntimeError(f"cannot take {signal}")

    first, last = CapturedSignals(), CapturedSignals()
    fan_out = FanOut()
    fan_out.add(first, Broken(), last)
    store = MemoryStore()
    commit = Monitor(POLICY, store, outputs.clock, signals=fan_out).handle(CreatePolicy(timedelta(minutes=5)))
    assert commit.kept == 0
    assert store.get(POLICY).version == 1
    assert len(first.signals) == len(last.signals) == 1
    assert fan_out.dropped == 1


def test_dropped_signals_show_in_the_metrics(outputs: Outputs) -> None:
    """Read when somebody looks."""
    outputs.fan_out.dropped = 7
    assert b"service_monitoring_signals_dropped_total 7.0\n" in outputs.prometheus.exposition()


def test_the_names_of_metrics_follow_prometheus_conventions() -> None:
    """Counters end in _total, times in _seconds, and nothing else does."""
    for metric in METRICS:
        assert re.fullmatch(r"service_monitoring_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.endswith("_seconds") == (metric.kind is Kind.HISTOGRAM) == (metric.unit == "s")
        assert re.fullmatch(r"[A-Z][^.]+\.", metric.help)
    assert len({metric.key for metric in METRICS}) == len(METRICS)


def test_every_metric_is_bounded() -> None:
    """All series of all metrics, at the worst, `other` included."""
    for metric in METRICS:
        series = 1
        for label in metric.labels:
            assert bool(label.values) != bool(label.limit), f"{label.name} has two bounds or none"
            series *= (len(label.values) or label.limit) + 1
        assert series <= 1_200, f"{metric.name} may have {series} series"


def test_every_metric_is_fed_and_both_adapters_show_the_same(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a metric that nothing makes, nor two adapters that disagree."""
    tell_the_story(outputs, monkeypatch)
    rejected = Counter({"bad_time": 2, "made up": 1})
    outputs.fan_out.emit(RequestHandled("/v1/samples", 999, "made up", CORRELATION, 0.004, rejected))
    shown = {
        (sample.name.removesuffix("_count"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(outputs.prometheus.exposition().decode())
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum"))
    }
    data = outputs.reader.get_metrics_data()
    assert data is not None
    exported = {
        (metric.name, frozenset((point.attributes or {}).items())): float(
            point.count if hasattr(point, "count") else point.value
        )
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    }
    assert {name for name, _ in exported} == {metric.name for metric in METRICS}
    assert exported == shown


def test_a_store_that_can_not_be_read_hides_only_its_own_metrics(outputs: Outputs) -> None:
    """The rest of a scrape is still there."""
    outputs.store.close()
    outputs.store.outbox = None  # type: ignore[assignment,misc]  # whatever is wrong with it
    text = outputs.prometheus.exposition().decode()
    assert "\nservice_monitoring_outbox_waiting " not in text
    assert "\nservice_monitoring_series_held 0.0\n" in text
    assert outputs.reader.get_metrics_data() is not None


def test_label_values_beyond_their_bound_become_other_and_are_counted() -> None:
    """Once for each label of a signal; the first values stay what they are."""
    meter = Meter()
    routes = [
        measurement.labels["route"]
        for number in range(20)
        for measurement in meter.measure(RequestHandled(f"/{number}", 200, "", CORRELATION, 0.1))
        if measurement.metric.key == "http_requests_total"
    ]
    assert routes == [*(f"/{number}" for number in range(16)), OTHER, OTHER, OTHER, OTHER]
    *_, last = meter.measure(RequestHandled("/x", 999, "made up", CORRELATION, 0.1))
    assert (last.metric.key, last.amount) == ("label_values_refused_total", 3)
    assert [m.labels["route"] for m in meter.measure(RequestHandled("/0", 200, "", "c", 0.1))] == ["/0", "/0"]


def test_made_up_names_cost_no_memory() -> None:
    """Half as many names again, the same memory held: what is refused is counted, and the service goes on."""
    explode(1_000)
    few, many = explode(2_000), explode(3_000)
    assert many.held < few.held * 1.02
    assert many.alive
    assert len(many.exposition.splitlines()) == len(few.exposition.splitlines())
    assert many.value("series_held") == MAX_SERIES
    assert many.value('samples_refused_total{reason="series_limit"}') == 3_000 - MAX_SERIES
    assert many.value('notifications_total{outcome="delivered",sink="other"}') == 3_000 - 8
    assert many.value('http_rejections_total{reason="other"}') == 3_000


def test_a_correlation_that_is_no_trace_id_still_makes_one_trace(outputs: Outputs) -> None:
    """The same text, the same trace; W3C's forbidden id is never used."""
    for correlation in ("made by hand", "0" * 32, "\ud800"):
        outputs.spans.clear()
        outputs.fan_out.emit(RequestHandled("/healthz", 200, "", correlation, 0.1))
        outputs.fan_out.emit(NotificationDelivered("log", "key", correlation, 0.1))
        request, notification = outputs.spans.get_finished_spans()
        assert notification.parent is not None
        assert notification.parent.span_id == request.context.span_id
        assert notification.context.trace_id == request.context.trace_id
        assert root_of(correlation).is_valid
    assert outputs.fan_out.dropped == 0
    assert root_of("8" * 16 + "0" * 16).is_valid


def test_a_span_has_the_times_at_which_it_happened(outputs: Outputs) -> None:
    """It ends when the signal came, and began as long before as it took."""
    outputs.fan_out.emit(EXAMPLES[RequestHandled])
    (span,) = outputs.spans.get_finished_spans()
    assert span.end_time is not None
    assert span.start_time is not None
    assert datetime.fromtimestamp(span.end_time / 1e9, UTC) == AT
    assert span.end_time - span.start_time == 250_000_000


def test_what_is_exported_says_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment asks for: no command line, no host, no user."""
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process,os,host")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "token=planted")
    outputs = Outputs()
    outputs.fan_out.emit(EXAMPLES[RequestHandled])
    (span,) = outputs.spans.get_finished_spans()
    data = outputs.reader.get_metrics_data()
    assert data is not None
    for resource in (span.resource, data.resource_metrics[0].resource):
        assert dict(resource.attributes) == {"service.name": "service-monitoring"}


def test_traces_and_metrics_go_to_the_collector_that_the_environment_names(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both over HTTP, at the latest when the adapter is closed."""
    asked: list[tuple[str, bool]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, bool(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        telemetry = over_http(State(outputs.store, outputs.fan_out), outputs.clock)
        telemetry.emit(EXAMPLES[RequestHandled])
        telemetry.close()
        server.shutdown()
    assert sorted(asked) == [("/v1/metrics", True), ("/v1/traces", True)]


@pytest.mark.parametrize("text", ['"} {"event": "forged', "line\nbreak", "\ud800", "\u202e\x1b[31m"])
def test_a_log_line_is_one_object_whatever_a_name_holds(outputs: Outputs, text: str) -> None:
    """ASCII, one line, and the text comes back as it was."""
    outputs.fan_out.emit(NotificationDelivered(text, "key", CORRELATION, 0.1))
    (line,) = outputs.lines.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["sink"] == text


def test_a_record_of_another_library_is_a_line_too() -> None:
    """With its message as the event."""
    record = logging.LogRecord("uvicorn", logging.INFO, __file__, 1, "Started %s", ("server",), None)
    assert json.loads(JsonFormatter().format(record)) | {"time": ""} == {
        "time": "",
        "level": "info",
        "event": "Started server",
    }


LEVELS: list[tuple[Signal, str]] = [
    (EXAMPLES[CommandRefused], "warning"),
    (EXAMPLES[CommandCommitted], "warning"),
    (CommandCommitted("Evaluate", "c", 0.1, [IncidentOpened(INCIDENT, AT)], 0, Counter(), root=True), "info"),
    (CommandCommitted("Evaluate", "c", 0.1, [], 0, Counter(), root=True), "debug"),
    (EXAMPLES[NotificationDelivered], "info"),
    (NotificationFailed("log", "key", "c", 0.1, "OSError", 1, dead=False), "warning"),
    (EXAMPLES[NotificationFailed], "error"),
    (RequestHandled("/healthz", 200, "", "c", 0.1), "debug"),
    (RequestHandled("/readyz", 503, "", "c", 0.1), "warning"),
    (RequestHandled("/v1/samples", 202, "", "c", 0.1, Counter({"bad_time": 1})), "warning"),
    (EXAMPLES[RequestHandled], "warning"),
]


@pytest.mark.parametrize(("signal", "level"), LEVELS)
def test_the_level_says_who_must_look(outputs: Outputs, signal: Signal, level: str) -> None:
    """Ordinary work is debug, news is info, a refusal a warning, a given-up notification an error."""
    outputs.fan_out.emit(signal)
    assert json.loads(outputs.lines.getvalue())["level"] == level


def test_a_new_correlation_is_a_trace_id() -> None:
    """As W3C Trace Context has it, and its root span's id is its right half."""
    correlation = new_correlation()
    assert f"{root_of(correlation).trace_id:032x}" == correlation
    assert f"{root_of(correlation).span_id:016x}" == correlation[16:]


@pytest.mark.parametrize(
    "module",
    [
        "service_monitoring",
        "service_monitoring.cli",
        "service_monitoring.signals",
        "service_monitoring.signals.log",
    ],
)
def test_no_adapter_is_imported_before_somebody_wants_it(module: str) -> None:
    """Neither prometheus-client nor OpenTelemetry is there."""
    show = f"import sys, {module}, service_monitoring.application.monitor; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()}
    assert "service_monitoring" in loaded
    assert not loaded & {"prometheus_client", "opentelemetry"}
