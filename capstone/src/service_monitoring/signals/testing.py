"""For tests: signals that are kept, to be asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from service_monitoring.application.signals import Signal

S = TypeVar("S")


class CapturedSignals:
    """`Signals` that keeps every signal, in order.

    Attributes:
        signals: What was emitted.

    Examples:
        >>> from datetime import timedelta
        >>> from service_monitoring.application.commands import CreatePolicy
        >>> from service_monitoring.application.monitor import Monitor
        >>> from service_monitoring.application.replay import TraceClock
        >>> from service_monitoring.application.signals import CommandCommitted
        >>> from service_monitoring.storage.memory import MemoryStore
        >>> captured = CapturedSignals()
        >>> monitor = Monitor("machine", MemoryStore(), TraceClock(), signals=captured)
        >>> commit = monitor.handle(CreatePolicy(timedelta(minutes=5)), "4bf92f3577b34da6a3ce929d0e0e4736")
        >>> [signal.command for signal in captured.of(CommandCommitted)]
        ['CreatePolicy']
        >>> captured.correlations()
        ['4bf92f3577b34da6a3ce929d0e0e4736']
    """

    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def emit(self, signal: Signal) -> None:
        """Keep it."""
        self.signals.append(signal)

    def of(self, kind: type[S]) -> list[S]:
        """The signals of one kind, in order."""
        return [signal for signal in self.signals if isinstance(signal, kind)]

    def correlations(self) -> list[str]:
        """Each correlation once, in the order in which they came first."""
        return list(dict.fromkeys(signal.correlation for signal in self.signals))
