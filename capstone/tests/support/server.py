"""The HTTP edge for tests: as an application that is called directly, and as a live server on loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.boundary.policy_file import PolicyFile
from service_monitoring.boundary.secrets import Secret
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.server.app import create_app
from service_monitoring.server.run import Server
from service_monitoring.server.settings import ServerSettings
from service_monitoring.server.work import Service
from service_monitoring.signals.catalogue import State
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.prometheus import PrometheusSignals
from service_monitoring.signals.testing import CapturedSignals
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from service_monitoring.application.ports import Commit
    from service_monitoring.application.projections import Projections
    from service_monitoring.storage.staging import Changes

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CANARY = "canary-7f3a9e5d-token"
BEARER = {"Authorization": f"Bearer {CANARY}"}
JSON = {"Content-Type": "application/json"}
PATIENCE_S = 60.0
"""How long a test waits for another thread or process: its only purpose is to end a hang."""
ON_LOOPBACK: dict[str, Any] = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "timeout": PATIENCE_S}
"""For clients, which need no certificates here: httpx reads the system's for each client, in 20 ms."""
INTERVAL = timedelta(seconds=15)
BUSY = Rule("busy", MetricName("busy"), Threshold(Comparison.ABOVE, 0.9), Severity.CRITICAL)
POLICY = PolicyFile("machine", timedelta(minutes=5), INTERVAL, (BUSY,))


def sample(value: float = 0.5, at: datetime = AT, metric: str = "busy") -> dict[str, Any]:
    """One sample, as a client has it."""
    return {"metric": metric, "value": value, "observed_at": at.isoformat()}


def batch(*samples: dict[str, Any], accept: str = "all") -> bytes:
    """The body of a request."""
    return json.dumps({"accept": accept, "samples": samples or [sample()]}).encode()


class ProbedStore(MemoryStore):
    """A memory store that can be broken and held up, and knows which threads came.

    Attributes:
        error: Raised by every commit, if there is one.
        unreadable: Raised by every reading of projections, if there is one.
        gate: Commits wait until it is open.
        arrived: Released by each commit, before it waits.
        threads: The names of the threads that came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.unreadable: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        self.threads: set[str] = set()

    def commit(self, changes: Changes) -> Commit:
        """Wait at the gate, then fail or commit."""
        self.threads.add(threading.current_thread().name)
        self.arrived.release()
        assert self.gate.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return super().commit(changes)

    def projections(self, policy_id: str) -> Projections:
        """Fail or answer."""
        self.threads.add(threading.current_thread().name)
        if self.unreadable is not None:
            raise self.unreadable
        return super().projections(policy_id)

    def hold(self) -> None:
        """Hold up the commits that come from now on; the first of them releases `arrived`."""
        self.gate.clear()
        while self.arrived.acquire(blocking=False):
            pass

    def held(self) -> int:
        """How many samples were committed."""
        return len(self.window())


@dataclass
class Edge:
    """The application and everything behind it; decisions and deliveries are asked for by hand.

    Attributes:
        changes: Settings that are not as always.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    store: ProbedStore = field(default_factory=ProbedStore)
    clock: TraceClock = field(default_factory=TraceClock)
    captured: CapturedSignals = field(default_factory=CapturedSignals)

    def __post_init__(self) -> None:
        self.clock.instant = AT
        signals = FanOut()
        self.settings = ServerSettings(
            **{
                "policy": POLICY,
                "store": self.store,
                "token": Secret(CANARY),
                "port": 0,
                "clock": self.clock,
                "signals": signals,
                **self.changes,
            }
        )
        self.prometheus = PrometheusSignals(State(self.store, signals))
        signals.add(self.captured)

    def begin(self) -> None:
        """Make the policy, the service and the application."""
        self.settings.signals.add(self.prometheus)
        self.monitor = Monitor("machine", self.store, self.clock, self.settings.sinks, self.settings.signals)
        self.monitor.begin(POLICY.lookback, POLICY.rules)
        self.service = Service(self.monitor, self.store, "machine", INTERVAL, self.clock)
        self.app = create_app(self.settings, self.service, self.prometheus.exposition)
        self.captured.signals.clear()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask the application, without a network."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def post(
        self, body: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send samples."""
        return self.call("POST", "/v1/samples", content=body, headers={**BEARER, **JSON, **(headers or {})})

    def tick(self, after: timedelta = timedelta()) -> None:
        """Let time pass; decide if that is due, and wait for it."""
        self.clock.instant += after
        self.service.tick()
        self.service.submit(lambda: None).result(PATIENCE_S)

    @contextmanager
    def listening(self) -> Iterator[str]:
        """The same as a live server, instead of `begin`."""
        server = Server(self.settings)
        self.captured.signals.clear()
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.url
        finally:
            server.stop()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
