"""This machine as a `MetricSource`, through psutil (extra: `host`)."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import psutil

from service_monitoring.domain.values import MetricName, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service_monitoring.application.ports import Clock


class HostMetrics:
    """CPU, memory, load, and the rates of disk and network, in Prometheus's base units.

    | metric | unit | psutil call |
    | --- | --- | --- |
    | `cpu_busy_ratio` | 0 to 1, since the last read, all processors | `cpu_percent` |
    | `memory_used_ratio` | 0 to 1, `1 - available / total` | `virtual_memory` |
    | `load_average_1m` | runnable tasks, kernel's one-minute average | `getloadavg` |
    | `disk_read_bytes_per_second` | bytes/s since the last read, all disks | `disk_io_counters` |
    | `disk_write_bytes_per_second` | bytes/s since the last read, all disks | `disk_io_counters` |
    | `network_receive_bytes_per_second` | bytes/s since the last read, all interfaces | `net_io_counters` |
    | `network_transmit_bytes_per_second` | bytes/s since the last read, all interfaces | `net_io_counters` |

    The first `read` covers the time since the object was made.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rates = {
            MetricName(f"{prefix}_bytes_per_second"): _Rate(counter) for prefix, counter in _COUNTERS.items()
        }
        psutil.cpu_percent()

    def read(self) -> Sequence[Sample]:
        """One sample for each of the seven metrics, observed now, to the millisecond."""
        now = self._clock.now()
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        memory = psutil.virtual_memory()
        values = {
            MetricName("cpu_busy_ratio"): psutil.cpu_percent() / 100,
            MetricName("memory_used_ratio"): 1 - memory.available / memory.total,
            MetricName("load_average_1m"): psutil.getloadavg()[0],
            **{metric: rate.read() for metric, rate in self._rates.items()},
        }
        return [Sample(metric, round(float(value), 4), at) for metric, value in values.items()]


class _Rate:
    """Bytes per second of one growing counter, between two reads."""

    def __init__(self, counter: Callable[[], int]) -> None:
        self._counter = counter
        self._last = counter()
        self._read_at = monotonic()

    def read(self) -> float:
        count, at = self._counter(), monotonic()
        # A counter that restarted counts from zero: no negative rates.
        grown, elapsed = max(0, count - self._last), at - self._read_at
        self._last, self._read_at = count, at
        return grown / elapsed if elapsed > 0 else 0.0


def _disk(field: str) -> int:
    counters = psutil.disk_io_counters()  # None on a machine without disks
    return 0 if counters is None else int(getattr(counters, field))


_COUNTERS: dict[str, Callable[[], int]] = {
    "disk_read": lambda: _disk("read_bytes"),
    "disk_write": lambda: _disk("write_bytes"),
    "network_receive": lambda: psutil.net_io_counters().bytes_recv,
    "network_transmit": lambda: psutil.net_io_counters().bytes_sent,
}
