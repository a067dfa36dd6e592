"""The machine's own clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """`Clock` of this machine: wall time in UTC."""

    def now(self) -> datetime:
        """The machine's wall time, aware, in UTC."""
        return datetime.now(UTC)
