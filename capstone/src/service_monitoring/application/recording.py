"""Recording: read a source at a steady pace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from service_monitoring.application.ports import MetricSource
    from service_monitoring.domain.values import Sample


def ticks(
    source: MetricSource, *, interval: timedelta, duration: timedelta | None
) -> Iterator[Sequence[Sample]]:
    """One reading every `interval`, the first after one interval, until `duration` is over (`None`: forever).

    The pace is kept against the start, so that a slow reading does not shift all later ones; instants that
    were missed altogether are skipped, not made up.
    """
    start = time.monotonic()
    number = 1  # counted in whole intervals: adding up floats would lose the last one
    while duration is None or number * interval <= duration:
        due = start + (number * interval).total_seconds()
        time.sleep(max(0.0, due - time.monotonic()))
        yield source.read()
        over = int((time.monotonic() - start) / interval.total_seconds())
        number = max(number, over) + 1
