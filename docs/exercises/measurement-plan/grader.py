"""Grades a plan by carrying it out: the shipped trace is replayed, profiled and traced."""

import cProfile
import gc
import inspect
import pkgutil
import tracemalloc
from functools import cache
from itertools import islice
from math import isfinite, log2
from typing import NamedTuple

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock, replay
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.domain.events import IncidentOpened
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore

MISTAKES = {
    "incomplete": (
        "Every key needs an answer of its kind: text for function, workload and figure, a whole number for "
        "lines, numbers for predicted, tolerance and stop_at_most."
    ),
    "no-such-function": (
        "The package has no function or method of this name. Write where it can be imported from, as "
        "service_monitoring.PACKAGE.MODULE.CLASS.METHOD. The API pages list every public one. A class is "
        "not a function: name its method."
    ),
    "figure-does-not-repeat": (
        "figure must be one that is the same in the next run: calls, blocks, bytes, peak or exponent. Time "
        "depends on what else the machine does, so the next run of the plan could lead to another decision."
    ),
    "workload-nobody-runs": (
        "workload must be the trace that ships with the capstone, machine-under-load.jsonl, and lines at "
        "most its 8,820. A loop around one function is a workload that no user runs."
    ),
    "quiet-workload": (
        "In these few lines the load has not begun: no incident opens, so your figures leave out what the "
        "service does then. Replay more lines; the walkthrough shows when the first incident opens."
    ),
    "cold-function": (
        "The function runs less than once for each line of this workload, so it is not a candidate for the "
        "hot path. Profile the replay, sort by calls, and suspect a function from the top of the list."
    ),
    "copied-from-the-lesson": (
        "You need no derivation for this figure. Either your function runs once for each line, so its calls "
        "are the number of lines, or you count calls over the whole trace, which the lesson's profile shows. "
        "Replay part of the trace, and count the calls of a function that runs for lines and for decisions, "
        "or choose blocks, bytes or the peak."
    ),
    "tolerance-proves-nothing": (
        "tolerance must be between 0 and {MOST_TOLERANCE}. With more than that, results that contradict one "
        "another confirm the plan. How far apart are the runs of a figure that repeats?"
    ),
    "prediction-missed": (
        "The plan was carried out, and the figure is further from your prediction than the tolerance allows. "
        "Find out why before you predict again, best for another number of lines."
    ),
    "never-stops": (
        "stop_at_most is lower than the figure of every function in this workload, so the plan cannot end "
        "with: leave it alone. Which result would make you stop?"
    ),
    "stopped-before-it-began": (
        "With the figure that you expect, your plan says at once: leave the function alone. So you need not "
        "measure. Set stop_at_most below the lowest figure that you accept, which is predicted less the "
        "tolerance."
    ),
}

TRACE = (MACHINE_UNDER_LOAD.name, MACHINE_UNDER_LOAD.stem, "MACHINE_UNDER_LOAD")
_OWN = "that its own lines allocated and that are alive after the replay, for all lines together."
MEANING = {
    "calls": "Calls are those of the function in the whole replay.",
    "exponent": "The exponent is that of the function's calls, from half of the lines to all.",
    "blocks": f"Blocks are those {_OWN}",
    "bytes": f"Bytes are those of blocks {_OWN}",
    "peak": "The peak is that of the whole replay, in bytes.",
}
MOST_TOLERANCE = 0.1


class Plan(NamedTuple):
    """What a submission says."""

    function: str
    workload: str
    figure: str
    lines: int
    predicted: float
    tolerance: float
    stop_at_most: float


def grade(submission: dict[str, object]) -> str | tuple[str, str] | None:
    """The first mistake of a plan; where a number decided, with that number."""
    texts = [submission.get(key) for key in ("function", "workload", "figure")]
    numbers = [submission.get(key) for key in ("lines", "predicted", "tolerance", "stop_at_most")]
    if not all(isinstance(text, str) and text for text in texts):
        return "incomplete"
    if not all(type(number) in (int, float) and isfinite(number) for number in numbers):
        return "incomplete"
    if type(numbers[0]) is not int:
        return "incomplete"
    plan = Plan(*texts, *numbers)
    return _of_subject(plan) or _of_figures(plan)


def _of_subject(plan):
    code, lines = _code(plan.function), plan.lines
    if code is None:
        return "no-such-function"
    if plan.figure not in MEANING:
        return "figure-does-not-repeat"
    if plan.workload not in TRACE or not 0 < lines <= len(_samples()):
        return "workload-nobody-runs"
    if not any(isinstance(event, IncidentOpened) for event in _replay(lines).events("machine")):
        return "quiet-workload"
    calls = _calls(lines).get(code, 0)
    if calls < lines:
        return "cold-function", f"It runs {calls:,} times in {lines:,} lines."
    return "copied-from-the-lesson" if _is_in_the_lesson(plan, calls) else None


def _is_in_the_lesson(plan, calls):
    """Whether its page shows it: calls over the whole trace, or once for each line, the header included."""
    once = calls - plan.lines <= 1
    whole = plan.figure == "calls" and plan.lines == len(_samples())
    return whole or (plan.figure in ("calls", "exponent") and once)


def _of_figures(plan):
    if not 0 <= plan.tolerance <= MOST_TOLERANCE:
        return "tolerance-proves-nothing"
    room = plan.tolerance * abs(plan.predicted)
    for _ in range(2):
        measured = _figure(plan.figure, _code(plan.function), plan.lines)
        if abs(measured - plan.predicted) > room:
            return "prediction-missed", (
                f"Measured: {_shown(measured)}. Accepted: {_shown(plan.predicted - room)} to "
                f"{_shown(plan.predicted + room)}. {MEANING[plan.figure]}"
            )
    lowest, accepted = _lowest(plan.figure, plan.lines), plan.predicted - room
    if plan.stop_at_most < lowest:
        return (
            "never-stops",
            f"The lowest figure is {_shown(lowest)}, and your limit {_shown(plan.stop_at_most)}.",
        )
    if accepted <= plan.stop_at_most:
        return "stopped-before-it-began", (
            f"Your prediction less its tolerance is {_shown(accepted)}, and your limit is "
            f"{_shown(plan.stop_at_most)}."
        )
    return None


def _shown(number):
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


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


@cache
def _samples():
    return list(read_trace(MACHINE_UNDER_LOAD))


def _replay(lines):
    """The store after the first lines of the trace were replayed, decoding included."""
    policy, clock, store = load_policy_file(MACHINE_POLICY), TraceClock(), MemoryStore()
    monitor = Monitor("machine", store, clock)
    monitor.begin(policy.lookback, policy.rules)
    samples = islice(read_trace(MACHINE_UNDER_LOAD), lines)
    replay(monitor, samples, interval=policy.evaluation_interval, clock=clock)
    return store


def _calls(lines):
    """How often each function of the capstone runs."""
    profile = cProfile.Profile()
    profile.runcall(_replay, lines)
    return {
        entry.code: entry.callcount
        for entry in profile.getstats()
        if not isinstance(entry.code, str) and "service_monitoring" in entry.code.co_filename
    }


def _figure(figure, code, lines):
    if figure == "calls":
        return _calls(lines)[code]
    if figure == "exponent":
        return _exponents(lines).get(code, 0.0)
    size, blocks, peak = _held(code, lines)
    return {"bytes": size, "blocks": blocks, "peak": peak}[figure]


def _exponents(lines):
    """How the calls of each function grow from half of the lines to all of them."""
    half, whole = _calls(lines // 2), _calls(lines)
    return {code: log2(whole[code] / half[code]) for code in whole.keys() & half.keys()}


def _held(code, lines):
    """What the function's own lines allocated and is alive at the end, and the peak of the whole replay."""
    own = {line for _, _, line in code.co_lines() if line is not None}
    gc.collect()
    tracemalloc.start()
    try:
        store = _replay(lines)
        peak = tracemalloc.get_traced_memory()[1]
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    del store
    places = snapshot.filter_traces(
        [tracemalloc.Filter(inclusive=True, filename_pattern=code.co_filename)]
    ).statistics("lineno")
    mine = [place for place in places if place.traceback[0].lineno in own]
    return sum(place.size for place in mine), sum(place.count for place in mine), peak


def _lowest(figure, lines):
    """The lowest result of any function in this workload; of the peak, that of the first hundred lines."""
    if figure == "calls":
        return min(_calls(lines).values())
    if figure == "exponent":
        return min(_exponents(lines).values())
    return _held(_replay.__code__, 100)[2] if figure == "peak" else 0
