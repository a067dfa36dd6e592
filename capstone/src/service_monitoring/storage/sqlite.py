"""The SQLite store: one file, which survives SIGKILL; what is acknowledged was handed to the disk."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from service_monitoring.application.ports import StoreError
from service_monitoring.storage.sql import SCHEMA, SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BUSY_TIMEOUT_SECONDS = 5.0
PRAGMAS = {"journal_mode": "wal", "synchronous": 2}
"""What durability rests on (2 is FULL): set when a store is opened, and read back.

Source: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
"""


class SqliteDatabase:
    """A connection to a SQLite file.

    Raises:
        StoreError: The file is missing (unless `create`), no store, locked, or can not be written.
    """

    serial = "INTEGER PRIMARY KEY AUTOINCREMENT"
    packed = " WITHOUT ROWID"

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.address = f"sqlite:///{path}"
        if not path.exists():
            if not create:
                raise StoreError(f"{self.address}: there is no such file")
            if not path.parent.is_dir():
                raise StoreError(f"{self.address}: there is no folder {path.parent}")
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._open()
            except BaseException:
                self._connection.close()
                raise

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        with self._explained():
            return self._connection.execute(statement, parameters).fetchall()

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """A statement for each row."""
        with self._explained():
            self._connection.executemany(statement, rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other writer takes part in."""
        self.query("BEGIN IMMEDIATE")
        try:
            yield
            self.query("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.query("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _open(self) -> None:
        for pragma, value in PRAGMAS.items():
            self.query(f"PRAGMA {pragma} = {value}")
            if self.query(f"PRAGMA {pragma}") != [(value,)]:
                raise StoreError(f"{self.address}: {pragma} can not be set to {value}: no promise would hold")
        with self.writing():
            if not self.query("SELECT 1 FROM sqlite_master LIMIT 1"):
                SqlStore.create_tables(self)
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = 'service_monitoring'"):
            raise StoreError(f"{self.address}: a database, but not of this service")
        ((version,),) = self.query("SELECT schema_version FROM service_monitoring")
        if version != SCHEMA:
            raise StoreError(f"{self.address}: schema version {version}: this release reads {SCHEMA}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.address}: {error}") from None


def open_sqlite(path: Path, *, create: bool = True) -> SqlStore:
    """The store in a file; a new one is made where there is none, unless `create` is false.

    Raises:
        StoreError: It can not be opened.
    """
    return SqlStore(SqliteDatabase(path, create=create))
