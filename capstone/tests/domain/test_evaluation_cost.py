"""What an evaluation costs, counted: it follows the active rules, not the samples held."""

from __future__ import annotations

import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.policy import MonitoringPolicy
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import SampleWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FEW, MANY = 100, 50_000


def opcodes(work: Callable[[], object]) -> int:
    """How many bytecode instructions some work takes: a loop over samples can not hide from it."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    for _ in range(2):  # CPython 3.12 traces instructions only from the second settrace on
        count = 0
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
    return count


def peak_bytes(work: Callable[[], object]) -> int:
    """How much memory some work takes at most: a copy of the samples can not hide from it."""
    work()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@cache
def holding(samples: int) -> SampleWindow:
    """A window with so many samples of one metric, a millisecond apart, the newest now."""
    window = SampleWindow()
    window.add(
        Sample(MetricName("busy"), 0.5, NOW - timedelta(milliseconds=age)) for age in reversed(range(samples))
    )
    return window


def policy_of(*conditions: Condition) -> MonitoringPolicy:
    """A policy with an active rule for each condition."""
    policy = MonitoringPolicy("machine")
    for number, condition in enumerate(conditions):
        policy.draft(Rule(f"rule-{number}", MetricName("busy"), condition, Severity.INFO), NOW)
        policy.activate(f"rule-{number}", NOW)
    return policy


def evaluation(policy: MonitoringPolicy, window: SampleWindow, at: datetime) -> Callable[[], None]:
    """One evaluation that can be repeated."""
    return lambda: policy.copy().evaluate(window, at)


CONDITIONS: list[Condition] = [
    Threshold(Comparison.ABOVE, 0.9),
    ConsecutiveBreaches(Comparison.BELOW, 0.9, 20),
    RateOfChange(Comparison.ABOVE, 0.9, timedelta(minutes=10)),
    Absence(),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: type(condition).__name__)
@pytest.mark.parametrize("age", [0, 50], ids=["at the newest sample", "in the middle"])
def test_an_evaluation_takes_the_same_steps_however_many_samples_are_held(
    condition: Condition, age: int
) -> None:
    """The same instructions and the same memory over 100 samples and over 50,000."""
    policy, at = policy_of(condition), NOW - timedelta(milliseconds=age)
    few, many = (evaluation(policy, holding(samples), at) for samples in (FEW, MANY))
    assert opcodes(few) == opcodes(many) > 10
    assert peak_bytes(many) < peak_bytes(few) + 1_000


def test_an_evaluation_grows_linearly_with_the_active_rules() -> None:
    """Twice as many more rules take exactly twice as many more instructions; drafts and retired ones none."""
    window = holding(FEW)
    counts = []
    for rules in (10, 20, 40):
        policy = policy_of(*(Threshold(Comparison.ABOVE, 1.0 + limit) for limit in range(rules)))
        for number in range(50):
            name = f"other-{number}"
            policy.draft(
                Rule(name, MetricName("busy"), Threshold(Comparison.BELOW, -float(number)), Severity.INFO),
                NOW,
            )
            if number % 2:
                policy.activate(name, NOW)
                policy.retire(name, NOW)
        counts.append(opcodes(evaluation(policy, window, NOW)))
    ten, twenty, forty = counts
    assert forty - twenty == 2 * (twenty - ten) > 0
    assert twenty - ten < 10 * 200
