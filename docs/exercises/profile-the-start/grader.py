"""Grades a plan by carrying it out: monitors really start, under cProfile, on SQLite."""

import cProfile
import inspect
import pkgutil
import sys
from datetime import timedelta
from functools import cache
from math import isfinite, log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.storage.sqlite import SqliteDatabase, open_sqlite

MISTAKES = {
    "incomplete": (
        "Every key needs an answer of its kind: text for store, function, figure, decided_by, boundary and "
        "contract, whole numbers for rules and stop_at_most, numbers for predicted and exponent."
    ),
    "rules-out-of-range": (
        "rules must be 20 to 200. With fewer, what grows by the square still hides behind what does not; "
        "more take longer under a profiler and say nothing new."
    ),
    "store-without-documents": (
        "store must be sqlite, as in the service that somebody waits for. The memory store keeps the objects "
        "themselves and encodes nothing: what is slow about this start is not in its profile at all."
    ),
    "seconds-as-figure": (
        "figure must be calls. Seconds of this start are mostly the disk, and partly the profiler: they are "
        "others on the next machine, and others again in an hour. Which column of a profile is the same "
        "twice?"
    ),
    "no-such-function": (
        "function, decided_by and boundary must be functions or methods of the capstone. Write each where "
        "it can be imported from, as service_monitoring.PACKAGE.MODULE.CLASS.METHOD."
    ),
    "not-in-this-workload": (
        "function does not run when a monitor starts, not once. It may well be the hottest of another "
        "workload. Profile what people wait for, and only then read names."
    ),
    "cold-function": (
        "function runs, but another of the capstone's runs more than four times as often. Sort this start's "
        "profile by calls, not by the time or by how much the name promises."
    ),
    "linear-prediction": (
        "You predicted a count that grows as the rules do, and the start counted many times that. You have "
        "counted how often a rule changes. How many rules are written down each time that one changes?"
    ),
    "prediction-missed": (
        "The start was profiled, and the count is more than a twentieth away from what you predicted. The "
        "growth may be right and a factor missing: how many documents of a policy hold its rules, and how "
        "many steps does each rule take?"
    ),
    "growth-contradicts": (
        "The count is right, and the exponent is not: it was taken from half of the rules to all of them. A "
        "single count can be copied from a profile; what it does when the rules double says that you know "
        "where it comes from."
    ),
    "nobody-on-the-path": (
        "decided_by is never on the stack when the hot function runs, so it decides nothing about it. Follow "
        "the callers of the hot function upward, one row of the profile after the other."
    ),
    "blames-the-callee": (
        "decided_by is on the path, but it runs again and again itself: it only does what it is asked each "
        "time. Made twice as fast, it would be called as often as before. Go up until you find somebody who "
        "runs once."
    ),
    "bought-elsewhere": (
        "boundary does not lie between the one who decides and the hot function: it runs elsewhere, or it is "
        "the decision itself. Which call does every single step go through on its way down?"
    ),
    "nothing-true-yet": (
        "boundary lies on the path, but when that call returns, the step can still be rolled back: the "
        "database has not been told to commit. Further up is a call that includes the end of the transaction."
    ),
    "another-contract": (
        "That promise does not ask for a commit at each step. Find in the capstone's contract table what a "
        "step that fails must not leave behind."
    ),
    "never-stops": (
        "stop_at_most is below what any start can reach: each rule has to be written down at least once. A "
        "plan that nothing can stop is a decision that was made before."
    ),
    "stopped-before-it-began": (
        "The count that you predict means stop already. Choose the limit so that the start as it is lies "
        "above it, and one that you would leave alone below."
    ),
}

FEWEST, MOST = 20, 200
ROOM = 0.05
_TEXTS = ("store", "function", "figure", "decided_by", "boundary", "contract")
_NUMBERS = ("rules", "predicted", "exponent", "stop_at_most")


class Plan(NamedTuple):
    """What a submission says."""

    store: str
    function: str
    figure: str
    decided_by: str
    boundary: str
    contract: str
    rules: int
    predicted: float
    exponent: float
    stop_at_most: int


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a plan."""
    texts, numbers = ([submission.get(key) for key in keys] for keys in (_TEXTS, _NUMBERS))
    if not all(isinstance(text, str) and text for text in texts):
        return "incomplete"
    if not all(type(number) in (int, float) and isfinite(number) for number in numbers):
        return "incomplete"
    plan = Plan(*texts, *numbers)
    if type(plan.rules) is not int or type(plan.stop_at_most) is not int:
        return "incomplete"
    return _of_workload(plan) or _of_counts(plan) or _of_cause(plan) or _of_limit(plan)


def _of_workload(plan):
    if not FEWEST <= plan.rules <= MOST:
        return "rules-out-of-range"
    if plan.store != "sqlite":
        return "store-without-documents"
    if plan.figure != "calls":
        return "seconds-as-figure"
    if None in map(_code, (plan.function, plan.decided_by, plan.boundary)):
        return "no-such-function"
    calls = _calls(plan.rules)
    if _code(plan.function) not in calls:
        return "not-in-this-workload"
    return "cold-function" if 4 * calls[_code(plan.function)] < max(calls.values()) else None


def _of_counts(plan):
    code, half = _code(plan.function), plan.rules // 2
    whole = _calls(plan.rules)[code]
    growth = log(whole / _calls(half)[code]) / log(plan.rules / half)
    grows = abs(plan.exponent - growth) <= ROOM * growth
    if abs(plan.predicted - whole) > ROOM * whole:
        return "prediction-missed" if grows else "linear-prediction"
    return None if grows else "growth-contradicts"


def _of_cause(plan):
    hot, decides, boundary = map(_code, (plan.function, plan.decided_by, plan.boundary))
    path, calls = _above(hot), _calls(plan.rules)
    if decides not in path:
        return "nobody-on-the-path"
    if calls[decides] > 1:
        return "blames-the-callee"
    if boundary not in path or boundary in (hot, decides):
        return "bought-elsewhere"
    if boundary not in _above(SqliteDatabase.query.__code__, statement="COMMIT"):
        return "nothing-true-yet"
    return None if plan.contract == "atomicity" else "another-contract"


def _of_limit(plan):
    if plan.stop_at_most < plan.rules:
        return "never-stops"
    return "stopped-before-it-began" if plan.predicted * (1 - ROOM) <= plan.stop_at_most else None


def _code(name):
    """The code of a function by its dotted name; nothing when the capstone has none of this name."""
    if not name.startswith("service_monitoring."):
        return None
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        return None
    function = found.fget if isinstance(found, property) else inspect.unwrap(found)
    return getattr(function, "__code__", None)


def _start(count):
    """A monitor begins with so many rules."""
    above = Threshold(Comparison.ABOVE, 0.9)
    rules = [Rule(f"busy-{n}", MetricName(f"cpu_{n}_ratio"), above, Severity.WARNING) for n in range(count)]
    with TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder) / "store.db")
        try:
            Monitor("fleet", store, TraceClock()).begin(timedelta(minutes=5), rules)
        finally:
            store.close()


@cache
def _calls(count):
    """How often each function of the capstone runs in a start with so many rules."""
    profile = cProfile.Profile()
    profile.runcall(_start, count)
    return {
        entry.code: entry.callcount
        for entry in profile.getstats()
        if not isinstance(entry.code, str) and "service_monitoring" in entry.code.co_filename
    }


def _above(code, **arguments):
    """Everything that is on the stack when this code is called with these arguments, itself included."""
    found = set()

    def profiler(frame, event, _):
        if event == "call" and frame.f_code is code and arguments.items() <= dict(frame.f_locals).items():
            while frame:
                found.add(frame.f_code)
                frame = frame.f_back

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        _start(2)
    finally:
        sys.setprofile(before)
    return found
