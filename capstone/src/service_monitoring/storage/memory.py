"""The memory store: everything the service promises, except outliving its process."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

from service_monitoring.application.ports import (
    Commit,
    ConcurrencyConflictError,
    Entry,
    OutboxCounts,
    PolicyNotFoundError,
    SamplesRefusedError,
)
from service_monitoring.application.projections import Projections
from service_monitoring.domain.window import SampleWindow
from service_monitoring.storage.staging import MAX_EVENTS, StagedUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service_monitoring.application.ports import Notification
    from service_monitoring.domain.events import Event
    from service_monitoring.domain.policy import MonitoringPolicy
    from service_monitoring.storage.staging import Changes


class MemoryStore:
    """Policies, samples and events in this process.

    Args:
        window: Holds the samples, within its own limits.
        max_events: How many events are kept for each policy; older ones are folded into the projections
            that a rebuild starts from.
    """

    def __init__(self, window: SampleWindow | None = None, *, max_events: int = MAX_EVENTS) -> None:
        self._window = SampleWindow() if window is None else window
        self._policies: dict[str, MonitoringPolicy] = {}
        self._logs: dict[str, _EventLog] = {}
        self._max_events = max_events
        self._lock = Lock()
        self.outbox = MemoryOutbox()

    def unit_of_work(self) -> StagedUnitOfWork:
        """A new unit of work."""
        return StagedUnitOfWork(self)

    def projections(self, policy_id: str) -> Projections:
        """The live projections of a policy."""
        return self._log(policy_id).live

    def rebuild(self, policy_id: str) -> Projections:
        """The projections made anew from the events."""
        return self._log(policy_id).rebuild()

    def close(self) -> None:
        """Nothing to let go of."""

    def events(self, policy_id: str) -> Sequence[Event]:
        """The newest events of a policy, in commit order."""
        return tuple(self._log(policy_id).events)

    def window(self) -> SampleWindow:
        """The committed samples."""
        return self._window

    def get(self, policy_id: str) -> MonitoringPolicy:
        """The committed policy itself: for the unit of work, which hands out copies."""
        policy = self._policies.get(policy_id)
        if policy is None:
            raise PolicyNotFoundError(policy_id)
        return policy

    def commit(self, changes: Changes) -> Commit:
        """Check every version and sample, then make everything true: nothing can fail after the checks."""
        policies = list(changes.policies.values())
        with self._lock:
            for policy in policies:
                committed = self._policies.get(policy.id)
                if policy.version != (0 if committed is None else committed.version):
                    raise ConcurrencyConflictError(policy.id, policy.version)
            admission = self._window.admit(changes.samples)
            if admission.refused and changes.whole:
                raise SamplesRefusedError(admission.refused)
            self._window.take(admission.rows)
            events: list[Event] = []
            for policy in policies:
                recorded = policy.collect_events()
                policy.version += 1
                # A copy: whoever made the policy may still hold it.
                self._policies[policy.id] = policy.copy()
                self._logs.setdefault(policy.id, _EventLog(self._max_events)).append(recorded)
                events += recorded
            self.outbox.put(changes.notifications)
            if policies:
                self._forget()
        return Commit(events, len(admission.rows), admission.refused)

    def _forget(self) -> None:
        horizons = [
            policy.decided_at - policy.retention for policy in self._policies.values() if policy.decided_at
        ]
        if len(horizons) == len(self._policies):
            self._window.forget(min(horizons))

    def _log(self, policy_id: str) -> _EventLog:
        self.get(policy_id)
        return self._logs[policy_id]


class MemoryOutbox:
    """Notifications that wait in this process: a queue for each sink, and when its first is tried again."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Entry]] = {}
        self._retry_at: dict[str, datetime] = {}
        self._numbers = count(1)
        self._dead = 0

    def put(self, notifications: Sequence[tuple[str, Notification]]) -> None:
        """Append committed notifications, each for its sink."""
        for sink, notification in notifications:
            entry = Entry(next(self._numbers), sink, notification, 0)
            self._waiting.setdefault(sink, deque()).append(entry)

    def due(self, sink: str, now: datetime) -> Entry | None:
        """The oldest notification that waits for this sink, if its next attempt is due."""
        waiting = self._waiting.get(sink)
        return waiting[0] if waiting and self._retry_at.get(sink, now) <= now else None

    def delivered(self, entry: Entry) -> None:
        """The sink has taken it."""
        self._remove(entry)

    def failed(self, entry: Entry, retry_at: datetime | None) -> None:
        """Try again then, or (`None`) count it as dead."""
        if self._remove(entry):
            if retry_at is None:
                self._dead += 1
            else:
                self._waiting[entry.sink].appendleft(entry._replace(attempts=entry.attempts + 1))
                self._retry_at[entry.sink] = retry_at

    def counts(self) -> OutboxCounts:
        """What is in the outbox."""
        return OutboxCounts(sum(map(len, list(self._waiting.values()))), self._dead)

    def _remove(self, entry: Entry) -> bool:
        waiting = self._waiting[entry.sink]
        if not waiting or waiting[0].id != entry.id:
            return False
        waiting.popleft()
        self._retry_at.pop(entry.sink, None)
        return True


class _EventLog:
    """Events, the projections they give, and the projections that a rebuild starts from."""

    def __init__(self, max_events: int) -> None:
        self.events: list[Event] = []
        self.live = Projections()
        self._folded = Projections()
        self._max_events = max_events

    def append(self, events: Sequence[Event]) -> None:
        self.events += events
        self.live.apply(events)
        if len(self.events) > self._max_events:
            # Down to half of the limit: folding costs little for each event.
            surplus = len(self.events) - self._max_events // 2
            self._folded.apply(self.events[:surplus])
            del self.events[:surplus]

    def rebuild(self) -> Projections:
        return deepcopy(self._folded).apply(self.events)
