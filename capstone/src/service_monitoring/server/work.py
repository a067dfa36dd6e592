"""Work: the threads behind the HTTP edge, none of which the event loop waits for."""

from __future__ import annotations

import logging
import traceback
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from service_monitoring.application.commands import Command, Evaluate
from service_monitoring.application.ports import ConcurrencyConflictError, PolicyNotFoundError, StoreError
from service_monitoring.boundary.secrets import redact
from service_monitoring.domain.policy import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_monitoring.application.monitor import Monitor
    from service_monitoring.application.ports import Clock, Commit, Store
    from service_monitoring.application.projections import Projections

LOGGER = logging.getLogger("service_monitoring.server")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAUSE_SECONDS = 1.0
_STOP_SECONDS = 5.0

_T = TypeVar("_T")


def log_fault(error: Exception) -> None:
    """Say in the log what nobody foresaw, without secrets."""
    LOGGER.error("fault: %s", redact("".join(traceback.format_exception(error))))


class Worker:
    """One thread that does jobs, in the order in which they were submitted."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], _T]) -> Future[_T]:
        """Have a job done; the future has what comes of it."""
        future: Future[_T] = Future()

        def settle() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001 - whoever waits for the future is told
                future.set_exception(error)

        self._jobs.put(settle)
        return future

    def stop(self, seconds: float) -> None:
        """Finish what was submitted, for at most so long."""
        self._jobs.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Repeater:
    """One thread that takes a step again and again, and once more at the end."""

    def __init__(self, step: Callable[[], None], seconds: float, name: str) -> None:
        self._step = step
        self._seconds = seconds
        self._wake = Event()
        self._stopping = False
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Take the next step now."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """End after one more step, which is waited for at most so long."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping:
            self._take()
            self._wake.wait(self._seconds)
            self._wake.clear()
        self._take()

    def _take(self) -> None:
        try:
            self._step()
        except StoreError as error:
            LOGGER.warning("%s", redact(str(error)))
        except Exception as error:  # noqa: BLE001 - a thread that ended would be missed by nobody
            log_fault(error)


class Service:
    """A monitor at work: commands one after the other, decisions on time, deliveries beside them.

    Args:
        monitor: Handles the commands.
        store: Where its policy lives.
        policy_id: The policy's name.
        interval: The time between two decisions.
        clock: Tells when a decision is due.

    Attributes:
        stopping: Whether no further work is taken.
    """

    def __init__(
        self, monitor: Monitor, store: Store, policy_id: str, interval: timedelta, clock: Clock
    ) -> None:
        self._monitor = monitor
        self._store = store
        self._policy_id = policy_id
        self._interval = interval
        self._clock = clock
        self._decided_at = self._due()
        self._decision: Future[None] | None = None
        self._written = True
        self._worker = Worker()
        pause = min(_PAUSE_SECONDS, interval.total_seconds() / 2)
        self._ticker = Repeater(self.tick, pause, "decisions")
        self._deliveries = Repeater(monitor.deliver_due, _PAUSE_SECONDS, "deliveries")
        self.stopping = False

    def start(self) -> None:
        """Decide at every multiple of the interval and deliver, until `stop`."""
        self._ticker.start()
        self._deliveries.start()

    def stop(self) -> None:
        """Finish the work that was taken, then attempt what is due for delivery; about 10 seconds at most."""
        self.stopping = True
        self._ticker.stop(_STOP_SECONDS)
        self._worker.stop(_STOP_SECONDS)
        self._deliveries.stop(_STOP_SECONDS)

    def submit(self, job: Callable[[], _T]) -> Future[_T]:
        """Have a job done between two commands."""
        return self._worker.submit(job)

    def tick(self) -> None:
        """Submit the decision at the newest multiple of the interval, if nobody has yet.

        Multiples that passed meanwhile are left out, as Prometheus leaves out missed evaluations.
        """
        at = self._due()
        if at > self._decided_at and (self._decision is None or self._decision.done()) and not self.stopping:
            self._decided_at = at
            self._decision = self.submit(lambda: self._decide(at))

    def handle(self, command: Command, correlation: str = "") -> Commit:
        """Handle a command, in a job; raises what the monitor raises."""
        try:
            commit = self._monitor.handle(command, correlation)
        except StoreError as error:
            self._written = False
            LOGGER.warning("%s", redact(str(error)))
            raise
        self._written = True
        return commit

    def projections(self) -> Projections:
        """The live projections of the policy, to be read in a job."""
        return self._store.projections(self._policy_id)

    def check(self) -> None:
        """Try the store, in a job.

        Raises:
            StoreError: It can not be read or written now, or the last command could not be written.
            PolicyNotFoundError: The policy is gone.
        """
        self.projections()
        with self._store.unit_of_work() as unit:
            unit.commit()
        if not self._written:
            raise StoreError("the last command could not be written")

    def _decide(self, at: datetime) -> None:
        try:
            self.handle(Evaluate(at))
        except (PolicyError, PolicyNotFoundError, ConcurrencyConflictError, StoreError):
            pass  # told by a signal; the next decision is due soon
        except Exception as error:  # noqa: BLE001 - nobody waits for a decision
            log_fault(error)
        self._deliveries.wake()

    def _due(self) -> datetime:
        now = self._clock.now()  # asked once: twice would be two instants
        return now - (now - _EPOCH) % self._interval
