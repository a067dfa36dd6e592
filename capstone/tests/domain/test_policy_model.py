"""The policy against an independent, straightforward model of Prometheus's alerting."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, run_state_machine_as_test
from hypothesis.stateful import rule as step

from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.events import (
    Event,
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
    RuleActivated,
    RuleDrafted,
    RuleRetired,
)
from service_monitoring.domain.policy import MonitoringPolicy, PolicyError
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import SampleWindow

if TYPE_CHECKING:
    from random import Random

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
LOOKBACK = 4
WIDEST = 6
METRICS = [MetricName("a"), MetricName("b")]
CONDITIONS: list[Condition] = [
    Threshold(Comparison.ABOVE, 0.0),
    Threshold(Comparison.AT_MOST, -1.0),
    ConsecutiveBreaches(Comparison.AT_LEAST, 0.0, 2),
    RateOfChange(Comparison.BELOW, 0.0, timedelta(seconds=WIDEST)),
    Absence(),
]
RULES = [
    Rule(
        f"rule-{number}",
        METRICS[number % 2],
        CONDITIONS[number // 2 % len(CONDITIONS)],
        Severity.WARNING,
        hold_for=timedelta(seconds=number % 4 * (number % 3)),
        keep_open_for=timedelta(seconds=number % 5 // 2 * 2),
    )
    for number in range(24)
]
PYTHON = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def instant(second: int) -> datetime:
    """A second of the test as an instant."""
    return START + timedelta(seconds=second)


@dataclass
class Alert:
    """Prometheus's `Alert`, in seconds; inactive is no alert at all."""

    active_at: int
    fired_at: int | None = None
    keep_firing_since: int | None = None


@dataclass
class PrometheusModel:
    """What Prometheus would do, written from its documentation, with lists and loops only."""

    points: dict[str, dict[int, float]] = field(default_factory=lambda: {name: {} for name in METRICS})
    status: dict[str, str] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)

    def said(self, rule: Rule, now: int) -> tuple[bool, bool]:
        """Whether the expression of a rule has a result, and whether it had samples to look at."""
        condition, points = rule.condition, sorted(self.points[rule.metric].items())
        width = WIDEST if isinstance(condition, RateOfChange) else LOOKBACK
        near = [(at, value) for at, value in points if now - width < at <= now]
        if isinstance(condition, Absence):
            return not near, True
        if isinstance(condition, Threshold):
            asked, enough = [value for _, value in near][-1:], len(near) > 0
        elif isinstance(condition, ConsecutiveBreaches):
            asked, enough = [value for _, value in near][-condition.count :], len(near) >= condition.count
        else:
            assert isinstance(condition, RateOfChange)
            enough = len(near) > 1
            asked = [(near[-1][1] - near[0][1]) / (near[-1][0] - near[0][0])] if enough else []
        holds = PYTHON[condition.comparison.value]
        return enough and all(holds(value, condition.limit) for value in asked), enough

    def evaluate(self, now: int) -> list[tuple[str, str]]:
        """One evaluation of every active rule; what happened, by rule."""
        happened: list[tuple[str, str]] = []
        for rule in RULES:
            if self.status.get(rule.id) != "active":
                continue
            result, enough = self.said(rule, now)
            happened += [(rule.id, word) for word in self.step(rule, now, result=result, enough=enough)]
        return happened

    def step(self, rule: Rule, now: int, *, result: bool, enough: bool) -> list[str]:
        """One evaluation of one rule."""
        hold, keep = rule.hold_for.total_seconds(), rule.keep_open_for.total_seconds()
        alert = self.alerts.get(rule.id)
        words = []
        if result:
            if alert is None:
                alert = self.alerts[rule.id] = Alert(now)
                words.append("pending")
            alert.keep_firing_since = None
            if alert.fired_at is None and now - alert.active_at >= hold:
                alert.fired_at = now
                words.append("opened")
        elif alert is not None and alert.fired_at is None:
            del self.alerts[rule.id]
            words.append("forgotten")
        elif alert is not None:
            if alert.keep_firing_since is None:
                alert.keep_firing_since = now
            if now - alert.keep_firing_since >= keep:
                del self.alerts[rule.id]
                words.append("resolved: condition cleared" if enough else "resolved: no data")
        return words


WORDS: dict[type[Event], str] = {
    RuleDrafted: "drafted",
    RuleActivated: "activated",
    RuleRetired: "retired",
    IncidentPending: "pending",
    IncidentForgotten: "forgotten",
    IncidentOpened: "opened",
    IncidentResolved: "resolved",
}


def word(event: Event) -> tuple[str, str]:
    """An event as the model says it."""
    said = WORDS[type(event)]
    match event:
        case RuleDrafted(rule):
            return rule.id, said
        case RuleActivated(rule_id) | RuleRetired(rule_id):
            return rule_id, said
        case IncidentResolved(incident):
            return incident.rule_id, f"{said}: {incident.resolution}"
        case _:
            return event.incident.rule_id, said


def picture(policy: MonitoringPolicy) -> tuple[Any, ...]:
    """Everything that a policy shows, as a copy."""
    return dict(policy.rules), dict(policy.incidents), policy.decided_at, policy.retention, policy.version


class PolicyAgainstPrometheus(RuleBasedStateMachine):
    """Commands in any order; after each, policy and model show the same."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.policy = MonitoringPolicy("machine", lookback=timedelta(seconds=LOOKBACK))
        self.window = SampleWindow()
        self.model = PrometheusModel()
        self.now = 0
        self.left_behind: list[tuple[MonitoringPolicy, tuple[Any, ...]]] = []

    def expect(self, *words: tuple[str, str]) -> None:
        """The policy recorded exactly these events, those of one rule in this order."""
        recorded = [word(event) for event in self.policy.collect_events()]
        # Rules decide in the order of their activation, the model in that of their names.
        assert sorted(recorded, key=lambda pair: pair[0]) == sorted(words, key=lambda pair: pair[0])
        self.seen.update(said for _, said in words)

    def refused(self, command: Any, rule: Rule) -> None:
        """The policy refuses a command, and nothing has changed."""
        before = picture(self.policy)
        with pytest.raises(PolicyError, match=rule.id):
            command()
        assert picture(self.policy) == before
        self.expect()
        self.seen["refused"] += 1

    @initialize(rules=st.lists(st.sampled_from(RULES), max_size=8, unique=True))
    def begin(self, rules: list[Rule]) -> None:
        """Most runs should have rules that decide."""
        for rule in rules:
            self.draft(rule)
            self.activate(rule)

    @step(rule=st.sampled_from(RULES))
    def draft(self, rule: Rule) -> None:
        """Draft a rule, known or not."""
        if rule.id in self.model.status:
            self.refused(lambda: self.policy.draft(rule, instant(self.now)), rule)
        else:
            self.policy.draft(rule, instant(self.now))
            self.model.status[rule.id] = "draft"
            self.expect((rule.id, "drafted"))

    @step(rule=st.sampled_from(RULES))
    def activate(self, rule: Rule) -> None:
        """Activate a rule, a draft or not."""
        active = [other for other in RULES if self.model.status.get(other.id) == "active"]
        taken = any((other.metric, other.condition) == (rule.metric, rule.condition) for other in active)
        if self.model.status.get(rule.id) != "draft" or taken:
            self.refused(lambda: self.policy.activate(rule.id, instant(self.now)), rule)
        else:
            self.policy.activate(rule.id, instant(self.now))
            self.model.status[rule.id] = "active"
            self.expect((rule.id, "activated"))

    @step(rule=st.sampled_from(RULES))
    def retire(self, rule: Rule) -> None:
        """Retire a rule, active or not."""
        if self.model.status.get(rule.id) != "active":
            self.refused(lambda: self.policy.retire(rule.id, instant(self.now)), rule)
            return
        self.policy.retire(rule.id, instant(self.now))
        self.model.status[rule.id] = "retired"
        alert = self.model.alerts.pop(rule.id, None)
        end = [] if alert is None else ["forgotten" if alert.fired_at is None else "resolved: rule retired"]
        self.expect((rule.id, "retired"), *((rule.id, said) for said in end))

    @step(pick=st.integers(0, 7))
    def retire_an_active_one(self, pick: int) -> None:
        """Most retirements should be legal."""
        active = [rule for rule in RULES if self.model.status.get(rule.id) == "active"]
        if active:
            self.retire(active[pick % len(active)])

    @step(metric=st.sampled_from(METRICS), late=st.integers(-2, WIDEST), value=st.integers(-2, 2).map(float))
    def observe(self, metric: MetricName, late: int, value: float) -> None:
        """A sample: now, late, again at the same instant, or from the future."""
        at = self.now - late
        refused = self.window.add([Sample(metric, value, instant(at))])
        if not refused:
            self.model.points[metric][at] = value

    @step(seconds=st.integers(1, 5))
    def evaluate(self, seconds: int) -> None:
        """Decide some seconds later, then forget what no rule can ask for any more."""
        self.now += seconds
        self.policy.evaluate(self.window, instant(self.now))
        self.expect(*self.model.evaluate(self.now))
        self.window.forget(instant(self.now - WIDEST))

    @step(ticks=st.lists(st.tuples(*[st.none() | st.integers(-2, 2).map(float)] * len(METRICS)), min_size=1))
    def live(self, ticks: list[tuple[float | None, ...]]) -> None:
        """Some seconds with a decision each, and a sample of each metric or none."""
        for values in ticks:
            self.evaluate(1)
            for metric, value in zip(METRICS, values, strict=True):
                if value is not None:
                    self.observe(metric, 0, value)

    @step(seconds=st.integers(0, 3))
    def evaluate_backwards(self, seconds: int) -> None:
        """Decide at an instant that is not after the last decision."""
        if self.policy.decided_at is not None:
            at = self.policy.decided_at - timedelta(seconds=seconds)
            before = picture(self.policy)
            with pytest.raises(PolicyError, match="already"):
                self.policy.evaluate(self.window, at)
            assert picture(self.policy) == before

    @step()
    def go_on_with_a_copy(self) -> None:
        """Leave this policy behind, as a rollback would find it."""
        self.left_behind.append((self.policy, picture(self.policy)))
        self.policy = self.policy.copy()
        assert picture(self.policy) == picture(self.left_behind[-1][0])

    @step()
    def throw_a_copy_away(self) -> None:
        """Change a copy in every way; the policy that goes on notices nothing."""
        before, twin = picture(self.policy), self.policy.copy()
        for rule in RULES:
            status = twin.rules[rule.id].status if rule.id in twin.rules else None
            if status is RuleStatus.ACTIVE:
                twin.retire(rule.id, instant(self.now))
            elif status is None:
                twin.draft(rule, instant(self.now))
        twin.evaluate(SampleWindow(), instant(self.now + 1_000))
        twin.version += 1
        assert picture(self.policy) == before
        self.expect()

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        """Same rules, same incidents, with the same instants; at most one incident for each rule."""
        assert {rule_id: entry.status for rule_id, entry in self.policy.rules.items()} == self.model.status
        shown = {
            rule_id: (incident.pending_since, incident.opened_at, incident.keeping_since)
            for rule_id, incident in self.policy.incidents.items()
        }
        assert shown == {
            rule_id: (
                instant(alert.active_at),
                None if alert.fired_at is None else instant(alert.fired_at),
                None if alert.keep_firing_since is None else instant(alert.keep_firing_since),
            )
            for rule_id, alert in self.model.alerts.items()
        }
        assert all(rule_id == incident.rule_id for rule_id, incident in self.policy.incidents.items())

    @invariant()
    def active_signatures_are_unique(self) -> None:
        """No two active rules ask the same."""
        active = [
            rule.signature for rule, status in self.policy.rules.values() if status is RuleStatus.ACTIVE
        ]
        assert len(active) == len(set(active))

    def teardown(self) -> None:
        """The policies that were left behind are as they were."""
        for policy, before in self.left_behind:
            assert picture(policy) == before
            assert policy.collect_events() == []


def test_the_policy_decides_what_prometheus_decides() -> None:
    """Every kind of event and refusal occurred on the way, so the comparison was not about nothing."""
    PolicyAgainstPrometheus.seen.clear()
    run_state_machine_as_test(
        PolicyAgainstPrometheus,
        settings=settings(max_examples=80, stateful_step_count=30),
    )
    assert set(PolicyAgainstPrometheus.seen) == {
        "drafted",
        "activated",
        "retired",
        "refused",
        "pending",
        "forgotten",
        "opened",
        "resolved: condition cleared",
        "resolved: no data",
        "resolved: rule retired",
    }


SERIES = st.dictionaries(st.integers(0, 30), st.integers(-2, 2).map(float), max_size=30)


def decided(points: list[tuple[int, float]], *, every: int) -> list[Event]:
    """The events of all rules on metric `a`, over samples that came in this order before each decision."""
    policy, window = MonitoringPolicy("machine", lookback=timedelta(seconds=LOOKBACK)), SampleWindow()
    signatures = set()
    for rule in RULES:
        if rule.metric == METRICS[0] and rule.signature not in signatures:
            signatures.add(rule.signature)
            policy.draft(rule, START)
            policy.activate(rule.id, START)
    for now in range(0, 36, every):
        window.add(Sample(METRICS[0], value, instant(at)) for at, value in points if now - every < at <= now)
        policy.evaluate(window, instant(now))
    return policy.collect_events()


@given(SERIES, st.integers(1, 5), st.randoms(use_true_random=False))
def test_samples_out_of_order_decide_as_if_sorted(
    points: dict[int, float], every: int, order: Random
) -> None:
    """The order in which samples come between two decisions changes no event."""
    arrival = sorted(points.items())
    in_order = decided(arrival, every=every)
    order.shuffle(arrival)
    assert decided(arrival, every=every) == in_order


@given(SERIES, st.integers(1, 5))
def test_ids_are_deterministic_and_name_one_incident_each(points: dict[int, float], every: int) -> None:
    """Two replays give the same ids in the same order; no two incidents share one."""
    begun = [
        [
            event.incident.id
            for event in decided(list(points.items()), every=every)
            if type(event) is IncidentPending
        ]
        for _ in range(2)
    ]
    assert begun[0] == begun[1]
    assert len(set(begun[0])) == len(begun[0])
