"""A running server: from settings to a socket, and back to nothing left undone."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from service_monitoring.application.commands import ActivateRule, CreatePolicy, DraftRule, RetireRule
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import PolicyNotFoundError
from service_monitoring.domain.rules import RuleStatus
from service_monitoring.server.app import create_app
from service_monitoring.server.settings import SettingsError
from service_monitoring.server.work import Service
from service_monitoring.signals.catalogue import State
from service_monitoring.signals.prometheus import PrometheusSignals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service_monitoring.application.ports import Store
    from service_monitoring.boundary.policy_file import PolicyFile
    from service_monitoring.server.settings import ServerSettings

MAX_CONNECTIONS = 200
_REQUESTS_STOP_SECONDS = 5


class Server:
    """Listens from the start, and answers while it runs.

    Args:
        settings: What it needs to know.

    Attributes:
        url: Where it is.

    Raises:
        SettingsError: The store holds the policy with other rules than the settings.
        StoreError: The store can not be read or written.
        OSError: The address can not be listened on.
    """

    def __init__(self, settings: ServerSettings) -> None:
        policy, store = settings.policy, settings.store
        prometheus = PrometheusSignals(State(store, settings.signals))
        settings.signals.add(prometheus)
        monitor = Monitor(policy.policy, store, settings.clock, settings.sinks, settings.signals)
        _adopt(policy, monitor, store)
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._listener = socket.create_server((settings.host, settings.port), family=family)
        # asyncio does so for sockets of which it knows that they are TCP; it does not know it of these.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = self._listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if family == socket.AF_INET6 else f"http://{host}:{port}"
        self._service = Service(monitor, store, policy.policy, policy.evaluation_interval, settings.clock)
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                create_app(settings, self._service, prometheus.exposition),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=_REQUESTS_STOP_SECONDS,
            )
        )

    def run(self) -> None:
        """Serve until `stop`; then finish what was taken, within 16 seconds, and let go of the address."""
        with self._listener:
            self._service.start()
            try:
                self._uvicorn.run([self._listener])
            finally:
                self._service.stop()

    def stop(self) -> None:
        """Take no further work and let `run` end; from any thread, or from a signal handler."""
        self._service.stopping = True
        self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`: uvicorn would raise them again when all is done, and end the process."""
        yield


def run(settings: ServerSettings, *, started: Callable[[str], None] = lambda _: None) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what was taken. Call it in the main thread.

    Args:
        settings: What the server needs to know.
        started: Called with the server's URL as soon as it listens.

    Raises:
        SettingsError: The store holds the policy with other rules than the settings.
        StoreError: The store can not be read or written.
        OSError: The address can not be listened on.
    """
    server = Server(settings)
    before = {
        number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        started(server.url)
        server.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _adopt(policy: PolicyFile, monitor: Monitor, store: Store) -> None:
    """Let the rules of the file decide: new ones begin, those that are no longer in it are retired."""
    try:
        with store.unit_of_work() as unit:
            stored = unit.policies.get(policy.policy)
    except PolicyNotFoundError:
        monitor.handle(CreatePolicy(policy.lookback))
        return _adopt(policy, monitor, store)
    if stored.lookback != policy.lookback:
        raise SettingsError(f"policy {policy.policy}: the store has another lookback: name a new policy")
    for rule in policy.rules:
        entry = stored.rules.get(rule.id)
        if entry is not None and (entry.rule != rule or entry.status is RuleStatus.RETIRED):
            raise SettingsError(f"rule {rule.id}: the store has it otherwise, or retired: give it a new id")
    for rule in policy.rules:
        if rule.id not in stored.rules:
            monitor.handle(DraftRule(rule))
        if rule.id not in stored.rules or stored.rules[rule.id].status is RuleStatus.DRAFT:
            monitor.handle(ActivateRule(rule.id))
    kept = {rule.id for rule in policy.rules}
    for rule_id, entry in stored.rules.items():
        if rule_id not in kept and entry.status is RuleStatus.ACTIVE:
            monitor.handle(RetireRule(rule_id))
    return None
