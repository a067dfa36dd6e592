"""Stores that outlive their process: what another connection sees, and what a store refuses to be."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from service_monitoring.application.commands import DraftRule, Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import (
    ConcurrencyConflictError,
    PolicyNotFoundError,
    SamplesRefusedError,
    StoreError,
)
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Absence, Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import SampleWindow
from service_monitoring.storage.address import default_address, open_store
from service_monitoring.storage.sqlite import BUSY_TIMEOUT_SECONDS, SqliteDatabase, open_sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import Stores

    from service_monitoring.application.ports import Store

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("busy")
BUSY = Rule("busy", METRIC, Threshold(Comparison.ABOVE, 0.9), Severity.WARNING)
SECOND = timedelta(seconds=1)


def monitor_of(store: Store) -> Monitor:
    """A monitor whose clock stands still."""
    clock = TraceClock()
    clock.instant = AT
    return Monitor("machine", store, clock)


def held(store: Store) -> list[float]:
    """The samples that a decision would see."""
    with store.unit_of_work() as unit:
        series = unit.samples.window().series(METRIC)
        return list(series.tail(len(series), -(10**18), 10**18))


def ingest(store: Store, *values: float, after: float = 0, whole: bool = False) -> None:
    """Samples, a second apart."""
    samples = [Sample(METRIC, v, AT + timedelta(seconds=after + i)) for i, v in enumerate(values)]
    monitor_of(store).handle(IngestSamples(samples, whole))


def test_another_connection_sees_what_was_committed(new_store: Stores) -> None:
    """Policy, samples, events and projections; and so does one that was open before."""
    store = new_store()
    before = new_store.again(store)
    monitor_of(store).begin(timedelta(minutes=5), [BUSY])
    assert held(before) == []
    ingest(store, 0.5, 1.0)
    monitor_of(store).handle(Evaluate(AT + SECOND))
    for other in (before, new_store.again(store)):
        assert held(other) == [0.5, 1.0]
        assert other.events("machine") == store.events("machine")
        assert other.projections("machine") == store.projections("machine")
        with other.unit_of_work() as mine, store.unit_of_work() as theirs:
            here, there = mine.policies.get("machine"), theirs.policies.get("machine")
            assert (here.rules, here.incidents) == (there.rules, there.incidents)
            assert list(here.rules) == list(here.incidents) == [BUSY.id]
            assert here.decided_at == AT + SECOND


def test_connections_take_turns(new_store: Stores) -> None:
    """Samples that one adds are there for the other, in whichever order they come, replaced or not."""
    one = new_store()
    two = new_store.again(one)
    monitor_of(one).begin(timedelta(minutes=5), [BUSY])
    ingest(one, 0.1, 0.2)
    ingest(two, 0.3, after=0.5)
    ingest(one, 0.9, after=1)
    assert held(one) == held(two) == [0.1, 0.3, 0.9]
    monitor_of(two).handle(Evaluate(AT + timedelta(minutes=5, seconds=0.7)))
    ingest(one, 0.7, after=0.2)
    assert held(one) == held(two) == held(new_store.again(one)) == [0.9]


def test_of_two_writers_at_the_same_moment_one_wins_and_the_other_is_told(new_store: Stores) -> None:
    """Really at once: two threads, two connections, one policy, forty races."""
    store = new_store()
    monitor_of(store).begin(timedelta(minutes=5), [])
    stores = store, new_store.again(store)
    races = 40
    barrier = threading.Barrier(2, timeout=20)  # a writer that failed shall not keep the other waiting
    outcomes: dict[tuple[int, int], str] = {}

    def write(writer: int) -> None:
        for race in range(races):
            rule = Rule(f"rule-{race}-{writer}", METRIC, Absence(), Severity.INFO)
            with stores[writer].unit_of_work() as unit:
                unit.policies.get("machine").draft(rule, AT)
                unit.samples.add([Sample(METRIC, float(writer), AT + race * SECOND)])
                barrier.wait()
                try:
                    unit.commit()
                    outcomes[race, writer] = rule.id
                except ConcurrencyConflictError:
                    outcomes[race, writer] = ""
            barrier.wait()

    threads = [threading.Thread(target=write, args=(writer,), daemon=True) for writer in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcomes[race, 0] or outcomes[race, 1] for race in range(races)]
    assert len(outcomes) == 2 * races
    assert all(bool(outcomes[race, 0]) != bool(outcomes[race, 1]) for race in range(races))
    assert list(store.projections("machine").rules.statuses) == winners
    assert held(store) == [float(winner[-1]) for winner in winners]


def test_a_batch_that_asks_to_be_kept_whole_is_kept_whole_or_not_at_all(new_store: Stores) -> None:
    """The error counts what was refused."""
    store = new_store(window=SampleWindow(max_samples_per_series=3))
    ingest(store, 0.1, 0.2, whole=True)
    with pytest.raises(SamplesRefusedError, match="1 sample_limit"):
        ingest(store, 0.3, 0.4, after=2, whole=True)
    assert held(store) == held(new_store.again(store)) == [0.1, 0.2]
    ingest(store, 0.3, 0.4, after=2)
    assert held(store) == held(new_store.again(store)) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO samples", "INSERT INTO events", "UPDATE policies SET live", "INSERT INTO outbox"],
)
def test_a_commit_that_fails_in_the_middle_leaves_no_trace(
    new_store: Stores, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """Not in the database, and not in what this process remembers."""
    if new_store.kind == "memory":
        return
    store: Any = new_store()
    monitor_of(store).begin(timedelta(minutes=5), [BUSY])
    ingest(store, 0.5)
    database = store._database  # noqa: SLF001 - the one place where a failing disk can be put

    def failing(real: Any) -> Any:
        def run(text: str, *parameters: Any) -> Any:
            if text.startswith(statement):
                raise StoreError("the disk is full")
            return real(text, *parameters)

        return run

    for name in ("query", "run_many"):
        monkeypatch.setattr(database, name, failing(getattr(database, name)))
    with store.unit_of_work() as unit:
        unit.policies.get("machine").evaluate(unit.samples.window(), AT)
        unit.policies.get("machine").retire(BUSY.id, AT)
        unit.samples.add([Sample(METRIC, 1.0, AT + SECOND)])
        with pytest.raises(StoreError, match="the disk is full"):
            unit.commit()
    monkeypatch.undo()
    for connection in (store, new_store.again(store)):
        assert held(connection) == [0.5]
        assert len(connection.events("machine")) == 2
        assert connection.projections("machine") == connection.rebuild("machine")
    monitor_of(store).handle(Evaluate(AT))
    assert store.projections("machine").incidents.opened_count == 0


def test_a_commit_whose_answer_was_lost_is_read_again(
    new_store: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has it, the caller was told of an error: this process then says what the database says."""
    if new_store.kind == "memory":
        return
    store: Any = new_store()
    monitor_of(store).begin(timedelta(minutes=5), [BUSY])
    ingest(store, 0.5)
    real = store._database.query  # noqa: SLF001 - the one place where an answer can be lost

    def deaf(statement: str, *parameters: Any) -> Any:
        rows = real(statement, *parameters)
        if statement == "COMMIT":
            raise StoreError("the connection was lost")
        return rows

    monkeypatch.setattr(store._database, "query", deaf)  # noqa: SLF001 - the same
    with store.unit_of_work() as unit:
        unit.policies.get("machine").evaluate(unit.samples.window(), AT)
        unit.samples.add([Sample(METRIC, 1.0, AT + SECOND)])
        with pytest.raises(StoreError, match="the connection was lost"):
            unit.commit()
    monkeypatch.undo()
    for connection in (store, new_store.again(store)):
        assert held(connection) == [0.5, 1.0]
        with connection.unit_of_work() as unit:
            assert unit.policies.get("machine").decided_at == AT


# SQLite: what the file may be


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with one policy, closed."""
    path = tmp_path / "store.db"
    with closing(open_sqlite(path)) as store:
        monitor_of(store).begin(timedelta(minutes=5), [BUSY])
        ingest(store, 0.5)
    return path


def test_sqlite_refuses_to_open_where_its_promise_can_not_hold(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pragma that reads back as something else is an error, not a warning."""
    monkeypatch.setattr("service_monitoring.storage.sqlite.PRAGMAS", {"synchronous": 7})
    with pytest.raises(StoreError, match="synchronous can not be set to 7: no promise would hold"):
        SqliteDatabase(file)


def refusal(path: Path, **options: Any) -> str:
    """The one line with which a store refuses to be opened or read."""

    def use() -> None:
        with closing(open_sqlite(path, **options)) as store:
            held(store)
            store.projections("machine")
            monitor_of(store).handle(Evaluate(AT))

    with pytest.raises(StoreError) as refused:
        use()
    message = str(refused.value)
    assert message.startswith(f"sqlite:///{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    """Reading never creates a store; writing never creates folders."""
    assert "there is no such file" in refusal(tmp_path / "none.db", create=False)
    assert "there is no folder" in refusal(tmp_path / "none/none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    """Whatever it is, it is not ours."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam,\n" * 100)
    before = path.read_bytes()
    assert "file is not a database" in refusal(path)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A database with other tables is not ours either."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE letters (text)")
    assert "a database, but not of this service" in refusal(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("letters",)]


def test_a_corrupt_file_is_named(file: Path) -> None:
    """Pages that were overwritten, and a file that was cut."""
    whole = file.read_bytes()
    pages = bytearray(whole)
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    file.write_bytes(pages)
    assert "malformed" in refusal(file)
    file.write_bytes(whole[: len(whole) // 2])
    assert "malformed" in refusal(file)


@pytest.mark.parametrize(
    ("table", "column", "nonsense"),
    [
        ("policies", "definition", "{}"),
        ("policies", "state", "not JSON"),
        ("policies", "live", '{"schema": 99}'),
        ("samples", "metric", "no metric name"),
    ],
)
def test_a_document_that_this_service_never_wrote_is_named(
    file: Path, table: str, column: str, nonsense: str
) -> None:
    """The store says that it is corrupt, and where."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (nonsense,))  # noqa: S608 - names from above
    assert "corrupt: " in refusal(file)


def test_a_store_of_a_later_schema_is_not_touched(file: Path) -> None:
    """An older release does not guess."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE service_monitoring SET schema_version = 99")
    assert "schema version 99: this release reads 1" in refusal(file)


def test_a_file_that_can_not_be_written_is_named(file: Path) -> None:
    """SQLite's own switch stands in for permissions, which bind no superuser."""
    store: Any = open_sqlite(file)
    store._database.query("PRAGMA query_only = 1")  # noqa: SLF001 - the switch
    with closing(store), pytest.raises(StoreError, match="attempt to write a readonly database"):
        ingest(store, 0.6, after=1)
    with closing(open_sqlite(file)) as again:
        assert held(again) == [0.5]


def test_a_store_on_a_full_disk_says_so_and_stays_whole(file: Path) -> None:
    """SQLite's own page limit stands in for the disk's end."""
    with closing(SqliteDatabase(file)) as database:
        ((pages,),) = database.query("PRAGMA page_count")
    store: Any = open_sqlite(file)
    store._database.query(f"PRAGMA max_page_count = {pages}")  # noqa: SLF001 - the disk's end
    rules = [Rule(f"rule-{n}", METRIC, Absence(), Severity.INFO, runbook="r" * 500) for n in range(200)]
    written = 0

    def fill() -> None:
        nonlocal written
        for rule in rules:
            monitor_of(store).handle(DraftRule(rule))
            written += 1

    with pytest.raises(StoreError, match="database or disk is full"):
        fill()
    assert held(store) == [0.5]
    store.close()
    with closing(open_sqlite(file)) as again:
        assert len(again.projections("machine").rules.statuses) == 1 + written
        assert again.rebuild("machine") == again.projections("machine")


def test_a_locked_store_is_waited_for_then_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds as it is shipped; the test does not wait that long."""
    assert BUSY_TIMEOUT_SECONDS == 5
    monkeypatch.setattr("service_monitoring.storage.sqlite.BUSY_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "database is locked" in refusal(file)
        other.execute("ROLLBACK")
    with closing(open_sqlite(file)) as store:
        assert held(store) == [0.5]


# PostgreSQL


def test_postgres_that_can_not_be_reached_is_named_without_its_password() -> None:
    """The address is shown, the user's secrets are not."""
    with pytest.raises(StoreError) as refused:
        open_store("postgresql://alice:hunter2@127.0.0.1:1/store")
    message = str(refused.value)
    assert message.startswith("postgresql://127.0.0.1/store: ")
    assert "hunter2" not in message
    assert "\n" not in message


def test_a_connection_that_broke_is_made_anew(postgres_url: str) -> None:
    """What was committed is there; the command that met the break was refused."""
    with closing(open_store(postgres_url)) as opened:
        store: Any = opened
        ingest(store, 0.5)
        ((process,),) = store._database.query("SELECT pg_backend_pid()")  # noqa: SLF001 - who to end
        with closing(open_store(postgres_url)) as other:
            other._database.query("SELECT pg_terminate_backend(?)", (process,))  # type: ignore[attr-defined]  # noqa: SLF001 - the same
        with pytest.raises(StoreError):
            ingest(store, 0.6, after=1)
        ingest(store, 0.7, after=2)
        assert held(store) == [0.5, 0.7]


# Addresses


def test_addresses_choose_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`memory:`, a file, and the file in the state directory when nobody says."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for address in ("memory:", f"sqlite:///{tmp_path / 'store.db'}", default_address()):
        with closing(open_store(address)) as store, pytest.raises(PolicyNotFoundError):
            store.projections("machine")
    assert (tmp_path / "state/service-monitoring/store.db").exists()
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(StoreError, match="there is no such file"):
        open_store(default_address(), create=False)


@pytest.mark.parametrize("address", ["", "sqlite:", "sqlite:///", "redis://a:secret@b", "postgresql://%/x"])
def test_an_address_that_names_no_store_is_refused_without_repeating_it(address: str) -> None:
    """The line says what would be right; an address may hold a password."""
    with pytest.raises(StoreError) as refused:
        open_store(address)
    assert "postgresql://user@host/database" in str(refused.value)
    assert "secret" not in str(refused.value)
