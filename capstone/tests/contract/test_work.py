"""The service behind the edge: when it decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service_monitoring.application.commands import CreatePolicy
from service_monitoring.application.monitor import Monitor
from service_monitoring.server.work import Service
from service_monitoring.storage.memory import MemoryStore

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)


class PassingClock:
    """Time goes on while one asks for it."""

    def __init__(self) -> None:
        self.instant = EPOCH + 3 * INTERVAL - timedelta(microseconds=2)

    def now(self) -> datetime:
        """A microsecond later than the last time."""
        self.instant += timedelta(microseconds=1)
        return self.instant


def test_decisions_fall_on_whole_multiples_while_time_goes_on() -> None:
    """As Prometheus's do: a sample of that very instant is seen."""
    store, clock = MemoryStore(), PassingClock()
    monitor = Monitor("machine", store, clock)
    monitor.handle(CreatePolicy(timedelta(minutes=5)))
    service = Service(monitor, store, "machine", INTERVAL, clock)
    decided = set()
    for _ in range(20):
        clock.instant += timedelta(seconds=4)
        service.tick()
        decided.add(service.submit(lambda: store.get("machine").decided_at).result())
    service.stop()
    instants = {at for at in decided if at is not None}
    assert len(instants) == 6
    assert all((at - EPOCH) % INTERVAL == timedelta(0) for at in instants)
