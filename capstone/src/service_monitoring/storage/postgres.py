"""The PostgreSQL store: the same promises from a server that many processes share."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from service_monitoring.application.ports import StoreError
from service_monitoring.storage.sql import SCHEMA, SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECT_TIMEOUT_SECONDS = 5
_WRITERS = 0x5E41  # the advisory lock that a writing transaction holds


class PostgresDatabase:
    """A connection to a PostgreSQL server; the tables have a schema of their own.

    A connection that broke is made anew by the next statement outside a transaction.

    Raises:
        StoreError: The server can not be reached, refuses the user, or would acknowledge before it wrote.
    """

    serial = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    packed = ""

    def __init__(self, url: str, *, create: bool = True, schema: str = "service_monitoring") -> None:
        self._url = url
        self._schema = schema
        try:
            parts = conninfo_to_dict(url)
        except psycopg.Error:
            raise StoreError(
                "not a PostgreSQL address: write it like postgresql://user@host/database"
            ) from None
        # Without user and password: the address is shown in messages.
        self.address = f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
        self._connection = self._connect()
        try:
            self._open(create=create)
        except BaseException:
            self._connection.close()
            raise

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        if self._connection.closed:
            self._connection = self._connect()
        with self._explained():
            cursor = self._connection.execute(statement.replace("?", "%s").encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """A statement for each row."""
        with self._explained(), self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other writer takes part in."""
        self.query("BEGIN")
        try:
            # One writer at a time, as in SQLite: numbers given are numbers committed, in order.
            self.query("SELECT pg_advisory_xact_lock(?)", (_WRITERS,))
            yield
            self.query("COMMIT")
        except BaseException:
            if not self._connection.closed:
                self.query("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        with self._explained():
            return psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                options=f"-c search_path={self._schema} -c synchronous_commit=on",
            )

    def _open(self, *, create: bool) -> None:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if self.query(f"SHOW {setting}") != [("on",)]:
                raise StoreError(f"{self.address}: {setting} is not on: no promise would hold")
        with self.writing():
            if not self.query("SELECT 1 FROM pg_namespace WHERE nspname = ?", (self._schema,)):
                if not create:
                    raise StoreError(f"{self.address}: holds no store")
                self.query(f'CREATE SCHEMA "{self._schema}"')
                SqlStore.create_tables(self)
        ((version,),) = self.query("SELECT schema_version FROM service_monitoring")
        if version != SCHEMA:
            raise StoreError(f"{self.address}: schema version {version}: this release reads {SCHEMA}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise StoreError(f"{self.address}: {reason}") from None


def open_postgres(url: str, *, create: bool = True) -> SqlStore:
    """The store on a server; its tables are made where there are none, unless `create` is false.

    Raises:
        StoreError: It can not be opened.
    """
    return SqlStore(PostgresDatabase(url, create=create))
