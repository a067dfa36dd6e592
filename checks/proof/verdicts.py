"""A pytest plugin: what each rung's tests said, written to the file that VERDICTS names.

Loaded by `checks.proof.trial` into the run of a changed copy: `pytest -p checks.proof.verdicts`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

TARGET = "VERDICTS"
MAX_MESSAGE = 300

_passed: Counter[str] = Counter()
_seconds: Counter[str] = Counter()
_failed: dict[str, dict[str, str]] = {}
_skipped: dict[str, str] = {}
_ran: set[str] = set()


def rung_of(test: str) -> str:
    """The rung that a test is on: the folder below `tests/`."""
    return test.split("/")[1]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what passed, and note what failed with the first line of its message."""
    rung = rung_of(report.nodeid)
    _seconds[rung] += report.duration  # type: ignore[assignment] # a Counter of floats
    if report.failed:
        _failed.setdefault(rung, {}).setdefault(report.nodeid, _message(report))
    elif report.skipped:
        _skipped[report.nodeid] = _message(report)
    elif report.when == "call":
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
