"""Settings and servers that every rung shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from support.postgres import MISSING, bin_folder, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same examples on every run, so that a red check is red again. To look further than that:
# pytest --hypothesis-profile=search
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],  # it is the machine that may be busy
)
settings.register_profile("search", deadline=None, max_examples=2_000)
# What a changed copy is tried with: the same examples, and no time spent on making a failing one small.
settings.register_profile(
    "ladder", settings.get_profile("repeatable"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server that runs as long as the tests do."""
    if bin_folder() is None:
        pytest.skip(MISSING)
    with running_postgres() as url:
        yield url
