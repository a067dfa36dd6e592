"""This machine as a source of samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil

from service_monitoring.application.replay import TraceClock
from service_monitoring.sources import host
from service_monitoring.sources.clock import SystemClock
from service_monitoring.sources.host import HostMetrics

if TYPE_CHECKING:
    import pytest

MILLISECOND = timedelta(milliseconds=1)
METRICS = [
    "cpu_busy_ratio",
    "memory_used_ratio",
    "load_average_1m",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
]


def test_this_machine_has_seven_plausible_metrics() -> None:
    """Finite, none negative, ratios from 0 to 1, all observed at one instant, in milliseconds."""
    source = HostMetrics(SystemClock())
    for _ in range(3):
        before = datetime.now(UTC)
        samples = source.read()
        after = datetime.now(UTC)
        assert [sample.metric for sample in samples] == METRICS
        assert all(isfinite(sample.value) and sample.value >= 0 for sample in samples)
        assert all(0 <= sample.value <= 1 for sample in samples if sample.metric.endswith("_ratio"))
        (at,) = {sample.observed_at for sample in samples}
        assert at.microsecond % 1000 == 0
        assert before - MILLISECOND < at < after + MILLISECOND


class Counters:
    """Stands in for psutil and the time: counters show multiples of `bytes`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes: int | None = 0
        self.now = 0.0
        monkeypatch.setattr(host, "monotonic", lambda: self.now)
        monkeypatch.setattr(psutil, "disk_io_counters", self.disk)
        monkeypatch.setattr(psutil, "net_io_counters", self.net)

    def disk(self) -> SimpleNamespace | None:
        """Bytes of all disks; `None` on a machine without."""
        return (
            None if self.bytes is None else SimpleNamespace(read_bytes=self.bytes, write_bytes=2 * self.bytes)
        )

    def net(self) -> SimpleNamespace:
        """Bytes of all interfaces."""
        total = self.bytes or 0
        return SimpleNamespace(bytes_recv=3 * total, bytes_sent=4 * total)


def rates(source: HostMetrics) -> list[float]:
    """The four rates of one reading."""
    return [sample.value for sample in source.read() if sample.metric.endswith("_per_second")]


def test_rates_are_bytes_a_second_since_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one since the source was made."""
    counters = Counters(monkeypatch)
    source = HostMetrics(TraceClock())
    counters.bytes, counters.now = 100, 2.0
    assert rates(source) == [50, 100, 150, 200]
    counters.bytes, counters.now = 110, 12.0
    assert rates(source) == [1, 2, 3, 4]


def test_a_counter_that_restarts_gives_no_negative_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero once, and the right rate from then on."""
    counters = Counters(monkeypatch)
    counters.bytes = 1_000_000
    source = HostMetrics(TraceClock())
    counters.bytes, counters.now = 10, 1.0
    assert rates(source) == [0, 0, 0, 0]
    counters.bytes, counters.now = 20, 2.0
    assert rates(source) == [10, 20, 30, 40]


def test_two_readings_at_the_same_instant_give_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is divided by zero."""
    counters = Counters(monkeypatch)
    source = HostMetrics(TraceClock())
    counters.bytes = 100
    assert rates(source) == [0, 0, 0, 0]


def test_a_machine_without_disks_reads_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counters are not there."""
    counters = Counters(monkeypatch)
    counters.bytes = None
    source = HostMetrics(TraceClock())
    counters.now = 1.0
    assert rates(source) == [0, 0, 0, 0]
