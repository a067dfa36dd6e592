"""Store addresses: `memory:`, `sqlite:///FILE`, `postgresql://…`; an adapter is loaded when it is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from service_monitoring.application.ports import StoreError
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from service_monitoring.application.ports import Store


def default_address() -> str:
    """A file in the user's state directory (XDG Base Directory Specification, `XDG_STATE_HOME`)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return f"sqlite:///{Path(state) / 'service-monitoring/store.db'}"


def open_store(address: str, *, create: bool = True) -> Store:
    """The store at an address.

    Args:
        address: Where it is.
        create: Whether a store that is not there is made.

    Raises:
        StoreError: The address names no store, or the store can not be opened.

    Examples:
        >>> open_store("memory:").outbox.counts()
        OutboxCounts(waiting=0, dead=0)
    """
    if address == "memory:":
        return MemoryStore()
    if address.startswith("sqlite:///") and len(address) > len("sqlite:///"):
        from service_monitoring.storage.sqlite import open_sqlite  # noqa: PLC0415 - loaded when it is named

        if address == default_address() and create:
            Path(address.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return open_sqlite(Path(address.removeprefix("sqlite:///")), create=create)
    if address.startswith(("postgresql://", "postgres://")):
        try:
            from service_monitoring.storage.postgres import open_postgres  # noqa: PLC0415 - an optional adapter
        except ModuleNotFoundError:
            raise StoreError("PostgreSQL needs psycopg: install service-monitoring[postgres]") from None
        return open_postgres(address, create=create)
    # The address is not repeated: it may hold a password.
    raise StoreError("a store is memory:, sqlite:///FILE or postgresql://user@host/database")
