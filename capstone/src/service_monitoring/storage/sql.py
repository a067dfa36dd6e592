"""The SQL store: what SQLite and PostgreSQL have in common, which is everything but the connection.

A commit is one transaction that writes alone: policy documents, samples, events, projections and
notifications become true together. What this process has read before is kept in memory and is only read
again when another process has committed since.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from service_monitoring.application.ports import (
    Commit,
    ConcurrencyConflictError,
    Entry,
    Notification,
    OutboxCounts,
    PolicyNotFoundError,
    SamplesRefusedError,
    StoreError,
)
from service_monitoring.application.projections import Projections
from service_monitoring.boundary.documents import (
    DocumentError,
    decode_event,
    decode_incident,
    decode_policy,
    decode_projections,
    encode_definition,
    encode_event,
    encode_incident,
    encode_projections,
    encode_state,
)
from service_monitoring.domain.values import MetricName, from_microseconds, microseconds
from service_monitoring.domain.window import SampleWindow
from service_monitoring.storage.staging import MAX_EVENTS, StagedUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from service_monitoring.domain.events import Event
    from service_monitoring.domain.policy import MonitoringPolicy
    from service_monitoring.storage.staging import Changes

T = TypeVar("T")

SCHEMA = 1
TABLES = """
CREATE TABLE service_monitoring (
    schema_version INTEGER NOT NULL,
    batch BIGINT NOT NULL,  -- counts the commits of samples
    forgotten_until BIGINT  -- no decision reads samples of this instant or before
);
CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    state TEXT NOT NULL,
    live TEXT NOT NULL,     -- projections after every event
    folded TEXT NOT NULL,   -- projections after the events that are no longer kept
    horizon BIGINT          -- the policy reads no samples of this instant or before
);
CREATE TABLE events (
    number {serial},
    policy_id TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE samples (
    metric TEXT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (metric, at)
){packed};
CREATE TABLE outbox (
    number {serial},
    sink TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    correlation TEXT NOT NULL,
    incident TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at BIGINT NOT NULL DEFAULT 0,
    dead BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX outbox_waiting ON outbox (sink, number) WHERE NOT dead
"""
INSERT_SAMPLES = (
    "INSERT INTO samples (metric, at, value, batch) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (metric, at) DO UPDATE SET value = excluded.value, batch = excluded.batch"
)


class Database(Protocol):
    """A connection to one kind of database. Its errors are `StoreError`; its statements use `?`."""

    address: str
    serial: str
    packed: str

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement."""

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """A statement for each row."""

    def writing(self) -> AbstractContextManager[None]:
        """A transaction that no other writer takes part in: committed at the end, or rolled back."""

    def close(self) -> None:
        """Let go of the connection."""


@dataclass(slots=True)
class _Known:
    """What this process knows of a policy, true as long as its version is the stored one."""

    policy: MonitoringPolicy
    live: Projections
    events: int


class SqlStore:
    """Policies, samples, events and notifications in a database.

    Args:
        database: The connection; the store owns it.
        window: An empty window, which sets the limits of the samples held.
        max_events: How many events are kept for each policy; older ones are folded into the projections
            that a rebuild starts from.
    """

    def __init__(
        self, database: Database, window: SampleWindow | None = None, *, max_events: int = MAX_EVENTS
    ) -> None:
        self._database = database
        self._empty = SampleWindow() if window is None else window
        self._max_events = max_events
        self._lock = RLock()
        self._known: dict[str, _Known] = {}
        self._window: SampleWindow | None = None
        self._batch = -1
        self._forgotten_until: int | None = None
        self.outbox = SqlOutbox(database, self._lock)

    @staticmethod
    def create_tables(database: Database) -> None:
        """Make the tables of a new store, in the transaction that is open."""
        for statement in TABLES.format(serial=database.serial, packed=database.packed).split(";"):
            database.query(statement)
        database.query("INSERT INTO service_monitoring VALUES (?, 0, NULL)", (SCHEMA,))

    def unit_of_work(self) -> StagedUnitOfWork:
        """A new unit of work."""
        return StagedUnitOfWork(self)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._database.close()

    def get(self, policy_id: str) -> MonitoringPolicy:
        """The committed policy itself: for the unit of work, which hands out copies."""
        with self._reading():
            return self._policy(policy_id).policy

    def projections(self, policy_id: str) -> Projections:
        """The live projections of a policy."""
        with self._reading():
            return self._policy(policy_id).live

    def events(self, policy_id: str) -> Sequence[Event]:
        """The newest events of a policy, in commit order."""
        with self._reading():
            self._policy(policy_id)
            return tuple(event for _, event in self._events(policy_id))

    def rebuild(self, policy_id: str) -> Projections:
        """The projections made anew from the events; they take the place of the live ones."""
        with self._reading(), self._database.writing():
            rows = self._database.query("SELECT folded FROM policies WHERE id = ?", (policy_id,))
            if not rows:
                raise PolicyNotFoundError(policy_id)
            rebuilt = decode_projections(rows[0][0]).apply(event for _, event in self._events(policy_id))
            self._database.query(
                "UPDATE policies SET live = ? WHERE id = ?", (encode_projections(rebuilt), policy_id)
            )
            self._known.pop(policy_id, None)
            return rebuilt

    def window(self) -> SampleWindow:
        """The committed samples."""
        with self._reading():
            return self._caught_up()

    def commit(self, changes: Changes) -> Commit:
        """Check every version and sample and write everything, in one transaction."""
        try:
            with self._reading():
                with self._database.writing():
                    commit, make_known = self._write(changes)
                make_known()
                return commit
        except (ConcurrencyConflictError, SamplesRefusedError):
            raise
        except BaseException:
            # What is in memory may be ahead of the database now: read it again.
            self._known.clear()
            self._window = None
            raise

    def _write(self, changes: Changes) -> tuple[Commit, Callable[[], None]]:
        policies = list(changes.policies.values())
        for policy in policies:
            if policy.version != self._version(policy.id):
                raise ConcurrencyConflictError(policy.id, policy.version)
        window = self._caught_up()
        admission = window.admit(changes.samples)
        if admission.refused and changes.whole:
            raise SamplesRefusedError(admission.refused)
        if admission.rows:
            self._batch += 1
            self._database.query("UPDATE service_monitoring SET batch = ?", (self._batch,))
            self._database.run_many(INSERT_SAMPLES, [(*row, self._batch) for row in admission.rows])
        events: list[Event] = []
        known: dict[str, _Known] = {}
        for policy in policies:
            recorded = policy.collect_events()
            known[policy.id] = self._write_policy(policy, recorded)
            events += recorded
        self.outbox.put(changes.notifications)
        horizon = self._forget(window) if policies else None

        def make_known() -> None:
            self._known.update(known)
            window.take(admission.rows)
            if horizon is not None:
                window.forget(horizon)

        return Commit(events, len(admission.rows), admission.refused), make_known

    def _write_policy(self, policy: MonitoringPolicy, recorded: Sequence[Event]) -> _Known:
        before = None if policy.version == 0 else self._policy(policy.id)
        live = Projections() if before is None else before.live
        events = 0 if before is None else before.events
        policy.version += 1
        state = encode_state(policy)
        horizon = None if policy.decided_at is None else microseconds(policy.decided_at - policy.retention)
        if before is None:
            self._database.query(
                "INSERT INTO policies VALUES (?, ?, ?, ?, ?, ?, ?)",
                (policy.id, 1, encode_definition(policy), state, *2 * [encode_projections(live)], horizon),
            )
        else:
            self._database.query(
                "UPDATE policies SET version = ?, state = ?, horizon = ? WHERE id = ?",
                (policy.version, state, horizon, policy.id),
            )
            if policy.rules is not before.policy.rules:
                self._database.query(
                    "UPDATE policies SET definition = ? WHERE id = ?", (encode_definition(policy), policy.id)
                )
        if recorded:
            self._database.run_many(
                "INSERT INTO events (policy_id, document) VALUES (?, ?)",
                [(policy.id, encode_event(event)) for event in recorded],
            )
            self._database.query(
                "UPDATE policies SET live = ? WHERE id = ?",
                (encode_projections(live.apply(recorded)), policy.id),
            )
            events = self._fold(policy.id, events + len(recorded))
        # A copy: whoever made the policy may still hold it.
        return _Known(policy.copy(), live, events)

    def _fold(self, policy_id: str, events: int) -> int:
        if events <= self._max_events:
            return events
        # Down to half of the limit: folding costs little for each event.
        surplus = self._events(policy_id, events - self._max_events // 2)
        ((folded,),) = self._database.query("SELECT folded FROM policies WHERE id = ?", (policy_id,))
        projections = decode_projections(folded).apply(event for _, event in surplus)
        self._database.query(
            "UPDATE policies SET folded = ? WHERE id = ?", (encode_projections(projections), policy_id)
        )
        self._database.query(
            "DELETE FROM events WHERE policy_id = ? AND number <= ?", (policy_id, surplus[-1][0])
        )
        return events - len(surplus)

    def _forget(self, window: SampleWindow) -> datetime | None:
        ((undecided, horizon),) = self._database.query(
            "SELECT count(*) - count(horizon), min(horizon) FROM policies"
        )
        if undecided:
            return None
        self._database.query(
            "UPDATE service_monitoring SET forgotten_until = ? "
            "WHERE forgotten_until IS NULL OR forgotten_until < ?",
            (horizon, horizon),
        )
        self._database.run_many(
            "DELETE FROM samples WHERE metric = ? AND at <= ?",
            [(metric, horizon) for metric in window.metrics()],
        )
        return from_microseconds(horizon)

    def _caught_up(self) -> SampleWindow:
        ((batch, forgotten_until),) = self._database.query(
            "SELECT batch, forgotten_until FROM service_monitoring"
        )
        if self._window is None:
            self._window, self._batch, self._forgotten_until = self._empty.twin(), -1, None
        if batch != self._batch:
            rows = self._database.query(
                "SELECT metric, at, value FROM samples WHERE batch > ? ORDER BY metric, at", (self._batch,)
            )
            self._window.take((MetricName(metric), at, value) for metric, at, value in rows)
            self._batch = batch
        if forgotten_until != self._forgotten_until:
            self._window.forget(from_microseconds(forgotten_until))
            self._forgotten_until = forgotten_until
        return self._window

    def _version(self, policy_id: str) -> int:
        rows = self._database.query("SELECT version FROM policies WHERE id = ?", (policy_id,))
        return int(rows[0][0]) if rows else 0

    def _policy(self, policy_id: str) -> _Known:
        known = self._known.get(policy_id)
        version = self._version(policy_id)
        if known is None or known.policy.version != version:
            rows = self._database.query(
                "SELECT version, definition, state, live FROM policies WHERE id = ?", (policy_id,)
            )
            if not rows:
                raise PolicyNotFoundError(policy_id)
            ((version, definition, state, live),) = rows
            ((events,),) = self._database.query(
                "SELECT count(*) FROM events WHERE policy_id = ?", (policy_id,)
            )
            policy = decode_policy(policy_id, version, definition, state)
            known = self._known[policy_id] = _Known(policy, decode_projections(live), events)
        return known

    def _events(self, policy_id: str, limit: int = 2**31 - 1) -> list[tuple[int, Event]]:
        rows = self._database.query(
            "SELECT number, document FROM events WHERE policy_id = ? ORDER BY number LIMIT ?",
            (policy_id, limit),
        )
        return [(number, decode_event(document)) for number, document in rows]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (ValueError, OverflowError) as error:
                if isinstance(error, SamplesRefusedError):
                    raise
                # A document, a name or an instant that this service never wrote.
                raise StoreError(f"{self._database.address}: corrupt: {error}") from None


class SqlOutbox:
    """Committed notifications that their sinks have not taken yet."""

    def __init__(self, database: Database, lock: RLock) -> None:
        self._database = database
        self._lock = lock

    def put(self, notifications: Sequence[tuple[str, Notification]]) -> None:
        """Write notifications, in the transaction that is open."""
        self._database.run_many(
            "INSERT INTO outbox (sink, policy_id, correlation, incident) VALUES (?, ?, ?, ?)",
            [
                (
                    sink,
                    notification.policy_id,
                    notification.correlation,
                    encode_incident(notification.incident),
                )
                for sink, notification in notifications
            ],
        )

    def due(self, sink: str, now: datetime) -> Entry | None:
        """The oldest notification that waits for this sink, if its next attempt is due."""
        with self._lock:
            rows = self._database.query(
                "SELECT number, policy_id, correlation, incident, attempts, retry_at FROM outbox "
                "WHERE sink = ? AND NOT dead ORDER BY number LIMIT 1",
                (sink,),
            )
        if not rows:
            return None
        ((number, policy_id, correlation, incident, attempts, retry_at),) = rows
        if retry_at > microseconds(now):
            return None
        try:
            notification = Notification(policy_id, decode_incident(incident), correlation)
        except DocumentError as error:
            raise StoreError(f"{self._database.address}: corrupt: {error}") from None
        return Entry(number, sink, notification, attempts)

    def delivered(self, entry: Entry) -> None:
        """The sink has taken it."""
        with self._lock, self._database.writing():
            self._database.query("DELETE FROM outbox WHERE number = ?", (entry.id,))

    def failed(self, entry: Entry, retry_at: datetime | None) -> None:
        """Try again then, or (`None`) count it as dead."""
        with self._lock, self._database.writing():
            self._database.query(
                "UPDATE outbox SET attempts = ?, retry_at = ?, dead = ? WHERE number = ?",
                (
                    entry.attempts + 1,
                    0 if retry_at is None else microseconds(retry_at),
                    retry_at is None,
                    entry.id,
                ),
            )

    def counts(self) -> OutboxCounts:
        """What is in the outbox."""
        with self._lock:
            rows = dict(self._database.query("SELECT dead, count(*) FROM outbox GROUP BY dead"))
        return OutboxCounts(rows.get(False, 0), rows.get(True, 0))
