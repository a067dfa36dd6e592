"""The memory store: everything the service promises, except outliving its process."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from threading import Lock
from typing import TYPE_CHECKING, Self

from service_monitoring.application.ports import Commit, ConcurrencyConflictError, PolicyNotFoundError
from service_monitoring.application.projections import Projections
from service_monitoring.domain.window import Refusal, SampleWindow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from service_monitoring.domain.events import Event
    from service_monitoring.domain.policy import MonitoringPolicy
    from service_monitoring.domain.values import Sample

MAX_EVENTS = 10_000


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

    def unit_of_work(self) -> MemoryUnitOfWork:
        """A new unit of work."""
        return MemoryUnitOfWork(self)

    def projections(self, policy_id: str) -> Projections:
        """The live projections of a policy."""
        return self._log(policy_id).live

    def rebuild(self, policy_id: str) -> Projections:
        """The same projections, made anew from the events."""
        return self._log(policy_id).rebuild()

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
            raise PolicyNotFoundError(f"there is no policy {policy_id!r}")
        return policy

    def commit(self, policies: Sequence[MonitoringPolicy], samples: Sequence[Sample]) -> Commit:
        """Check every version, then make everything true: nothing can fail after the check."""
        with self._lock:
            for policy in policies:
                committed = self._policies.get(policy.id)
                if policy.version != (0 if committed is None else committed.version):
                    raise ConcurrencyConflictError(
                        f"policy {policy.id} was committed by somebody else since version {policy.version}"
                    )
            refused = self._window.add(samples) if samples else Counter[Refusal]()
            events: list[Event] = []
            for policy in policies:
                recorded = policy.collect_events()
                policy.version += 1
                # A copy: whoever made the policy may still hold it.
                self._policies[policy.id] = policy.copy()
                self._logs.setdefault(policy.id, _EventLog(self._max_events)).append(recorded)
                events += recorded
            if policies:
                self._forget()
        return Commit(events, refused)

    def _forget(self) -> None:
        horizons = [
            policy.decided_at - policy.retention for policy in self._policies.values() if policy.decided_at
        ]
        if len(horizons) == len(self._policies):
            self._window.forget(min(horizons))

    def _log(self, policy_id: str) -> _EventLog:
        self.get(policy_id)
        return self._logs[policy_id]


class MemoryUnitOfWork:
    """One command's changes on copies; the commit puts the copies in place.

    It is its own policy repository and its own sample repository.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._policies: dict[str, MonitoringPolicy] = {}
        self._samples: list[Sample] = []
        self.policies = self
        self.samples = _StagedSamples(store.window(), self._samples)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the copies that were not committed."""
        self._policies.clear()
        self._samples.clear()

    def get(self, policy_id: str) -> MonitoringPolicy:
        """A copy to work on: the committed policy notices nothing until the commit."""
        if policy_id not in self._policies:
            self._policies[policy_id] = self._store.get(policy_id).copy()
        return self._policies[policy_id]

    def add(self, policy: MonitoringPolicy) -> None:
        """A new policy, stored by the commit."""
        self._policies[policy.id] = policy

    def commit(self) -> Commit:
        """Put the copies in place and keep the samples."""
        commit = self._store.commit(list(self._policies.values()), self._samples)
        self._policies.clear()
        self._samples.clear()
        return commit


class _StagedSamples:
    def __init__(self, window: SampleWindow, staged: list[Sample]) -> None:
        self._window = window
        self._staged = staged

    def window(self) -> SampleWindow:
        return self._window

    def add(self, samples: Sequence[Sample]) -> None:
        self._staged += samples


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
