"""A pytest plugin: what each rung's tests said, written to the file that VERDICTS names.

`checks.proof.trial` copies this file beside a snapshot and loads it into the run of a changed copy. It runs
the tests that TARGETS names, on each rung those first that ASKED names. When a rung is red, the rest of it is
skipped, but for those.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

VERDICTS = "VERDICTS"
TARGETS = "TARGETS"
ASKED = "ASKED"
RED_ALREADY = "its rung is red already"
MAX_MESSAGE = 300
NAMING_ERRORS = ("ImportError", "ModuleNotFoundError", "NameError", "AttributeError", "TypeError")

_passed: Counter[str] = Counter()
_seconds: Counter[str] = Counter()
_failed: dict[str, dict[str, str]] = {}
_accidents: list[str] = []
_skipped: dict[str, str] = {}
_not_imported: dict[str, str] = {}
_ran: dict[str, None] = {}
_target = Path(os.environ.get(VERDICTS, ""))
_targets = os.environ.get(TARGETS, "").split()
_asked = set(os.environ.get(ASKED, "").split())


def rung_of(test: str) -> str:
    """The rung that a test is on: the folder below `tests/`."""
    return test.split("/")[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only the targets; on each rung, first the tests that were asked for; the rungs stay in their order."""
    items[:] = [item for item in items if _is_target(item)]
    rungs = list(dict.fromkeys(rung_of(item.nodeid) for item in items))
    items.sort(key=lambda item: (rungs.index(rung_of(item.nodeid)), not _is_asked(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Go on in a red rung only with the tests that were asked for."""
    if rung_of(item.nodeid) in _failed and not _is_asked(item):
        pytest.skip(RED_ALREADY)


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _is_target(item: pytest.Item) -> bool:
    return any(f"{_test(item)}::".startswith((f"{target}::", f"{target}/")) for target in _targets)


def _is_asked(item: pytest.Item) -> bool:
    return _test(item) in _asked


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what passed, and note what failed with what it said."""
    rung = rung_of(report.nodeid)
    _seconds[rung] += report.duration  # type: ignore[assignment] # a Counter of floats
    if report.failed:
        if report.nodeid not in _failed.get(rung, {}) and _is_accident(report):
            _accidents.append(report.nodeid)
        _failed.setdefault(rung, {}).setdefault(report.nodeid, _message(report))
    elif report.skipped and _message(report) != f"Skipped: {RED_ALREADY}":
        _skipped[report.nodeid] = _message(report)
    elif report.passed and report.when == "call":
        _passed[rung] += 1
        _ran[report.nodeid.partition("[")[0]] = None


def _is_accident(report: pytest.TestReport) -> bool:
    """Whether a fixture failed, or a name that the test itself uses is gone."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return report.when != "call" or (
        crash is not None
        and crash.message.partition(":")[0] in NAMING_ERRORS
        and Path(crash.path).is_relative_to(_target.parent / "capstone" / "tests")
    )


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that cannot be imported."""
    if report.failed:
        _not_imported[report.nodeid] = _message(report)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write everything down, whole or not at all."""
    seconds = {rung: round(took, 2) for rung, took in _seconds.items()}
    found = {"status": int(exitstatus), "passed": _passed, "ran": list(_ran), "seconds": seconds}
    found |= {"failed": _failed, "accidents": _accidents, "skipped": _skipped, "not_imported": _not_imported}
    partial = _target.with_suffix(".partial")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.replace(_target)


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The line that says most: where values differ rather than both shortened, and no path of the copy."""
    told: Any = report.longrepr
    if isinstance(told, tuple):  # a skip: file, line, reason
        text = str(told[2])
    else:
        text = told.reprcrash.message if getattr(told, "reprcrash", None) else str(told)
    folder = f"{_target.parent}/"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = [
        *(line.removeprefix("E").strip() for line in lines[::-1] if line.startswith("E  ")),  # a file's error
        *(line for line in lines if line.startswith("At index")),
        *(line for line in lines if folder not in line),
        *lines,
        "",
    ][0]
    return first.replace(folder, "")[:MAX_MESSAGE]
