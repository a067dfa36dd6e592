"""Ports: what the application asks of the outside, as Protocols that adapters fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from service_monitoring.application.projections import Projections
    from service_monitoring.domain.events import Event
    from service_monitoring.domain.incidents import Incident
    from service_monitoring.domain.policy import MonitoringPolicy
    from service_monitoring.domain.values import Sample
    from service_monitoring.domain.window import Refusal, SampleWindow


class Clock(Protocol):
    """Tells the time, so that nobody else has to ask the machine."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""


class MetricSource(Protocol):
    """Measures something and says what it saw."""

    def read(self) -> Sequence[Sample]:
        """One sample for each metric, all observed at the same instant."""


class Sink(Protocol):
    """Is told when an incident opens and when it resolves, after the decision was committed."""

    def deliver(self, incident: Incident) -> None:
        """Take notice of an incident that is now open or resolved."""


class PolicyNotFoundError(LookupError):
    """The store holds no policy of this name."""


class ConcurrencyConflictError(RuntimeError):
    """Somebody else committed the policy since this unit of work read it; nothing was written."""


class PolicyRepository(Protocol):
    """Policies by name, as the unit of work sees them."""

    def get(self, policy_id: str) -> MonitoringPolicy:
        """A policy to work on; what is done to it stays in this unit of work until the commit.

        Raises:
            PolicyNotFoundError: There is none of this name.
        """

    def add(self, policy: MonitoringPolicy) -> None:
        """A new policy, stored by the commit."""


class SampleRepository(Protocol):
    """Recent samples."""

    def window(self) -> SampleWindow:
        """The committed samples; those added in this unit of work are not among them yet."""

    def add(self, samples: Sequence[Sample]) -> None:
        """Samples to be kept by the commit."""


class Commit(NamedTuple):
    """What a commit made true: the events in their order, and the samples it would not keep."""

    events: Sequence[Event]
    refused: Counter[Refusal]


class UnitOfWork(Protocol):
    """One command's changes: all of them are committed, or none leaves a trace.

    Used as a context manager; leaving it without a commit rolls back.
    """

    @property
    def policies(self) -> PolicyRepository:
        """The policies this unit of work reads and changes."""

    @property
    def samples(self) -> SampleRepository:
        """The samples this unit of work reads and adds."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    def commit(self) -> Commit:
        """Make every change of this unit of work true at once.

        Raises:
            ConcurrencyConflictError: A policy was committed by somebody else meanwhile; nothing was written.
        """


class Store(Protocol):
    """A place where policies, samples and events live."""

    def unit_of_work(self) -> UnitOfWork:
        """A new unit of work."""

    def projections(self, policy_id: str) -> Projections:
        """The live projections of a policy.

        Raises:
            PolicyNotFoundError: There is none of this name.
        """

    def rebuild(self, policy_id: str) -> Projections:
        """The same projections, made anew from the events."""

    def events(self, policy_id: str) -> Sequence[Event]:
        """The events of a policy in commit order, the oldest first, as far back as the store keeps them."""
