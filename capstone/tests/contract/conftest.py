"""The stores that every contract suite is run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.stores import KINDS, Stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=KINDS)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """A factory of empty stores of one kind."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    stores = Stores(request.param, tmp_path, url)
    yield stores
    stores.close()
