"""A few kills in every check; `python capstone/tests/drill/kill.py` makes as many as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from drill.kill import drill

if TYPE_CHECKING:
    from pathlib import Path


def kept(lost: dict[str, int]) -> bool:
    """Whether every promise was kept."""
    return not any(lost.values())


def test_what_sqlite_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    """Samples, whole commands, projections and notifications."""
    run, lost = drill(f"sqlite:///{tmp_path / 'store.db'}", kills=3, seed=1)
    assert kept(lost), lost
    assert len(run.acknowledged) >= 3  # at least one before each kill
    assert run.keys
    assert run.answers.keys() <= {"202", "429", "503"}


def test_what_postgres_acknowledged_survives_being_killed(postgres_url: str) -> None:
    """The same, on a server that is not killed with us."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE drill")
    run, lost = drill(postgres_url.replace("/postgres?", "/drill?"), kills=2, seed=2)
    assert kept(lost), lost
    assert len(run.acknowledged) >= 2


def test_a_repository_that_writes_later_than_it_says_is_seen(tmp_path: Path) -> None:
    """The drill itself is drilled: acknowledged batches are missing."""
    _, lost = drill(f"sqlite:///{tmp_path / 'store.db'}", kills=2, seed=1, program=("-m", "drill.broken"))
    assert lost["acknowledged batches lost"] > 0
