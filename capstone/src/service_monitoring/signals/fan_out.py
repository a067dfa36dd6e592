"""Fan-out: many adapters as one, none of which can break a command or silence the others."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service_monitoring.application.ports import Signals
    from service_monitoring.application.signals import Signal


class FanOut:
    """`Signals` that tells every adapter.

    Attributes:
        dropped: How many signals an adapter failed to take: one for each adapter and signal.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._adapters: list[Signals] = []
        self._lock = Lock()

    def add(self, *adapters: Signals) -> None:
        """Tell these too, from now on."""
        self._adapters += adapters

    def emit(self, signal: Signal) -> None:
        """Tell every adapter; one that raises is counted."""
        for adapter in self._adapters:
            try:
                adapter.emit(signal)
            except Exception:  # noqa: BLE001 - what was committed stays true, whoever fails to say so
                with self._lock:
                    self.dropped += 1
