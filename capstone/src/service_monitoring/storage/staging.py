"""The unit of work of every store: changes are staged on copies, and the commit hands all of them over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from service_monitoring.application.ports import Commit, Notification
    from service_monitoring.domain.policy import MonitoringPolicy
    from service_monitoring.domain.values import Sample
    from service_monitoring.domain.window import SampleWindow

MAX_EVENTS = 10_000


@dataclass
class Changes:
    """What a unit of work wants to make true.

    Attributes:
        policies: Copies by id, with the version that they were read at (0: new).
        samples: To be kept.
        whole: Whether all samples must be kept or none.
        notifications: To be put into the outbox, each with the name of its sink.
    """

    policies: dict[str, MonitoringPolicy] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    whole: bool = False
    notifications: list[tuple[str, Notification]] = field(default_factory=list)


class Backend(Protocol):
    """What a store does for its units of work."""

    def get(self, policy_id: str) -> MonitoringPolicy:
        """The committed policy itself: the unit of work hands out copies."""

    def window(self) -> SampleWindow:
        """The committed samples."""

    def commit(self, changes: Changes) -> Commit:
        """Make the changes true, all or none."""


class StagedUnitOfWork:
    """One command's changes on copies; the commit makes them true."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._changes = Changes()
        self.policies = _StagedPolicies(backend, self._changes)
        self.samples = _StagedSamples(backend, self._changes)
        self.outbox = _StagedOutbox(self._changes)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget what was not committed."""
        self._forget()

    def commit(self) -> Commit:
        """Hand the changes over; whether that worked or not, they are no longer this unit's."""
        try:
            return self._backend.commit(self._changes)
        finally:
            self._forget()

    def _forget(self) -> None:
        self._changes.policies.clear()
        self._changes.samples.clear()
        self._changes.notifications.clear()


class _StagedPolicies:
    def __init__(self, backend: Backend, changes: Changes) -> None:
        self._backend = backend
        self._policies = changes.policies

    def get(self, policy_id: str) -> MonitoringPolicy:
        if policy_id not in self._policies:
            self._policies[policy_id] = self._backend.get(policy_id).copy()
        return self._policies[policy_id]

    def add(self, policy: MonitoringPolicy) -> None:
        self._policies[policy.id] = policy


class _StagedSamples:
    def __init__(self, backend: Backend, changes: Changes) -> None:
        self._backend = backend
        self._changes = changes

    def window(self) -> SampleWindow:
        return self._backend.window()

    def add(self, samples: Sequence[Sample], *, whole: bool = False) -> None:
        self._changes.samples += samples
        self._changes.whole |= whole


class _StagedOutbox:
    def __init__(self, changes: Changes) -> None:
        self._notifications = changes.notifications

    def add(self, sink: str, notification: Notification) -> None:
        self._notifications.append((sink, notification))
