"""Ports: what the application asks of the outside, as Protocols that adapters fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from service_monitoring.application.projections import Projections
    from service_monitoring.application.signals import Signal
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


@dataclass(frozen=True, slots=True)
class Notification:
    """What a sink is told: an incident opened or was resolved.

    Attributes:
        policy_id: The policy that decided.
        incident: The incident, open or resolved.
        correlation: Names the work that led to the decision, from request to notification.
    """

    policy_id: str
    incident: Incident
    correlation: str

    @property
    def key(self) -> str:
        """The same for every delivery of the same news, and for no other news."""
        return f"{self.policy_id}/{self.incident.id}/{self.incident.state}"


class Sink(Protocol):
    """Is told when an incident opens and when it resolves, after the decision was committed."""

    @property
    def name(self) -> str:
        """Names the sink in the outbox and in signals; unique in a monitor."""

    def deliver(self, notification: Notification) -> None:
        """Take the notification, or raise: then it is delivered again. A key may come more than once."""


class Signals(Protocol):
    """Is told what the service did, after it was done."""

    def emit(self, signal: Signal) -> None:
        """Take notice; raises nothing."""


class StoreError(RuntimeError):
    """A store can not be opened, read or written; nothing was half-written. The message is one clear line."""


class SamplesRefusedError(ValueError):
    """The window would not keep a whole batch that asked to be kept whole; nothing was written.

    Attributes:
        refused: How many samples it refused, by reason.
    """

    def __init__(self, refused: Counter[Refusal]) -> None:
        super().__init__(", ".join(f"{count} {reason}" for reason, count in refused.items()))
        self.refused = refused


class PolicyNotFoundError(LookupError):
    """The store holds no policy of this name."""

    def __init__(self, policy_id: str) -> None:
        super().__init__(f"there is no policy {policy_id[:70]!a}")


class ConcurrencyConflictError(RuntimeError):
    """Somebody else committed the policy since this unit of work read it; nothing was written."""

    def __init__(self, policy_id: str, version: int) -> None:
        super().__init__(f"policy {policy_id} was committed by somebody else since version {version}")


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

    def add(self, samples: Sequence[Sample], *, whole: bool = False) -> None:
        """Samples to be kept by the commit: all of them or none (`whole`), or what the window admits."""


class OutboxWriter(Protocol):
    """The outbox, as the unit of work sees it."""

    def add(self, sink: str, notification: Notification) -> None:
        """A notification that waits for this sink from the commit on."""


class Entry(NamedTuple):
    """A notification that waits in the outbox."""

    id: int
    sink: str
    notification: Notification
    attempts: int


class OutboxCounts(NamedTuple):
    """How many notifications wait for their sink, and how many are given up."""

    waiting: int
    dead: int


class Outbox(Protocol):
    """Committed notifications that their sinks have not taken yet."""

    def due(self, sink: str, now: datetime) -> Entry | None:
        """The oldest notification that waits for this sink, if its next attempt is due."""

    def delivered(self, entry: Entry) -> None:
        """The sink has taken it: it waits no longer."""

    def failed(self, entry: Entry, retry_at: datetime | None) -> None:
        """The sink has not taken it: try again then, or (`None`) count it as dead."""

    def counts(self) -> OutboxCounts:
        """What is in the outbox."""


class Commit(NamedTuple):
    """What a commit made true: the events in their order, the samples it kept, and those it did not."""

    events: Sequence[Event]
    kept: int
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

    @property
    def outbox(self) -> OutboxWriter:
        """The notifications that this unit of work sends on their way."""

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
            SamplesRefusedError: The window would not keep samples that were to be kept whole.
            StoreError: It could not be written; nothing was.
        """


class Store(Protocol):
    """A place where policies, samples, events and notifications live. Any call may raise `StoreError`."""

    @property
    def outbox(self) -> Outbox:
        """The committed notifications on their way to their sinks."""

    def unit_of_work(self) -> UnitOfWork:
        """A new unit of work."""

    def projections(self, policy_id: str) -> Projections:
        """The live projections of a policy.

        Raises:
            PolicyNotFoundError: There is none of this name.
        """

    def rebuild(self, policy_id: str) -> Projections:
        """The projections made anew from the events; they take the place of the live ones."""

    def events(self, policy_id: str) -> Sequence[Event]:
        """The events of a policy in commit order, the oldest first, as far back as the store keeps them."""

    def close(self) -> None:
        """Let go of files and connections."""
