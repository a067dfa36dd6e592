"""Stores of every kind, for the suites that all of them pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.postgres import PostgresDatabase
from service_monitoring.storage.sql import SqlStore
from service_monitoring.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from pathlib import Path

    from service_monitoring.application.ports import Store

KINDS = ("memory", "sqlite", "postgres")
DURABLE = ("sqlite", "postgres")

_NUMBERS = count(1)


@dataclass
class Stores:
    """Makes stores of one kind: empty ones, and further connections to those it made.

    Attributes:
        kind: One of `KINDS`.
        folder: Where files go.
        url: The address of a PostgreSQL server.
    """

    kind: str
    folder: Path
    url: str
    _places: dict[int, tuple[Store, int, dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, **limits: Any) -> Store:
        """An empty store; `window` and `max_events` set its limits."""
        return self._open(next(_NUMBERS), limits)

    def again(self, store: Store) -> Store:
        """Another connection to the same store, as another process has it."""
        _, number, limits = self._places[id(store)]
        return store if isinstance(store, MemoryStore) else self._open(number, limits)

    def close(self) -> None:
        """Close every store made here."""
        for store, _, _ in self._places.values():
            store.close()

    def _open(self, number: int, limits: dict[str, Any]) -> Store:
        store: Store
        if self.kind == "memory":
            store = MemoryStore(**limits)
        elif self.kind == "sqlite":
            store = SqlStore(SqliteDatabase(self.folder / f"store-{number}.db"), **limits)
        else:
            store = SqlStore(PostgresDatabase(self.url, schema=f"store_{number}"), **limits)
        self._places[id(store)] = store, number, limits
        return store
