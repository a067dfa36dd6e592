"""Metrics as Prometheus scrapes them. Needs the extra `prometheus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from service_monitoring.signals.catalogue import METRICS, SECONDS_BUCKETS, Kind
from service_monitoring.signals.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric as Family

    from service_monitoring.application.signals import Signal
    from service_monitoring.signals.catalogue import State


class PrometheusSignals:
    """`Signals` as the metrics of the catalogue, in a registry of their own.

    Args:
        state: Read anew by every exposition.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._meter = Meter()
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            about = metric.name, metric.help, [label.name for label in metric.labels]
            if metric.kind is Kind.HISTOGRAM:
                self._histograms[metric.key] = Histogram(
                    *about, registry=self._registry, buckets=SECONDS_BUCKETS
                )
            elif metric.read is None:
                self._counters[metric.key] = Counter(*about, registry=self._registry)

    def emit(self, signal: Signal) -> None:
        """Count and observe."""
        for metric, amount, labels in self._meter.measure(signal):
            if metric.kind is Kind.HISTOGRAM:
                self._histograms[metric.key].labels(**labels).observe(amount)
            else:
                counter = self._counters[metric.key]
                (counter.labels(**labels) if labels else counter).inc(amount)

    def exposition(self) -> bytes:
        """Every metric in the text format 0.0.4, the state as it is now.

        Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
        """
        return generate_latest(self)

    def collect(self) -> Iterator[Family]:
        """The metrics as prometheus-client's families: a `Collector`."""
        for family in self._registry.collect():
            # When each series began: as many lines again, and Prometheus does not ask for them.
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
        for metric in METRICS:
            family_of = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            for value in metric.reading(self._state):
                yield family_of(metric.name, metric.help, value)
