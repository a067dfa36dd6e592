"""Grades `retention`: in place of the policy's property, through changes of rules, copies and a replay."""

import gc
import tracemalloc
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest.mock import patch

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock, replay
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.policy import MonitoringPolicy
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.domain.window import SampleWindow
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore

MISTAKES = {
    "no-function": "The file must define a function retention(policy), which gives a timedelta.",
    "wrong-from-the-start": (
        "A policy that was never asked before gives a wrong answer, or none. The starter is right: at least "
        "the lookback, and the widest window of an active rule."
    ),
    "never-renewed": (
        "Asked, then a rule that reads an hour back was activated, and the answer is still the old one; a "
        "commit and an hour of decisions later too. The store forgets the samples that this rule needs."
    ),
    "keyed-by-version": (
        "Within one unit of work the answer is old after a rule changes, and right after the commit. When is "
        "the version incremented? The store asks before that."
    ),
    "time-based": (
        "The answer is old after a rule changes, and right some decisions later. In between samples are "
        "forgotten, and they do not come back. What changes at the very moment at which the answer does?"
    ),
    "keyed-by-news": (
        "A rule was activated, and its events were collected, as a commit does. Asked after that, you give "
        "the old answer. The store asks exactly there."
    ),
    "never-shrinks": (
        "The rule that read an hour back is retired, and its hour is still kept. From then on the store "
        "holds more samples than any rule needs."
    ),
    "keyed-by-count": (
        "One rule was retired and another one activated, and the answer is that of the first. There are as "
        "many rules as before. What else could you compare?"
    ),
    "keyed-by-address": (
        "Right after one change, and wrong after several. The table that you compare with was deleted, and "
        "another one got its address. What must you keep so that this cannot happen?"
    ),
    "shared-with-copies": (
        "A copy activated a rule, was asked and thrown away, as in a unit of work that fails. Then another "
        "copy activated another rule, and gave the answer of the first. Where do you keep the answer, and "
        "which copies share it?"
    ),
    "keeps-every-table": (
        "Correct, but after {_CHANGES:,} changes of rules you still hold something for each of them. Which "
        "of the answers can be asked for again?"
    ),
    "no-gain": (
        "Correct, but as expensive as before: over the shipped trace every rule is asked for its width at "
        "nearly every commit. How often do the rules change?"
    ),
}

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
LOOKBACK, HOUR = timedelta(minutes=5), timedelta(hours=1)
_CHANGES = 1_000
_HELD = 200
_WIDTHS = 50  # the starter asks the six rules of the policy at each of 85 decisions


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a submission."""
    function = submission.get("retention")
    if not callable(function) or isinstance(function, type):
        return "no-function"
    with patch.object(MonitoringPolicy, "retention", property(function)):
        return _of_first_answers() or _of_one_change() or _of_more_changes() or _of_costs()


def _rule(name, width=LOOKBACK):
    condition = (
        Threshold(Comparison.ABOVE, 0.5) if width == LOOKBACK else RateOfChange(Comparison.ABOVE, 1.0, width)
    )
    return Rule(name, MetricName(name.replace("-", "_")), condition, Severity.INFO)


def _policy(*widths):
    policy = MonitoringPolicy("machine", lookback=LOOKBACK)
    for number, width in enumerate(widths):
        _activate(policy, f"rule-{number}", width)
    policy.collect_events()
    return policy


def _activate(policy, name, width):
    policy.draft(_rule(name, width), AT)
    policy.activate(name, AT)


def _of_first_answers():
    right = {(): LOOKBACK, (LOOKBACK,): LOOKBACK, (HOUR,): HOUR, (LOOKBACK, 2 * HOUR): 2 * HOUR}
    for number, (widths, answer) in enumerate(right.items()):
        policy = _policy(*widths)
        policy.id = f"first-{number}"
        if policy.retention != answer:
            return "wrong-from-the-start"
    return None


def _of_one_change():
    policy = _policy(LOOKBACK)
    policy.id = "one"
    held = policy.copy()  # keeps the table of rules, and with it its address
    policy.retention  # noqa: B018 - asked, so that a cache is filled
    _activate(policy, "wide", HOUR)
    unasked = policy.copy()
    unasked.collect_events()
    if held.retention != LOOKBACK:
        return "shared-with-copies"
    if policy.retention != HOUR:
        policy.version += 1
        if policy.retention == HOUR:
            return "keyed-by-version"
        for minutes in range(60):
            policy.evaluate(SampleWindow(), AT + timedelta(minutes=minutes))
            if policy.retention == HOUR:
                return "time-based"
        return "never-renewed"
    if unasked.retention != HOUR:
        return "keyed-by-news"
    policy.retire("wide", AT)
    return "never-shrinks" if policy.retention != LOOKBACK else None


def _of_more_changes():
    policy = _policy(HOUR)
    policy.id = "more"
    policy.retention  # noqa: B018 - as above
    held = policy.copy()
    policy.retire("rule-0", AT)
    _activate(policy, "other", 2 * HOUR)
    if policy.retention != 2 * HOUR:
        return "keyed-by-count"
    if held.retention != HOUR:
        return "shared-with-copies"
    for width in (2 * HOUR, 3 * HOUR):
        copy = held.copy()
        _activate(copy, "wider", width)
        if copy.retention != width:
            return "shared-with-copies"
    if held.retention != HOUR:
        return "shared-with-copies"
    return _of_addresses()


def _of_addresses():
    policy = _policy(LOOKBACK)
    policy.id = "addresses"
    for number in range(100):
        policy.retention  # noqa: B018 - as above
        _activate(policy, f"wide-{number}", HOUR)
        _activate(policy, f"wider-{number}", 2 * HOUR)
        if policy.retention != 2 * HOUR:
            return "keyed-by-address"
        policy.retire(f"wide-{number}", AT)
        policy.retire(f"wider-{number}", AT)
        if policy.retention != LOOKBACK:
            return "keyed-by-address"
    return None


def _of_costs():
    policy = _policy(LOOKBACK)
    policy.id = "costs"
    if _left(partial(_change_often, policy)) > _HELD:
        return "keeps-every-table"
    return "no-gain" if _widths(_replay) > _WIDTHS else None


def _change_often(policy):
    for number in range(_CHANGES):
        copy = policy.copy()
        _activate(copy, f"new-{number}", HOUR)
        copy.retention  # noqa: B018 - as above


def _left(run):
    """How many blocks are still there after a run that returned nothing."""
    gc.collect()
    tracemalloc.start()
    try:
        run()
        gc.collect()
        return sum(statistic.count for statistic in tracemalloc.take_snapshot().statistics("filename"))
    finally:
        tracemalloc.stop()


def _widths(run):
    """How often a condition is asked for its width to find a retention."""
    asked = 0

    def counted(width):
        def counting(condition, lookback):
            nonlocal asked
            asked += 1
            return width(condition, lookback)

        return counting

    with ExitStack() as patches:
        for kind in (Absence, ConsecutiveBreaches, RateOfChange, Threshold):
            patches.enter_context(patch.object(kind, "width", counted(kind.width)))
        run()
    return asked


def _replay():
    policy, clock = load_policy_file(MACHINE_POLICY), TraceClock()
    monitor = Monitor("machine", MemoryStore(), clock)
    monitor.begin(policy.lookback, policy.rules)
    replay(monitor, read_trace(MACHINE_UNDER_LOAD), interval=policy.evaluation_interval, clock=clock)
