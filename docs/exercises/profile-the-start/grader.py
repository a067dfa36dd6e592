"""Grades a plan by running it: a service starts on SQLite with new rules in its file, under cProfile."""

import ast
import cProfile
import inspect
import pkgutil
import sys
from contextlib import closing
from datetime import timedelta
from functools import cache
from math import isfinite, log
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import service_monitoring
from service_monitoring.boundary.policy_file import PolicyFile
from service_monitoring.server.run import _adopt
from service_monitoring.storage.sql import SqlStore
from service_monitoring.storage.sqlite import SqliteDatabase
from service_monitoring.testing import SteppableMonitor, make_rule

MISTAKES = {
    "incomplete": (
        "Fill in every key. store, function, figure, decided_by, boundary and contract are text; rules, "
        "stop_at_most and profiled are whole numbers; predicted and exponent are numbers."
    ),
    "rules-out-of-range": (
        "rules must be between {FEWEST} and {MOST}. With fewer rules, the linear part of the count "
        "hides the square. With more, the profile takes longer and shows nothing new."
    ),
    "copied-from-the-lesson": (
        "You predicted the count that the lesson derives for its own start. This start is another one: the "
        "store holds rules already, and retires them at the end. Derive the count for this start."
    ),
    "store-without-documents": (
        'store must be "sqlite", as in the service whose start is slow. The memory store keeps the objects '
        "themselves and encodes nothing, so the slow part of this start is not in its profile."
    ),
    "seconds-as-figure": (
        'figure must be "calls". Most seconds of this start are the disk, and some are the profiler. On the '
        "next machine both are different. Which column of a profile is the same in every run?"
    ),
    "no-such-function": (
        "function, decided_by and boundary must each name exactly one function or method of the capstone. "
        "Write it as module.function, as the row of a profile shows it, file.py:line(function), or with its "
        "full dotted name. A bare function name can fit several."
    ),
    "not-in-this-workload": (
        "function never runs in this start. It may be the hottest function of another workload. "
        "Profile the start, and read the names in that profile."
    ),
    "cold-function": (
        "function runs, but another function of the capstone runs more than {OFTENER} times as often. Sort "
        "the profile of this start by calls, not by time, and do not judge by the name."
    ),
    "linear-prediction": (
        "You predicted a count that grows with the number of rules. The real count is more than {OFTENER} "
        "times that. You counted how often a rule changes. How many rules are written at each of these "
        "changes?"
    ),
    "prediction-missed": (
        "The start was profiled, and its count is more than {ROOM:.0%} away from your prediction. A factor "
        "may be missing: how many rules are in the policy at each commit? A retired rule stays in it."
    ),
    "growth-contradicts": (
        "The count is right, the exponent is not. It is measured from half of the rules to all of them. "
        "When the rules double, by what factor do the calls grow?"
    ),
    "nobody-on-the-path": (
        "decided_by is not on the stack when the hot function runs, so it cannot decide how often that "
        "happens. Start at the hot function and follow print_callers upward, row by row."
    ),
    "blames-the-callee": (
        "decided_by is on the path, but it runs many times itself: something above it asks for each call. "
        "If you made it twice as fast, it would still be called as often. Go up to the first function that "
        "runs only once."
    ),
    "bought-elsewhere": (
        "boundary is not between decided_by and the hot function: it runs elsewhere, or it is one of the "
        "two. Which call does every command go through on its way down?"
    ),
    "nothing-true-yet": (
        "boundary is on the path, but when that call returns, the command can still be rolled back, because "
        "the database was not yet told to commit. Look further up for a call that contains the end of the "
        "transaction."
    ),
    "another-contract": (
        "The commit for each command does not serve that contract. Which contract says what a command that "
        "fails may leave behind? The capstone's home page lists all contracts."
    ),
    "never-stops": (
        "stop_at_most is lower than any start can reach: every rule has to be written at least once. With "
        "this limit you would optimize for ever."
    ),
    "stopped-before-it-began": (
        "Your own prediction is below stop_at_most, so by this plan there is nothing to do. Choose a limit "
        "that today's start exceeds, and that a start you would leave alone does not."
    ),
    "not-profiled": (
        "profiled is more than {ROOM:.0%} away from the calls of all functions in a start with your number "
        "of rules. Run cProfile on that start, and copy the number before `function calls` from the first "
        "line of the table."
    ),
}

FEWEST, MOST = 20, 100
ROOM, OFTENER = 0.05, 4
_TEXTS = ("store", "function", "figure", "decided_by", "boundary", "contract")
_NUMBERS = ("rules", "predicted", "exponent", "stop_at_most", "profiled")


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
    profiled: int


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a plan."""
    texts, numbers = ([submission.get(key) for key in keys] for keys in (_TEXTS, _NUMBERS))
    if not all(isinstance(text, str) and text for text in texts):
        return "incomplete"
    if not all(type(number) in (int, float) and isfinite(number) for number in numbers):
        return "incomplete"
    plan = Plan(*texts, *numbers)
    if not all(type(whole) is int for whole in (plan.rules, plan.stop_at_most, plan.profiled)):
        return "incomplete"
    return _of_workload(plan) or _of_counts(plan) or _of_cause(plan) or _of_limit(plan) or _of_profile(plan)


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
    return "cold-function" if OFTENER * calls[_code(plan.function)] < max(calls.values()) else None


def _of_counts(plan):
    code, half = _code(plan.function), plan.rules // 2
    whole = _calls(plan.rules)[code]
    growth = log(whole / _calls(half)[code]) / log(plan.rules / half)
    grows = abs(plan.exponent - growth) <= ROOM * growth
    if abs(plan.predicted - whole) > ROOM * whole:
        lesson = 2 * plan.rules**2 + 3 * plan.rules
        if abs(plan.predicted - lesson) <= ROOM * lesson:
            return "copied-from-the-lesson"
        return "linear-prediction" if not grows and OFTENER * plan.predicted < whole else "prediction-missed"
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


def _of_profile(plan):
    total = sum(_all_calls(plan.rules).values())
    return "not-profiled" if abs(plan.profiled - total) > ROOM * total else None


def _code(name):
    """The code of the one function that is meant; nothing when the capstone has none or several of the name.

    Accepted are the full dotted name and every end of it, `module.function` as the lesson writes it, and the
    row of a profile.
    """
    found = [dotted for dotted, labels in _names().items() if name in labels or dotted.endswith(f".{name}")]
    if len(found) != 1:
        return None
    function = pkgutil.resolve_name(found[0])
    function = function.fget if isinstance(function, property) else inspect.unwrap(function)
    return getattr(function, "__code__", None)


@cache
def _names():
    """Each function of the capstone that does something: its dotted name, and what else it is called."""
    package = Path(service_monitoring.__path__[0])
    found = {}
    for file in package.rglob("[!_]*.py"):
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        within = [(module, node) for node in tree.body]
        within += [
            (f"{module}.{node.name}", inner)
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            for inner in node.body
        ]
        for prefix, node in within:
            # A method of a Protocol is only its docstring.
            if isinstance(node, ast.FunctionDef) and (len(node.body) > 1 or ast.get_docstring(node) is None):
                dotted = f"{prefix}.{node.name}"
                line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found[dotted] = {dotted, f"{file.stem}.{node.name}", f"{file.name}:{line}({node.name})"}
    return found


def _start(count, run):
    """A service starts: its file has this many rules, and the store as many others. `run` calls the start.

    No commit waits for the disk, because that changes no count.
    """
    old = [make_rule(f"busy-{n}", f"cpu_{n}_ratio", above=0.9) for n in range(count)]
    new = [make_rule(f"hot-{n}", f"cpu_{n}_ratio", above=0.8) for n in range(count)]
    minutes = timedelta(minutes=5)
    file = PolicyFile("machine", minutes, minutes, tuple(new))
    with TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "store.db")
        with closing(SqlStore(database)) as store:
            database.query("PRAGMA synchronous = OFF")
            monitor = SteppableMonitor(*old, store=store)
            run(_adopt, file, monitor, store)


def _calls(count):
    """How often each function of the capstone runs in a start with this many rules."""
    return {
        code: calls
        for code, calls in _all_calls(count).items()
        if not isinstance(code, str) and "service_monitoring" in code.co_filename
    }


@cache
def _all_calls(count):
    """How often each function runs, those of Python and C included."""
    profile = cProfile.Profile()
    _start(count, profile.runcall)
    return {entry.code: entry.callcount for entry in profile.getstats()}


def _above(code, **arguments):
    """Everything that is on the stack when this code is called with these arguments, itself included."""
    found = set()

    def profiler(frame, event, _):
        if event == "call" and frame.f_code is code and arguments.items() <= dict(frame.f_locals).items():
            while frame:
                found.add(frame.f_code)
                frame = frame.f_back

    def watched(function, *given):
        before = sys.getprofile()
        sys.setprofile(profiler)
        try:
            function(*given)
        finally:
            sys.setprofile(before)

    _start(2, watched)
    return found
