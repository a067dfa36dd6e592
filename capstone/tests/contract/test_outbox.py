"""The outbox of every store: written with the decision, delivered at least once, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from service_monitoring.application.commands import Evaluate, IngestSamples, RetireRule
from service_monitoring.application.delivery import FIRST_RETRY, LAST_RETRY, MAX_ATTEMPTS, backoff
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import Notification
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.incidents import Incident
from service_monitoring.domain.policy import PolicyError
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity

if TYPE_CHECKING:
    from support.stores import Stores

    from service_monitoring.application.ports import Store

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("busy")
BUSY = Rule("busy", METRIC, Threshold(Comparison.ABOVE, 0.9), Severity.WARNING)
SECOND = timedelta(seconds=1)


class Sink:
    """Remembers what it took; fails as often as it is told to."""

    def __init__(self, name: str = "sink", failures: int = 0) -> None:
        self.name = name
        self.failures = failures
        self.attempts = 0
        self.keys: list[str] = []

    def deliver(self, notification: Notification) -> None:
        """Take it, or fail."""
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no route to anybody")
        self.keys.append(notification.key)


class Scene:
    """A monitor with one rule, over a store, with a clock that is set by hand."""

    def __init__(self, store: Store, *sinks: Sink) -> None:
        self.clock = TraceClock()
        self.clock.instant = AT
        self.store = store
        self.monitor = Monitor("machine", store, self.clock, sinks)
        self.second = 0

    def begin(self) -> None:
        """Make the policy."""
        self.monitor.begin(timedelta(minutes=5), [BUSY])

    def decide(self, value: float, correlation: str = "") -> None:
        """One sample, then one decision, a second later than the one before."""
        self.second += 1
        at = AT + self.second * SECOND
        self.monitor.handle(IngestSamples((Sample(METRIC, value, at),)), correlation)
        self.monitor.handle(Evaluate(at))


KEYS = [
    "machine/busy@20261123T090001.000000Z/open",
    "machine/busy@20261123T090001.000000Z/resolved",
    "machine/busy@20261123T090003.000000Z/open",
]


def flapping(scene: Scene) -> None:
    """Open, resolve, open again."""
    scene.begin()
    for value in (1.0, 0.0, 1.0):
        scene.decide(value)


def test_a_notification_waits_for_each_sink_until_it_was_taken(new_store: Stores) -> None:
    """In commit order, and once when nothing goes wrong."""
    sinks = Sink("one"), Sink("two")
    scene = Scene(new_store(), *sinks)
    flapping(scene)
    assert scene.store.outbox.counts() == (6, 0)
    scene.monitor.deliver_due()
    scene.monitor.deliver_due()
    assert sinks[0].keys == sinks[1].keys == KEYS
    assert scene.store.outbox.counts() == (0, 0)


def test_a_refused_command_notifies_nobody(new_store: Stores) -> None:
    """The outbox is part of the unit of work."""
    scene = Scene(new_store(), Sink())
    flapping(scene)
    before = scene.store.outbox.counts()
    with pytest.raises(PolicyError):
        scene.monitor.handle(Evaluate(AT))
    with pytest.raises(PolicyError):
        scene.monitor.handle(RetireRule("nobody"))
    assert scene.store.outbox.counts() == before == (3, 0)


def test_a_unit_of_work_that_is_left_sends_nothing(new_store: Stores) -> None:
    """Neither does one that ended in an error."""
    store = new_store()
    incident = Incident.begin(BUSY, AT).open(AT)
    with store.unit_of_work() as unit:
        unit.outbox.add("sink", Notification("machine", incident, "c"))
    assert store.outbox.counts() == (0, 0)


def test_a_failed_delivery_is_tried_again_later_in_the_same_order(new_store: Stores) -> None:
    """Later notifications of the sink wait behind the failed one; other sinks do not."""
    broken, sound = Sink("broken", failures=2), Sink("sound")
    scene = Scene(new_store(), broken, sound)
    flapping(scene)
    scene.monitor.deliver_due()
    assert (broken.attempts, broken.keys, sound.keys) == (1, [], KEYS)
    scene.monitor.deliver_due()
    assert broken.attempts == 1
    scene.clock.instant += FIRST_RETRY
    scene.monitor.deliver_due()
    assert broken.attempts == 2
    scene.clock.instant += FIRST_RETRY
    scene.monitor.deliver_due()
    assert broken.attempts == 2
    scene.clock.instant += FIRST_RETRY
    scene.monitor.deliver_due()
    assert broken.keys == KEYS
    assert scene.store.outbox.counts() == (0, 0)


def test_after_the_last_attempt_a_notification_is_dead_and_counted(new_store: Stores) -> None:
    """It is no longer in the way of the others."""
    sink = Sink(failures=MAX_ATTEMPTS)
    scene = Scene(new_store(), sink)
    flapping(scene)
    for _ in range(MAX_ATTEMPTS):
        scene.monitor.deliver_due()
        scene.clock.instant += LAST_RETRY
    assert sink.attempts == MAX_ATTEMPTS + 2
    assert sink.keys == KEYS[1:]
    assert scene.store.outbox.counts() == (0, 1)


def test_a_delivery_that_nobody_recorded_is_made_again_with_the_same_key(new_store: Stores) -> None:
    """As after a kill between the sink and the store: at least once, never zero times."""
    store, sink = new_store(), Sink()
    flapping(Scene(store, sink))
    entry = store.outbox.due("sink", AT)
    assert entry is not None
    sink.deliver(entry.notification)
    Scene(new_store.again(store), sink).monitor.deliver_due()
    assert sink.keys == [KEYS[0], *KEYS]


def test_two_dispatchers_that_took_the_same_notification_settle_it_once(new_store: Stores) -> None:
    """The second settles nothing that the first had not."""
    store = new_store()
    flapping(Scene(store, Sink()))
    entry = store.outbox.due("sink", AT)
    assert entry is not None
    store.outbox.delivered(entry)
    store.outbox.delivered(entry)
    store.outbox.failed(entry, None)
    assert store.outbox.counts() == (2, 0)


def test_a_notification_names_the_request_that_brought_the_newest_sample(new_store: Stores) -> None:
    """The correlation goes from the request through the outbox to the sink."""
    store = new_store()
    scene = Scene(store, Sink())
    scene.begin()
    scene.decide(1.0, "a" * 32)
    entry = new_store.again(store).outbox.due("sink", AT + SECOND)
    assert entry is not None
    assert entry.notification.correlation == "a" * 32


def test_the_wait_between_attempts_doubles_up_to_five_minutes() -> None:
    """However many attempts there were."""
    waits = [backoff(attempts) for attempts in range(1, 1_000)]
    assert waits == sorted(waits)
    assert (waits[0], waits[1], waits[-1]) == (SECOND, 2 * SECOND, timedelta(minutes=5))
