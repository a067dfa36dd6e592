"""A pytest plugin: what each rung's tests said, written to the file that VERDICTS names.

Loaded by `checks.proof.trial` into the run of a changed copy: `pytest -p checks.proof.verdicts`. On each rung
the tests that ASKED names come first. When a rung is red, what is left of it is skipped, but for those.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TARGET = "VERDICTS"
ASKED = "ASKED"
RED_ALREADY = "its rung is red already"
MAX_MESSAGE = 300

_passed: Counter[str] = Counter()
_seconds: Counter[str] = Counter()
_failed: dict[str, dict[str, str]] = {}
_skipped: dict[str, str] = {}
_ran: set[str] = set()
_asked = set(os.environ.get(ASKED, "").split())


def rung_of(test: str) -> str:
    """The rung that a test is on: the folder below `tests/`."""
    return test.split("/")[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On each rung, first the tests that were asked for; the rungs stay in their order."""
    rungs = list(dict.fromkeys(rung_of(item.nodeid) for item in items))
    items.sort(key=lambda item: (rungs.index(rung_of(item.nodeid)), not _is_asked(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Go on in a red rung only with the tests that were asked for."""
    if rung_of(item.nodeid) in _failed and not _is_asked(item):
        pytest.skip(RED_ALREADY)


def _is_asked(item: pytest.Item) -> bool:
    return item.nodeid.partition("[")[0] in _asked


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what passed, and note what failed with the first line of its message."""
    rung = rung_of(report.nodeid)
    _seconds[rung] += report.duration  # type: ignore[assignment] # a Counter of floats
    if report.failed:
        _failed.setdefault(rung, {}).setdefault(report.nodeid, _message(report))
    elif report.skipped and _message(report) != f"Skipped: {RED_ALREADY}":
        _skipped[report.nodeid] = _message(report)
    elif report.passed and report.when == "call":
        _passed[rung] += 1
        _ran.add(report.nodeid.partition("[")[0])


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that can not be imported is red."""
    if report.failed:
        _failed.setdefault(rung_of(report.nodeid), {})[report.nodeid] = _message(report)


def pytest_sessionfinish() -> None:
    """Write everything down, whole or not at all."""
    target = Path(os.environ[TARGET])
    found = {
        "passed": dict(_passed),
        "ran": sorted(_ran),
        "failed": _failed,
        "skipped": _skipped,
        "seconds": {rung: round(seconds, 2) for rung, seconds in _seconds.items()},
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.replace(target)


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    told: Any = report.longrepr
    if isinstance(told, tuple):  # a skip: file, line, reason
        text = str(told[2])
    else:
        text = told.reprcrash.message if getattr(told, "reprcrash", None) else str(told)
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0][:MAX_MESSAGE] if lines else ""
