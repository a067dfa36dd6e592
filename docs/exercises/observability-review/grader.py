"""Grades a review: the contract table, the real ingestion under a profiler, and the real meter."""

import json
import pkgutil
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service_monitoring.application.commands import CreatePolicy, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.application.signals import RequestHandled
from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.signals.catalogue import ROUTE
from service_monitoring.signals.meter import Meter
from service_monitoring.storage.memory import MemoryStore

MISTAKES = {
    "incomplete": (
        "Every key needs an answer of its kind: text for contract, test and tell_after, a list of dotted "
        "names for collaboration, a whole number for label_values."
    ),
    "no-such-contract": (
        "contract is not one of the twelve. The capstone's page has a table of them. Copy the name from "
        "its first column."
    ),
    "bounded-all-the-same": (
        "You answered boundedness, but the label has a limit: names after the limit are counted as other, "
        "and test_every_metric_is_bounded still passes. Look at when the signal is emitted: what if the "
        "next line raises?"
    ),
    "another-contract": (
        "The diff does not break that contract: its tests still pass. Look at the line that emits the new "
        "signal. What is already true when it runs, and what is not true yet?"
    ),
    "red-for-any-signal": (
        "That test fails, but it would also fail for a new signal in the right place: it compares all "
        "signals with a reviewed list. Look for the test that checks when a signal is emitted."
    ),
    "stays-green": (
        "With the diff applied, no test of that name fails. The contract table says on which rungs each "
        "contract is tested. Write the test as FILE::TEST, with the file below capstone/tests."
    ),
    "label-values-miscounted": (
        "A client that makes up names gets a different number of values into this label. The limit says "
        "how many names are kept apart. What does the meter write for the names after that?"
    ),
    "no-such-call": (
        "No code calls tell_after while samples are ingested. Write the dotted name of a method of a class "
        "that runs then. A method of a Protocol does not run; use the classes of the memory store."
    ),
    "inside-the-store": (
        "tell_after is called, but not by Monitor.handle. So the application cannot emit a signal when it "
        "returns, and another store may not call it at all. Which call that handle makes itself contains it?"
    ),
    "told-too-early": (
        "When that call returns, you do not know yet whether the samples are kept. Which call of "
        "Monitor.handle either keeps them or raises?"
    ),
    "not-in-this-collaboration": (
        "collaboration needs a class that asks and a class that is asked while samples are ingested. "
        "Either one of them is not called at all, or it is never called from inside the other."
    ),
}

# Atomicity promises of signals, too, that a refused command leaves nothing behind.
CONTRACTS = ("truthful signals", "atomicity")
RED = "contract/test_signals.py::test_a_command_is_told_after_its_commit"
RED_FOR_ANY = (
    "contract/test_signals.py::test_there_is_an_example_of_every_signal",
    "contract/test_signals.py::test_one_correlation_leads_from_a_request_to_the_notification",
    "artifact/test_signal_artifacts.py::test_the_exposition_is_the_reviewed_one",
    "artifact/test_signal_artifacts.py::test_the_log_lines_are_the_reviewed_ones",
    "artifact/test_signal_artifacts.py::test_the_traces_are_the_reviewed_ones",
)
"""What goes red with the diff applied; the project's own checks run it and compare."""

_HERE = Path(__file__).parent
_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a review."""
    contract, test, after = (submission.get(key) for key in ("contract", "test", "tell_after"))
    pair, values = submission.get("collaboration"), submission.get("label_values")
    texts = [contract, test, after, *(pair if isinstance(pair, list) else [])]
    if len(texts) != len(("contract", "test", "tell_after", "asks", "asked")) or type(values) is not int:
        return "incomplete"
    if not all(isinstance(text, str) and text for text in texts) or not values:
        return "incomplete"
    return (
        _of_contract(contract)
        or _of_test(test.removeprefix("capstone/").removeprefix("tests/"))
        or ("label-values-miscounted" if values != _label_values() else None)
        or _of_call(after)
        or _of_pair(*pair)
    )


def _of_contract(contract):
    record = json.loads((_HERE.parents[1] / "assets/evidence/ladder.json").read_text(encoding="utf-8"))
    if contract not in {claim["contract"] for claim in record["claims"].values()}:
        return "no-such-contract"
    if contract in CONTRACTS:
        return None
    return "bounded-all-the-same" if contract == "boundedness" else "another-contract"


def _of_test(test):
    if test == RED:
        return None
    return "red-for-any-signal" if test in RED_FOR_ANY else "stays-green"


def _label_values():
    """The diff's limit, and what the real meter adds to the limit of a label that it has."""
    diff = (_HERE / "index.md").read_text(encoding="utf-8")
    limit = int(re.search(r'^\+METRIC = Label\("metric", limit=([\d_]+)\)', diff, re.MULTILINE)[1])
    meter = Meter()
    made_up = (RequestHandled(f"/{number}", 200, "", "c", 0.0) for number in range(5 * ROUTE.limit))
    seen = {
        measurement.labels["route"]
        for signal in made_up
        for measurement in meter.measure(signal)
        if ROUTE in measurement.metric.labels
    }
    return limit + len(seen) - ROUTE.limit


def _of_call(name):
    code = _code(name)
    told = [call for call in _ingestion() if call.code is code]
    if not told:
        return "no-such-call"
    if not any(call.by_handle for call in told):
        return "inside-the-store"
    return None if any(call.kept and call.gave is not None for call in told) else "told-too-early"


def _of_pair(asks, asked):
    for call in _ingestion():
        if call.owner == asked and asks in call.below and asks != asked:
            return None
    return "not-in-this-collaboration"


class _Call:
    """One call that returned while a sample was ingested."""

    def __init__(self, frame, gave, kept):
        self.code = frame.f_code
        self.by_handle = frame.f_back is not None and frame.f_back.f_code is Monitor.handle.__code__
        self.gave = gave
        self.kept = kept
        self.owner = _owner(frame)
        self.below = set()
        while frame := frame.f_back:
            self.below.add(_owner(frame))


def _owner(frame):
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname.rpartition('.')[0]}"


def _code(name):
    if not name.startswith("service_monitoring."):
        return None
    try:
        return getattr(pkgutil.resolve_name(name), "__code__", None)
    except (ImportError, AttributeError, ValueError):
        return None


def _ingestion():
    """Every call of the capstone's that returns while one sample is ingested, and what is kept by then."""
    store = MemoryStore()
    monitor = Monitor("machine", store, TraceClock())
    monitor.handle(CreatePolicy(timedelta(minutes=5)))
    window, calls = store.window(), []

    def profiler(frame, event, gave):
        if event == "return" and frame.f_globals.get("__name__", "").startswith("service_monitoring."):
            calls.append(_Call(frame, gave, len(window) > 0))

    command = IngestSamples([Sample(MetricName("up"), 1.0, _AT)])
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        monitor.handle(command)
    finally:
        sys.setprofile(before)
    return calls
