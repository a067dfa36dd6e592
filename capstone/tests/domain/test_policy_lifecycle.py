"""The life of a rule: every legal and every illegal step."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from service_monitoring.domain import policy as policy_module
from service_monitoring.domain.conditions import Absence, Comparison, RateOfChange, Threshold
from service_monitoring.domain.events import (
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
    RuleActivated,
    RuleDrafted,
    RuleRetired,
)
from service_monitoring.domain.incidents import IncidentState, Resolution
from service_monitoring.domain.policy import DEFAULT_LOOKBACK, MonitoringPolicy, PolicyError
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import SampleWindow

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
METRIC = MetricName("up")
RULE = Rule("silent", METRIC, Absence(), Severity.CRITICAL)

STEPS: dict[str, Callable[[MonitoringPolicy], None]] = {
    "draft": lambda policy: policy.draft(RULE, AT),
    "activate": lambda policy: policy.activate(RULE.id, AT),
    "retire": lambda policy: policy.retire(RULE.id, AT),
}
LIVES: dict[str, tuple[str, ...]] = {
    "unknown": (),
    RuleStatus.DRAFT: ("draft",),
    RuleStatus.ACTIVE: ("draft", "activate"),
    RuleStatus.RETIRED: ("draft", "activate", "retire"),
}
LEGAL = {("unknown", "draft"), (RuleStatus.DRAFT, "activate"), (RuleStatus.ACTIVE, "retire")}


def policy_with(*steps: str) -> MonitoringPolicy:
    """A policy whose one rule went through these steps; its events are collected."""
    policy = MonitoringPolicy("machine")
    for step in steps:
        STEPS[step](policy)
    policy.collect_events()
    return policy


def test_every_step_from_every_status_is_legal_or_refused_without_trace() -> None:
    """Draft, then active, then retired for good: three legal steps, nine illegal ones, all tried."""
    tried: Counter[str] = Counter()
    for (status, life), (step, take) in product(LIVES.items(), STEPS.items()):
        policy = policy_with(*life)
        before = dict(policy.rules)
        if (status, step) in LEGAL:
            take(policy)
            assert policy.rules != before
            assert len(policy.collect_events()) == 1
            tried["legal"] += 1
        else:
            with pytest.raises(PolicyError, match=r"silent"):
                take(policy)
            assert policy.rules == before
            assert policy.collect_events() == []
            tried["illegal"] += 1
    assert {status for status in LIVES if status != "unknown"} == set(RuleStatus)
    assert tried == {"legal": len(LEGAL), "illegal": len(LIVES) * len(STEPS) - len(LEGAL)}


def test_the_life_of_a_rule_is_recorded_in_order() -> None:
    """One event a step, with its instant."""
    policy = MonitoringPolicy("machine")
    policy.draft(RULE, AT)
    policy.activate(RULE.id, LATER)
    policy.retire(RULE.id, LATER)
    assert policy.collect_events() == [
        RuleDrafted(RULE, AT),
        RuleActivated(RULE.id, LATER),
        RuleRetired(RULE.id, LATER),
    ]


def test_events_are_handed_out_once() -> None:
    """Who collects them owns them."""
    policy = MonitoringPolicy("machine")
    policy.draft(RULE, AT)
    assert len(policy.collect_events()) == 1
    assert policy.collect_events() == []


def test_an_id_names_one_definition_for_good() -> None:
    """Another definition under the same id is refused, whatever became of the first."""
    other = Rule(RULE.id, MetricName("other"), Absence(), Severity.INFO)
    for life in (LIVES[status] for status in RuleStatus):
        with pytest.raises(PolicyError, match="exists already"):
            policy_with(*life).draft(other, AT)


def test_no_two_active_rules_ask_the_same() -> None:
    """Severity and durations are not part of the question; drafts may ask the same as an active rule."""
    policy = policy_with("draft", "activate")
    policy.draft(Rule("also", METRIC, Absence(), Severity.INFO, timedelta(minutes=1)), AT)
    with pytest.raises(PolicyError, match="rule also asks what the active rule silent asks: up absent"):
        policy.activate("also", AT)
    assert policy.rules["also"].status.value == "draft"
    policy.retire(RULE.id, AT)
    policy.activate("also", AT)
    assert policy.rules["also"].status is RuleStatus.ACTIVE


@pytest.mark.parametrize(
    "rule",
    [
        Rule("other", MetricName("other"), Absence(), Severity.CRITICAL),
        Rule("other", METRIC, Threshold(Comparison.BELOW, 1.0), Severity.CRITICAL),
    ],
)
def test_another_metric_or_condition_is_another_question(rule: Rule) -> None:
    """Both are part of the signature."""
    policy = policy_with("draft", "activate")
    policy.draft(rule, AT)
    policy.activate(rule.id, AT)
    assert policy.rules[rule.id].status is RuleStatus.ACTIVE


def test_a_policy_holds_a_bounded_number_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule beyond the limit is refused."""
    monkeypatch.setattr(policy_module, "MAX_RULES", 2)
    policy = MonitoringPolicy("machine")
    for name in ("a", "b"):
        policy.draft(Rule(name, METRIC, Absence(), Severity.INFO), AT)
    with pytest.raises(PolicyError, match="holds 2 rules already"):
        policy.draft(Rule("c", METRIC, Absence(), Severity.INFO), AT)
    assert list(policy.rules) == ["a", "b"]


@pytest.mark.parametrize("lookback", [timedelta(0), timedelta(seconds=-1)])
def test_a_lookback_is_positive(lookback: timedelta) -> None:
    """A sample must stand for its metric for some time."""
    with pytest.raises(ValueError, match="must be longer than 0"):
        MonitoringPolicy("machine", lookback=lookback)


def test_only_active_rules_decide() -> None:
    """A draft does not yet, a retired rule not any more."""
    for status, life in LIVES.items():
        policy = policy_with(*life)
        policy.evaluate(SampleWindow(), LATER)
        assert list(policy.incidents) == ([RULE.id] if status == "active" else [])


def test_retiring_a_rule_resolves_its_open_incident_and_says_why() -> None:
    """Not because the condition cleared."""
    policy = policy_with("draft", "activate")
    policy.evaluate(SampleWindow(), AT)
    policy.collect_events()
    policy.retire(RULE.id, LATER)
    retired, resolved = policy.collect_events()
    assert retired == RuleRetired(RULE.id, LATER)
    assert isinstance(resolved, IncidentResolved)
    assert resolved.at == resolved.incident.resolved_at == LATER
    assert resolved.incident.resolution is Resolution.RULE_RETIRED
    assert resolved.incident.state is IncidentState.RESOLVED
    assert not policy.incidents


def test_retiring_a_rule_forgets_its_pending_incident() -> None:
    """Nobody was told of it, so nobody is told of its end."""
    policy = MonitoringPolicy("machine")
    policy.draft(Rule("slow", METRIC, Absence(), Severity.INFO, hold_for=timedelta(hours=1)), AT)
    policy.activate("slow", AT)
    policy.evaluate(SampleWindow(), AT)
    policy.collect_events()
    policy.retire("slow", LATER)
    assert [type(event) for event in policy.collect_events()] == [RuleRetired, IncidentForgotten]
    assert not policy.incidents


def test_decisions_go_forward_in_time() -> None:
    """The same instant again, or an earlier one, is refused and changes nothing."""
    policy = policy_with("draft", "activate")
    policy.evaluate(SampleWindow(), AT)
    policy.collect_events()
    before = dict(policy.incidents)
    for at in (AT, AT - timedelta(microseconds=1)):
        with pytest.raises(PolicyError, match=r"decided at .* already"):
            policy.evaluate(SampleWindow(), at)
    assert policy.decided_at == AT
    assert policy.incidents == before
    assert policy.collect_events() == []
    policy.evaluate(SampleWindow(), AT + timedelta(microseconds=1))
    assert policy.decided_at == AT + timedelta(microseconds=1)


def test_retention_is_the_widest_window_of_an_active_rule() -> None:
    """Drafts and retired rules keep no samples alive; the lookback is the least."""
    policy = policy_with("draft", "activate")
    assert policy.retention == DEFAULT_LOOKBACK
    wide = RateOfChange(Comparison.ABOVE, 1.0, timedelta(hours=1))
    policy.draft(Rule("wide", METRIC, wide, Severity.INFO), AT)
    assert policy.retention == DEFAULT_LOOKBACK
    policy.activate("wide", AT)
    assert policy.retention == timedelta(hours=1)
    policy.retire("wide", AT)
    assert policy.retention == DEFAULT_LOOKBACK


CHANGES: dict[str, Callable[[MonitoringPolicy], None]] = {
    "draft": lambda policy: policy.draft(Rule("new", METRIC, Absence(), Severity.INFO), LATER),
    "activate": lambda policy: policy.activate("next", LATER),
    "retire": lambda policy: policy.retire(RULE.id, LATER),
    "evaluate": lambda policy: policy.evaluate(SampleWindow(), LATER),
}


def behaviour(policy: MonitoringPolicy) -> list[object]:
    """What a policy shows, and what one more decision of it would record."""
    shown = [dict(policy.rules), dict(policy.incidents), policy.decided_at, policy.retention]
    probe = policy.copy()
    probe.evaluate(SampleWindow(), LATER + timedelta(hours=1))
    return [*shown, probe.collect_events()]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("changed", ["the copy", "the original"])
def test_a_copy_and_its_original_do_not_notice_each_other(
    change: Callable[[MonitoringPolicy], None], changed: str
) -> None:
    """Whichever of the two changes, the other shows, decides and records as before."""
    original = policy_with("draft", "activate")
    original.draft(Rule("next", MetricName("other"), Absence(), Severity.INFO), AT)
    original.evaluate(SampleWindow(), AT)
    original.collect_events()
    copy = original.copy()
    left, right = (copy, original) if changed == "the copy" else (original, copy)
    before = behaviour(right)
    change(left)
    assert behaviour(right) == before != behaviour(left)
    assert right.collect_events() == []


def test_a_copy_takes_no_events_along() -> None:
    """They are recorded once, and stay with who recorded them."""
    original = MonitoringPolicy("machine")
    original.draft(RULE, AT)
    assert original.copy().collect_events() == []
    assert len(original.collect_events()) == 1


def decisions(*values: int | None, keep_open_for: int = 0, hold_for: int = 0) -> list[tuple[int, str]]:
    """What is recorded, second by second, when a metric has these values (`None`: no sample)."""
    rule = Rule(
        "busy",
        METRIC,
        Threshold(Comparison.ABOVE, 0.5),
        Severity.WARNING,
        timedelta(seconds=hold_for),
        timedelta(seconds=keep_open_for),
    )
    policy, window = MonitoringPolicy("machine", lookback=timedelta(seconds=1)), SampleWindow()
    policy.draft(rule, AT)
    policy.activate(rule.id, AT)
    policy.collect_events()
    recorded = []
    for second, value in enumerate(values):
        at = AT + timedelta(seconds=second)
        if value is not None:
            window.add([Sample(METRIC, float(value), at)])
        policy.evaluate(window, at)
        for event in policy.collect_events():
            assert event.at == at
            name = WORDS[type(event)]
            if isinstance(event, IncidentResolved):
                name += f": {event.incident.resolution}"
            recorded.append((second, name))
    return recorded


WORDS = {
    IncidentPending: "pending",
    IncidentForgotten: "forgotten",
    IncidentOpened: "opened",
    IncidentResolved: "resolved",
}


def test_without_a_hold_an_incident_opens_at_once() -> None:
    """Pending and opened at the same instant, in this order."""
    assert decisions(0, 1, 1) == [(1, "pending"), (1, "opened")]


def test_an_incident_opens_when_its_condition_has_held_long_enough() -> None:
    """Exactly `hold_for` after it was first seen true."""
    assert decisions(1, 1, 1, 1, hold_for=2) == [(0, "pending"), (2, "opened")]


def test_a_pending_incident_that_clears_is_forgotten() -> None:
    """The hold begins anew after that."""
    assert decisions(1, 0, 1, 1, 1, hold_for=2) == [
        (0, "pending"),
        (1, "forgotten"),
        (2, "pending"),
        (4, "opened"),
    ]


def test_an_open_incident_resolves_when_it_has_been_false_long_enough() -> None:
    """Exactly `keep_open_for` after it was first seen false."""
    assert decisions(1, 0, 0, 0, keep_open_for=2) == [
        (0, "pending"),
        (0, "opened"),
        (3, "resolved: condition cleared"),
    ]


def test_a_true_value_in_between_begins_the_keeping_anew() -> None:
    """The same incident stays open."""
    assert decisions(1, 0, 1, 0, 0, 0, keep_open_for=2) == [
        (0, "pending"),
        (0, "opened"),
        (5, "resolved: condition cleared"),
    ]


def test_silence_resolves_with_its_own_word() -> None:
    """Stale data never resolves an incident as if it had recovered."""
    assert decisions(1, None)[-1] == (1, "resolved: no data")
    assert decisions(1, 0, None, keep_open_for=1)[-1] == (2, "resolved: no data")
    assert decisions(1, None, 0, keep_open_for=1)[-1] == (2, "resolved: condition cleared")


def test_silence_forgets_a_pending_incident() -> None:
    """No data counts as false."""
    assert decisions(1, None, hold_for=5) == [(0, "pending"), (1, "forgotten")]
