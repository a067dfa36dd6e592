"""Delivery: notifications wait in the outbox until their sink has taken them, at least once, in order."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING

from service_monitoring.application.signals import NotificationDelivered, NotificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_monitoring.application.ports import Clock, Entry, Signals, Sink, Store

MAX_ATTEMPTS = 20
FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(minutes=5)


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: one second, doubled each time, at most five minutes.

    Examples:
        >>> [backoff(attempts).total_seconds() for attempts in (1, 2, 3, 20)]
        [1.0, 2.0, 4.0, 300.0]
    """
    return min(LAST_RETRY, FIRST_RETRY * (1 << min(attempts - 1, 20)))


class Dispatcher:
    """Takes notifications from a store's outbox to their sinks.

    A sink hears of incidents in commit order: while one notification waits for its next attempt, the later
    ones of the same sink wait behind it. After 20 attempts it is dead: counted, and no longer in the way.
    A notification that was taken while the process was killed is delivered again: its key is the same.
    """

    def __init__(self, store: Store, sinks: Sequence[Sink], clock: Clock, signals: Signals) -> None:
        self._store = store
        self._sinks = sinks
        self._clock = clock
        self._signals = signals

    def deliver_due(self) -> None:
        """Deliver what is due now."""
        for sink in self._sinks:
            while (entry := self._store.outbox.due(sink.name, self._clock.now())) is not None:
                if not self._settled(sink, entry):
                    break

    def _settled(self, sink: Sink, entry: Entry) -> bool:
        notification, attempts, began = entry.notification, entry.attempts + 1, perf_counter()
        try:
            sink.deliver(notification)
        except Exception as error:  # noqa: BLE001 - a sink may fail in any way, and none may stop the others
            dead = attempts >= MAX_ATTEMPTS
            self._store.outbox.failed(entry, None if dead else self._clock.now() + backoff(attempts))
            self._signals.emit(
                NotificationFailed(
                    sink.name,
                    notification.key,
                    notification.correlation,
                    perf_counter() - began,
                    type(error).__name__,
                    attempts,
                    dead,
                )
            )
            return dead
        self._store.outbox.delivered(entry)
        self._signals.emit(
            NotificationDelivered(
                sink.name, notification.key, notification.correlation, perf_counter() - began
            )
        )
        return True
