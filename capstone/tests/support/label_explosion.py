"""A client that makes up names, and how much memory the service gives it.

From the repository's root, a million: PYTHONPATH=capstone/tests python -m support.label_explosion 1000000
"""

from __future__ import annotations

import gc
import re
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from service_monitoring.application.commands import CreatePolicy, Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.application.signals import NotificationDelivered, RequestHandled
from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.signals.catalogue import State
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.prometheus import PrometheusSignals
from service_monitoring.storage.memory import MemoryStore

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
BATCH = 500


class Explosion(NamedTuple):
    """What came of it: the peak of memory, what of it is held, the exposition, and whether a command works.

    The peak has garbage in it that waits for its collector, and so is not the same twice.
    """

    peak: int
    held: int
    exposition: str
    alive: bool

    def value(self, series: str) -> float:
        """The value of one series of the exposition."""
        found = re.search(rf"^service_monitoring_{re.escape(series)} (\S+)$", self.exposition, re.MULTILINE)
        return 0.0 if found is None else float(found[1])


def explode(names: int) -> Explosion:
    """So many distinct names of metrics, sinks, routes and reasons, through a monitor and its metrics."""
    store, clock, fan_out = MemoryStore(), TraceClock(), FanOut()
    prometheus = PrometheusSignals(State(store, fan_out))
    fan_out.add(prometheus)
    monitor = Monitor("machine", store, clock, signals=fan_out)
    monitor.handle(CreatePolicy(timedelta(minutes=5)))
    tracemalloc.start()
    for first in range(0, names, BATCH):
        numbers = range(first, first + BATCH)
        monitor.handle(IngestSamples([Sample(MetricName(f"m{number}"), 1.0, AT) for number in numbers]))
        for number in numbers:
            fan_out.emit(NotificationDelivered(f"sink-{number}", "key", "c", 0.001))
            fan_out.emit(RequestHandled(f"/v1/{number}", number, f"reason-{number}", "c", 0.001))
    peak = tracemalloc.get_traced_memory()[1]
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    exposition = prometheus.exposition().decode()
    return Explosion(
        peak, held, exposition, alive=monitor.handle(Evaluate(AT)).kept == 0 and not fan_out.dropped
    )


if __name__ == "__main__":
    for count in (int(sys.argv[1]) // 4, int(sys.argv[1])):
        came = explode(count)
        held, refused = came.value("series_held"), came.value('samples_refused_total{reason="series_limit"}')
        lines = len(came.exposition.splitlines())
        sys.stdout.write(
            f"{count:,} names: peak {came.peak / 1024:,.0f} KiB, {held:,.0f} series held, "
            f"{refused:,.0f} samples refused, "
            f"{lines:,} lines of exposition, {'alive' if came.alive else 'DEAD'}\n"
        )
