"""Settings that promises rest on, and that no run of the program would miss."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from service_monitoring.storage.postgres import PostgresDatabase
from service_monitoring.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from pathlib import Path


def test_sqlite_acknowledges_only_what_it_handed_to_the_disk(tmp_path: Path) -> None:
    """Write-ahead log and synchronous=FULL, read back from the connection that writes.

    No kill shows the difference: what is lost without it is lost with the power.
    """
    with closing(SqliteDatabase(tmp_path / "store.db")) as database:
        assert database.query("PRAGMA journal_mode") == [("wal",)]
        assert database.query("PRAGMA synchronous") == [(2,)]


def test_postgres_acknowledges_only_what_it_handed_to_the_disk(postgres_url: str) -> None:
    """The session waits for the write-ahead log, whatever the server's default is."""
    with closing(PostgresDatabase(postgres_url, schema="configuration")) as database:
        assert database.query("SHOW synchronous_commit") == [("on",)]
        assert database.query("SHOW fsync") == [("on",)]
