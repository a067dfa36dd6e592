"""The application service: one command, one unit of work, then the news."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from service_monitoring.application.commands import (
    ActivateRule,
    Command,
    CreatePolicy,
    DraftRule,
    Evaluate,
    IngestSamples,
    RetireRule,
)
from service_monitoring.application.delivery import Dispatcher
from service_monitoring.application.ports import (
    Commit,
    ConcurrencyConflictError,
    Notification,
    PolicyNotFoundError,
    SamplesRefusedError,
    StoreError,
)
from service_monitoring.application.signals import CommandCommitted, CommandRefused, Refused, new_correlation
from service_monitoring.domain.events import IncidentOpened, IncidentResolved
from service_monitoring.domain.policy import MonitoringPolicy, PolicyError
from service_monitoring.domain.window import MAX_SERIES, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from service_monitoring.application.ports import Clock, Signals, Sink, Store, UnitOfWork
    from service_monitoring.application.signals import Signal
    from service_monitoring.domain.rules import Rule
    from service_monitoring.domain.values import MetricName, Sample

_REFUSALS: dict[type[Exception], Refused] = {
    PolicyError: Refused.POLICY,
    PolicyNotFoundError: Refused.NOT_FOUND,
    ConcurrencyConflictError: Refused.CONFLICT,
    SamplesRefusedError: Refused.SAMPLES,
    StoreError: Refused.STORE,
}


class Silence:
    """`Signals` of a monitor that nobody listens to."""

    def emit(self, signal: Signal) -> None:
        """Take no notice."""


class Monitor:
    """Handles commands on one policy, one after the other.

    Args:
        policy_id: The policy's name.
        store: Where it lives.
        clock: Dates what happens to rules and when deliveries are due; decisions carry their own instant.
        sinks: Each is told of every incident that opened or resolved, by `deliver_due`.
        signals: Told of each command after it was committed or refused, and of each delivery.
    """

    def __init__(
        self,
        policy_id: str,
        store: Store,
        clock: Clock,
        sinks: Sequence[Sink] = (),
        signals: Signals | None = None,
    ) -> None:
        self._policy_id = policy_id
        self._store = store
        self._clock = clock
        self._sinks = [sink.name for sink in sinks]
        self._signals = Silence() if signals is None else signals
        self._dispatcher = Dispatcher(store, sinks, clock, self._signals)
        self._causes: dict[MetricName, str] = {}
        self._turn = Lock()

    def begin(self, lookback: timedelta, rules: Iterable[Rule]) -> None:
        """Create the policy and let its rules decide.

        Raises:
            PolicyError: Two of the rules have the same id or ask the same.
            ConcurrencyConflictError: The policy is there already.
        """
        self.handle(CreatePolicy(lookback))
        for rule in rules:
            self.handle(DraftRule(rule))
            self.handle(ActivateRule(rule.id))

    def handle(self, command: Command, correlation: str = "") -> Commit:
        """Do what the command asks, whole or not at all.

        Args:
            command: What is asked.
            correlation: Names the work that the command belongs to; empty: a new name.

        Raises:
            PolicyError: The policy does not allow it.
            PolicyNotFoundError: There is no policy yet.
            ConcurrencyConflictError: Somebody else was first; nothing was written.
            SamplesRefusedError: The window would not keep a batch that was to be kept whole.
            StoreError: The store could not be read or written; nothing was.
        """
        name, began = type(command).__name__, perf_counter()
        root = not correlation
        correlation = correlation or new_correlation()
        try:
            with self._turn, self._store.unit_of_work() as unit:
                policy = self._do(command, unit)
                if policy is not None:
                    self._notify(policy, unit, correlation)
                commit = unit.commit()
                if isinstance(command, IngestSamples):
                    self._remember(command.samples, correlation)
        except tuple(_REFUSALS) as error:
            why = _REFUSALS[type(error)]
            refused = error.refused if isinstance(error, SamplesRefusedError) else Counter[Refusal]()
            self._signals.emit(CommandRefused(name, correlation, perf_counter() - began, why, refused, root))
            raise
        self._signals.emit(
            CommandCommitted(
                name, correlation, perf_counter() - began, commit.events, commit.kept, commit.refused, root
            )
        )
        return commit

    def deliver_due(self) -> None:
        """Take the committed notifications that are due to their sinks."""
        self._dispatcher.deliver_due()

    def _do(self, command: Command, unit: UnitOfWork) -> MonitoringPolicy | None:
        if isinstance(command, IngestSamples):
            unit.samples.add(command.samples, whole=command.whole)
            return None
        if isinstance(command, CreatePolicy):
            policy = MonitoringPolicy(self._policy_id, lookback=command.lookback)
            unit.policies.add(policy)
            return policy
        policy = unit.policies.get(self._policy_id)
        match command:
            case Evaluate(at):
                policy.evaluate(unit.samples.window(), at)
            case DraftRule(rule):
                policy.draft(rule, self._clock.now())
            case ActivateRule(rule_id):
                policy.activate(rule_id, self._clock.now())
            case RetireRule(rule_id):
                policy.retire(rule_id, self._clock.now())
        return policy

    def _notify(self, policy: MonitoringPolicy, unit: UnitOfWork, correlation: str) -> None:
        for event in policy.recorded:
            if isinstance(event, IncidentOpened | IncidentResolved):
                cause = self._causes.get(event.incident.metric, correlation)
                for sink in self._sinks:
                    unit.outbox.add(sink, Notification(policy.id, event.incident, cause))

    def _remember(self, samples: Sequence[Sample], correlation: str) -> None:
        # Which request brought the newest samples of a metric: the name that its incident will carry.
        for metric in {sample.metric for sample in samples}:
            self._causes.pop(metric, None)
            if len(self._causes) >= MAX_SERIES:
                del self._causes[next(iter(self._causes))]
            self._causes[metric] = correlation
