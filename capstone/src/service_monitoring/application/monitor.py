"""The application service: one command, one unit of work, then the news."""

from __future__ import annotations

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
from service_monitoring.domain.events import IncidentOpened, IncidentResolved
from service_monitoring.domain.policy import MonitoringPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from service_monitoring.application.ports import Clock, Commit, Sink, Store, UnitOfWork
    from service_monitoring.domain.rules import Rule


class Monitor:
    """Handles commands on one policy.

    Args:
        policy_id: The policy's name.
        store: Where it lives.
        clock: Dates what happens to rules; decisions carry their own instant.
        sinks: Told of incidents that opened or resolved, in commit order, after the commit. An error that a
            sink raises reaches the caller; the commit stands.
    """

    def __init__(self, policy_id: str, store: Store, clock: Clock, sinks: Sequence[Sink] = ()) -> None:
        self._policy_id = policy_id
        self._store = store
        self._clock = clock
        self._sinks = sinks

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

    def handle(self, command: Command) -> Commit:
        """Do what the command asks, whole or not at all.

        Raises:
            PolicyError: The policy does not allow it.
            PolicyNotFoundError: There is no policy yet.
            ConcurrencyConflictError: Somebody else was first; nothing was written.
        """
        with self._store.unit_of_work() as unit:
            self._do(command, unit)
            commit = unit.commit()
        for event in commit.events:
            if isinstance(event, IncidentOpened | IncidentResolved):
                for sink in self._sinks:
                    sink.deliver(event.incident)
        return commit

    def _do(self, command: Command, unit: UnitOfWork) -> None:
        match command:
            case IngestSamples(samples):
                unit.samples.add(samples)
            case Evaluate(at):
                unit.policies.get(self._policy_id).evaluate(unit.samples.window(), at)
            case CreatePolicy(lookback):
                unit.policies.add(MonitoringPolicy(self._policy_id, lookback=lookback))
            case DraftRule(rule):
                unit.policies.get(self._policy_id).draft(rule, self._clock.now())
            case ActivateRule(rule_id):
                unit.policies.get(self._policy_id).activate(rule_id, self._clock.now())
            case RetireRule(rule_id):
                unit.policies.get(self._policy_id).retire(rule_id, self._clock.now())
