"""What tests of trials share: a small repository, a memory of its own, and a quick start of pytest."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from checks.memory import Memory
from checks.tests.small import Small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What runs in the background of a script ignores SIGINT, and so would the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Have trials of small repositories start without the plugins that are installed for the real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield


@pytest.fixture
def small(tmp_path: Path, quick: None) -> Small:
    """A small repository."""
    del quick
    return Small(tmp_path / "small")


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    """An empty memory that works, in CI too."""
    monkeypatch.delenv("CI", raising=False)
    return Memory("trials", tmp_path / "memory")
