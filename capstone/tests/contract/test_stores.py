"""One suite that every store passes. Another store is one more kind in `support.stores`."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service_monitoring.application.commands import (
    ActivateRule,
    Command,
    DraftRule,
    Evaluate,
    IngestSamples,
    RetireRule,
)
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import ConcurrencyConflictError, PolicyNotFoundError
from service_monitoring.application.projections import MAX_RESOLVED, Projections
from service_monitoring.application.queries import timeline
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Absence, Comparison, Threshold
from service_monitoring.domain.events import IncidentOpened, IncidentResolved, RuleActivated, RuleDrafted
from service_monitoring.domain.policy import DEFAULT_LOOKBACK, MonitoringPolicy, PolicyError
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import Refusal, SampleWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.stores import Stores

    from service_monitoring.application.ports import Notification, Store
    from service_monitoring.domain.incidents import Incident

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("busy")
POLICY = "machine"
BUSY = Rule("busy", METRIC, Threshold(Comparison.ABOVE, 0.9), Severity.WARNING)
SILENT = Rule("silent", METRIC, Absence(), Severity.CRITICAL)
RULES = [
    BUSY,
    SILENT,
    Rule("slow", METRIC, Threshold(Comparison.ABOVE, 0.5), Severity.INFO, hold_for=timedelta(seconds=2)),
]


@pytest.fixture
def store(new_store: Stores) -> Store:
    """A store that holds a policy with one active rule and one sample."""
    store = new_store()
    with store.unit_of_work() as unit:
        policy = MonitoringPolicy(POLICY)
        policy.draft(BUSY, AT)
        policy.activate(BUSY.id, AT)
        unit.policies.add(policy)
        unit.samples.add([Sample(METRIC, 1.0, AT)])
        unit.commit()
    return store


def contents(store: Store) -> dict[str, Any]:
    """Everything that one can see in a store, as a copy."""
    with store.unit_of_work() as unit:
        policy, window = unit.policies.get(POLICY), unit.samples.window()
        series = {metric: window.series(metric) for metric in window.metrics()}
        return {
            "version": policy.version,
            "rules": dict(policy.rules),
            "incidents": dict(policy.incidents),
            "decided at": policy.decided_at,
            "events": list(store.events(POLICY)),
            "projections": deepcopy(store.projections(POLICY)),
            "rebuilt": store.rebuild(POLICY),
            "samples": {metric: list(s.tail(len(s), -(10**18), 10**18)) for metric, s in series.items()},
        }


def change_everything(store: Store) -> Any:
    """Begin a unit of work that drafts, decides and adds samples."""
    unit = store.unit_of_work()
    policy = unit.policies.get(POLICY)
    policy.draft(SILENT, AT)
    policy.evaluate(unit.samples.window(), AT)
    unit.samples.add([Sample(METRIC, 0.0, AT + timedelta(seconds=1)), Sample(MetricName("other"), 0.0, AT)])
    return unit


class RecordingSink:
    """Remembers what it was told, and what was committed then."""

    def __init__(self, store: Store | None = None, name: str = "recording") -> None:
        self.name = name
        self.told: list[Incident] = []
        self.opened_then: list[int] = []
        self._store = store

    def deliver(self, notification: Notification) -> None:
        """Remember."""
        self.told.append(notification.incident)
        if self._store is not None:
            self.opened_then.append(self._store.projections(POLICY).incidents.opened_count)


def test_a_commit_makes_everything_true(store: Store) -> None:
    """State, events, projections and samples, all at once."""
    before = contents(store)
    with change_everything(store) as unit:
        assert contents(store) == before
        commit = unit.commit()
    after = contents(store)
    assert list(after["rules"]) == [BUSY.id, SILENT.id]
    assert list(after["incidents"]) == [BUSY.id]
    assert after["decided at"] == AT
    assert after["version"] == before["version"] + 1
    assert after["samples"] == {METRIC: [1.0, 0.0], "other": [0.0]}
    assert after["events"] == [*before["events"], *commit.events]
    assert [type(event).__name__ for event in commit.events] == [
        "RuleDrafted",
        "IncidentPending",
        "IncidentOpened",
    ]
    assert after["projections"].rules.statuses[SILENT.id] is RuleStatus.DRAFT
    assert [incident.rule_id for incident in after["projections"].incidents.opened()] == [BUSY.id]


def test_leaving_without_a_commit_leaves_no_trace(store: Store) -> None:
    """What was not committed never was."""
    before = contents(store)
    with change_everything(store):
        pass
    assert contents(store) == before


def test_an_error_inside_the_unit_of_work_leaves_no_trace(store: Store) -> None:
    """The error goes on to the caller."""
    before = contents(store)
    with pytest.raises(RuntimeError, match="power cut"), change_everything(store):
        raise RuntimeError("power cut")
    assert contents(store) == before


def test_a_unit_of_work_that_was_left_has_nothing_to_commit(store: Store) -> None:
    """Committing late changes nothing."""
    before = contents(store)
    with change_everything(store) as unit:
        pass
    unit.commit()
    assert contents(store) == before


def test_a_policy_kept_after_the_commit_is_no_longer_the_stores(store: Store) -> None:
    """Who holds on to it changes their own copy."""
    with change_everything(store) as unit:
        policy = unit.policies.get(POLICY)
        unit.commit()
    before = contents(store)
    policy.retire(BUSY.id, AT)
    policy.version += 5
    assert contents(store) == before


def test_a_new_policy_kept_after_the_commit_is_no_longer_the_stores(new_store: Stores) -> None:
    """The same for one that was added."""
    store, policy = new_store(), MonitoringPolicy(POLICY)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        unit.commit()
    policy.draft(BUSY, AT)
    assert contents(store)["rules"] == {}


def test_of_two_units_of_work_from_the_same_version_the_first_wins(store: Store) -> None:
    """The second is told, and nothing of it is written."""
    with store.unit_of_work() as first, change_everything(store) as second:
        first.policies.get(POLICY).retire(BUSY.id, AT)
        first.commit()
        between = contents(store)
        with pytest.raises(ConcurrencyConflictError, match=r"machine .* since version 1"):
            second.commit()
    assert contents(store) == between
    assert between["rules"][BUSY.id].status is RuleStatus.RETIRED


def test_units_of_work_on_samples_alone_do_not_conflict(store: Store) -> None:
    """Only policies have versions."""
    version = contents(store)["version"]
    with store.unit_of_work() as first, store.unit_of_work() as second:
        first.samples.add([Sample(METRIC, 0.1, AT + timedelta(seconds=1))])
        second.samples.add([Sample(METRIC, 0.2, AT + timedelta(seconds=2))])
        second.commit()
        first.commit()
    assert contents(store)["samples"] == {METRIC: [1.0, 0.1, 0.2]}
    assert contents(store)["version"] == version


def test_a_policy_is_created_once(store: Store) -> None:
    """A second one of the same name is a conflict, and the first stays."""
    before = contents(store)
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy(POLICY))
        with pytest.raises(ConcurrencyConflictError):
            unit.commit()
    assert contents(store) == before


def test_a_conflict_in_one_policy_writes_nothing_of_the_others(store: Store) -> None:
    """A unit of work is one whole."""
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy("new"))
        unit.policies.get(POLICY).draft(SILENT, AT)
        with store.unit_of_work() as other:
            other.policies.get(POLICY).retire(BUSY.id, AT)
            other.commit()
        with pytest.raises(ConcurrencyConflictError):
            unit.commit()
    with pytest.raises(PolicyNotFoundError):
        store.projections("new")


def test_the_version_counts_commits(store: Store) -> None:
    """One up for each commit, however many changes it held."""
    for expected in range(1, 4):
        assert contents(store)["version"] == expected
        with store.unit_of_work() as unit:
            policy = unit.policies.get(POLICY)
            for letter in "ab":
                policy.draft(Rule(f"{letter}{expected}", METRIC, Absence(), Severity.INFO), AT)
            unit.commit()


def test_a_unit_of_work_reads_its_own_changes(store: Store) -> None:
    """The same policy twice is the same copy."""
    with store.unit_of_work() as unit:
        unit.policies.get(POLICY).draft(SILENT, AT)
        assert SILENT.id in unit.policies.get(POLICY).rules


def test_an_unknown_policy_is_named(new_store: Stores) -> None:
    """Wherever one asks for it."""
    store = new_store()
    asks: list[Callable[[str], object]] = [
        store.projections,
        store.rebuild,
        store.events,
        store.unit_of_work().policies.get,
    ]
    for ask in asks:
        with pytest.raises(PolicyNotFoundError, match="there is no policy 'nobody'"):
            ask("nobody")


def test_refused_samples_are_counted_by_the_commit(new_store: Stores) -> None:
    """What the window would not keep is said, by reason."""
    store = new_store(window=SampleWindow(max_samples_per_series=1))
    with store.unit_of_work() as unit:
        unit.samples.add([Sample(METRIC, 0.0, AT), Sample(METRIC, 0.0, AT + timedelta(seconds=1))])
        assert unit.commit().refused == {Refusal.SAMPLE_LIMIT: 1}


def test_samples_that_no_decision_can_read_are_forgotten(store: Store) -> None:
    """After a decision, what is older than its retention is refused."""
    with store.unit_of_work() as unit:
        unit.policies.get(POLICY).evaluate(unit.samples.window(), AT + DEFAULT_LOOKBACK)
        unit.commit()
    assert contents(store)["samples"] == {}
    with store.unit_of_work() as unit:
        unit.samples.add([Sample(METRIC, 0.0, AT), Sample(METRIC, 0.5, AT + timedelta(microseconds=1))])
        assert unit.commit().refused == {Refusal.TOO_OLD: 1}
    assert contents(store)["samples"] == {METRIC: [0.5]}


def test_samples_wait_for_the_slowest_policy(store: Store) -> None:
    """Nothing is forgotten while a policy has not decided yet, or may still read it."""
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy("slow", lookback=timedelta(hours=1)))
        unit.commit()
    for policy_id in (POLICY, "slow"):
        with store.unit_of_work() as unit:
            unit.policies.get(policy_id).evaluate(unit.samples.window(), AT + timedelta(minutes=30))
            unit.commit()
        assert contents(store)["samples"] == {METRIC: [1.0]}


def test_events_are_kept_in_commit_order(new_store: Stores) -> None:
    """Not in the order of their instants, and not in the order in which the units of work began."""
    store = new_store()
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy(POLICY))
        unit.commit()
    begun_first = store.unit_of_work()
    with store.unit_of_work() as unit:
        unit.policies.get(POLICY).draft(BUSY, AT + timedelta(hours=1))
        unit.commit()
    with begun_first as unit:
        policy = unit.policies.get(POLICY)
        policy.draft(SILENT, AT)
        policy.activate(SILENT.id, AT)
        unit.commit()
    assert store.events(POLICY) == (
        RuleDrafted(BUSY, AT + timedelta(hours=1)),
        RuleDrafted(SILENT, AT),
        RuleActivated(SILENT.id, AT),
    )


def test_events_that_were_read_stay_as_they_were(new_store: Stores) -> None:
    """A later commit adds nothing to them: they are what was true when somebody asked."""
    store = new_store()
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy(POLICY))
        unit.policies.get(POLICY).draft(BUSY, AT)
        unit.commit()
    read = store.events(POLICY)
    with store.unit_of_work() as unit:
        unit.policies.get(POLICY).draft(SILENT, AT)
        unit.commit()
    assert [type(event) for event in read] == [RuleDrafted]


def test_the_events_kept_are_bounded(new_store: Stores) -> None:
    """However many come at once; a rebuild still knows all of them."""
    store = new_store(max_events=10)
    with store.unit_of_work() as unit:
        policy = MonitoringPolicy(POLICY)
        for number in range(100):
            policy.draft(Rule(f"rule-{number}", METRIC, Absence(), Severity.INFO), AT)
        unit.policies.add(policy)
        unit.commit()
    assert len(store.events(POLICY)) <= 10
    assert len(store.projections(POLICY).rules.statuses) == 100
    assert store.rebuild(POLICY) == store.projections(POLICY)


def test_rebuilding_changes_nothing(store: Store) -> None:
    """Neither the live projections nor what the next rebuild starts from."""
    rebuilt = store.rebuild(POLICY)
    rebuilt.rules.statuses.clear()
    rebuilt.incidents.current.clear()
    assert store.rebuild(POLICY) == store.projections(POLICY)
    assert store.projections(POLICY).rules.by_metric() == {METRIC: [BUSY.id]}


def monitor_of(store: Store, *sinks: RecordingSink) -> Monitor:
    """A monitor whose clock stands still."""
    clock = TraceClock()
    clock.instant = AT
    return Monitor(POLICY, store, clock, sinks)


REFUSED: list[Command] = [
    DraftRule(BUSY),
    ActivateRule(BUSY.id),
    ActivateRule("nobody"),
    RetireRule("nobody"),
    Evaluate(AT - timedelta(seconds=1)),
]


@pytest.mark.parametrize("command", REFUSED, ids=repr)
def test_a_refused_command_leaves_no_trace_and_tells_nobody(store: Store, command: Command) -> None:
    """The error says what the policy does not allow."""
    sink = RecordingSink()
    monitor = monitor_of(store, sink)
    monitor.handle(Evaluate(AT))
    monitor.deliver_due()
    before = contents(store)
    with pytest.raises(PolicyError):
        monitor.handle(command)
    monitor.deliver_due()
    assert contents(store) == before
    assert len(sink.told) == 1


def test_a_command_to_a_policy_that_is_not_there_is_refused(new_store: Stores) -> None:
    """Create it first."""
    with pytest.raises(PolicyNotFoundError):
        monitor_of(new_store()).handle(Evaluate(AT))


def test_a_command_that_lost_a_race_tells_nobody(store: Store) -> None:
    """A sink hears of committed decisions only."""

    class RacingStore:
        """Somebody else always commits first."""

        outbox = store.outbox

        def unit_of_work(self) -> Any:
            unit = store.unit_of_work()
            unit.policies.get(POLICY)
            with store.unit_of_work() as other:
                other.policies.get(POLICY)
                other.commit()
            return unit

    sink = RecordingSink()
    racing: Any = RacingStore()
    monitor = monitor_of(racing, sink)
    with pytest.raises(ConcurrencyConflictError):
        monitor.handle(Evaluate(AT))
    monitor.deliver_due()
    assert sink.told == []
    assert contents(store)["incidents"] == {}


def test_sinks_are_told_after_the_commit_in_order(store: Store) -> None:
    """Of incidents that opened and resolved, and each sink of all of them."""
    sinks = RecordingSink(store, "one"), RecordingSink(store, "two")
    monitor = monitor_of(store, *sinks)
    monitor.handle(DraftRule(SILENT))
    monitor.handle(ActivateRule(SILENT.id))
    for at in (AT, AT + DEFAULT_LOOKBACK):
        monitor.handle(Evaluate(at))
        assert len(sinks[0].told) == len(sinks[1].told) == (0 if at == AT else 1)
        monitor.deliver_due()
    expected = [
        event.incident
        for event in store.events(POLICY)
        if isinstance(event, IncidentOpened | IncidentResolved)
    ]
    assert [(i.rule_id, i.state.value) for i in expected] == [
        ("busy", "open"),
        ("busy", "resolved"),
        ("silent", "open"),
    ]
    for sink in sinks:
        assert sink.told == expected
        assert sink.opened_then == [1, 2, 2]


def test_an_error_in_a_sink_does_not_undo_the_commit(store: Store) -> None:
    """What was decided stays decided, and the notification waits."""

    class BrokenSink(RecordingSink):
        def deliver(self, notification: Notification) -> None:
            raise ConnectionError(f"nobody hears of {notification.key}")

    monitor = monitor_of(store, BrokenSink())
    monitor.handle(Evaluate(AT))
    monitor.deliver_due()
    assert contents(store)["decided at"] == AT
    assert store.projections(POLICY).incidents.opened_count == 1
    assert store.outbox.counts() == (1, 0)


def test_what_happens_to_rules_is_dated_by_the_clock(new_store: Stores) -> None:
    """Decisions carry their own instant."""
    store = new_store()
    monitor = monitor_of(store)
    monitor.begin(DEFAULT_LOOKBACK, [BUSY])
    monitor.handle(RetireRule(BUSY.id))
    assert [event.at for event in store.events(POLICY)] == [AT, AT, AT]


def test_beginning_twice_is_a_conflict(store: Store) -> None:
    """The policy is there already, and stays as it is."""
    before = contents(store)
    with pytest.raises(ConcurrencyConflictError):
        monitor_of(store).begin(DEFAULT_LOOKBACK, [SILENT])
    assert contents(store) == before


COMMANDS: st.SearchStrategy[list[Command | tuple[int, float]]] = st.lists(
    st.one_of(
        st.builds(DraftRule, st.sampled_from(RULES)),
        st.builds(ActivateRule, st.sampled_from([rule.id for rule in RULES])),
        st.builds(RetireRule, st.sampled_from([rule.id for rule in RULES])),
        st.tuples(st.integers(1, 400), st.sampled_from([0.0, 0.6, 1.0])),
        st.tuples(st.integers(1, 400), st.sampled_from([0.0, 0.6, 1.0])),
    ),
    max_size=40,
)


def test_rebuilt_equals_live(new_store: Stores) -> None:
    """After any commands, also when old events were folded; and the live projections equal the policy."""

    @settings(max_examples=60 if new_store.kind == "memory" else 10)
    @given(commands=COMMANDS, drafted=st.booleans(), max_events=st.integers(1, 12))
    def check(commands: Sequence[Command | tuple[int, float]], max_events: int, *, drafted: bool) -> None:
        folding, whole = new_store(max_events=max_events), new_store()
        for store in (folding, whole):
            monitor, now = monitor_of(store), AT
            monitor.begin(DEFAULT_LOOKBACK, RULES if drafted else [])
            for command in commands:
                try:
                    if isinstance(command, tuple):
                        now += timedelta(seconds=command[0])
                        monitor.handle(IngestSamples((Sample(METRIC, command[1], now),)))
                        monitor.handle(Evaluate(now + timedelta(seconds=command[0] % 7 * 60)))
                    else:
                        monitor.handle(command)
                except PolicyError:
                    pass
                live = deepcopy(store.projections(POLICY))
                assert store.rebuild(POLICY) == live == store.projections(POLICY)
                assert len(store.events(POLICY)) <= (max_events if store is folding else 10_000)
            agree_with_the_policy(store)
        assert folding.projections(POLICY) == whole.projections(POLICY)
        assert whole.projections(POLICY) == Projections().apply(whole.events(POLICY))
        # A timeline can be drawn from what is left, and invents nothing.
        assert set(timeline(folding.events(POLICY))) <= set(timeline(whole.events(POLICY)))

    check()


def agree_with_the_policy(store: Store) -> None:
    """The live projections show what the policy holds."""
    with store.unit_of_work() as unit:
        policy = unit.policies.get(POLICY)
    live = store.projections(POLICY)
    assert live.rules.rules == {rule_id: entry.rule for rule_id, entry in policy.rules.items()}
    assert live.rules.statuses == {rule_id: entry.status for rule_id, entry in policy.rules.items()}
    active = {rule.id for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE}
    assert {rule_id for ids in live.rules.by_metric().values() for rule_id in ids} == active
    assert set(live.incidents.current) == {incident.id for incident in policy.incidents.values()}
    assert live.incidents.opened_count == live.incidents.resolved_count + sum(
        incident.opened_at is not None for incident in policy.incidents.values()
    )


def test_the_ledger_keeps_a_bounded_number_of_resolved_incidents(new_store: Stores) -> None:
    """The newest ones; the count goes on."""
    store = new_store()
    monitor = monitor_of(store)
    monitor.begin(timedelta(seconds=1), [BUSY])
    for number in range(MAX_RESOLVED + 3):
        at = AT + timedelta(seconds=2 * number)
        monitor.handle(IngestSamples((Sample(METRIC, 1.0, at),)))
        monitor.handle(Evaluate(at))
        monitor.handle(Evaluate(at + timedelta(seconds=1)))
    ledger = store.projections(POLICY).incidents
    assert ledger.opened_count == ledger.resolved_count == MAX_RESOLVED + 3
    assert len(ledger.resolved) == MAX_RESOLVED
    assert ledger.resolved[-1].pending_since == AT + timedelta(seconds=2 * (MAX_RESOLVED + 2))
