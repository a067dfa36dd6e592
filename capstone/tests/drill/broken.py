"""The service with a repository that is broken on purpose: it writes many commits at once, "for speed"."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from service_monitoring.application.ports import Commit
from service_monitoring.cli import main
from service_monitoring.storage.sql import SqlStore
from service_monitoring.storage.staging import Changes

if TYPE_CHECKING:
    from service_monitoring.domain.values import Sample

EVERY = 1_000
_commit = SqlStore.commit
_held: list[Sample] = []


def commit_later(store: SqlStore, changes: Changes) -> Commit:
    """Acknowledge samples at once, and write them with every thousandth batch."""
    if not changes.samples or changes.policies:
        return _commit(store, changes)
    _held.extend(changes.samples)
    if len(_held) < EVERY * len(changes.samples):
        return Commit([], len(changes.samples), Counter())
    done = _commit(store, Changes(samples=list(_held)))
    _held.clear()
    return done


if __name__ == "__main__":
    setattr(SqlStore, "commit", commit_later)  # noqa: B010 - that is the break
    sys.exit(main())
