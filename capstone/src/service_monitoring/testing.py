"""For tests and lessons: a clock that you move, a sink that remembers, and a monitor with rules in one line.

Durations are written as in a policy file, `"90s"` or `"5m"`, or are a `timedelta`. Nothing else in the
package imports this module.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from service_monitoring.application.commands import Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import PolicyNotFoundError
from service_monitoring.application.replay import ReplayStatistics, TraceClock, replay
from service_monitoring.boundary.durations import parse_duration
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.report import incident_line
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.sqlite import open_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service_monitoring.application.ports import Commit, Notification, Signals, Sink, Store
    from service_monitoring.domain.conditions import Condition
    from service_monitoring.storage.sql import SqlStore

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""Where a `SteppableClock` stands and the first of `make_samples` was observed, unless you say otherwise."""


class SteppableClock(TraceClock):
    """A `Clock` that stands still until you move it; `replay` takes it too.

    Args:
        start: Where it stands at first.

    Examples:
        >>> clock = SteppableClock()
        >>> clock.now().isoformat()
        '2026-11-23T09:00:00+00:00'
        >>> clock.advance("1m30s").isoformat()
        '2026-11-23T09:01:30+00:00'
    """

    def __init__(self, start: datetime = START) -> None:
        super().__init__()
        self.instant = start

    def advance(self, by: str | timedelta) -> datetime:
        """Move the clock forward; gives the instant that it shows then.

        Raises:
            ValueError: The text is not a duration.
        """
        self.instant += _duration(by)
        return self.instant


class RememberingSink:
    """A `Sink` that remembers what it was told.

    Args:
        name: Names it in the outbox and in signals.
        fails: How many deliveries fail with a `ConnectionError` before it takes one.

    Attributes:
        notifications: What it took, the oldest first.
    """

    def __init__(self, name: str = "remembering", *, fails: int = 0) -> None:
        self.name = name
        self.notifications: list[Notification] = []
        self._fails = fails

    def deliver(self, notification: Notification) -> None:
        """Take the notification.

        Raises:
            ConnectionError: It has not failed often enough yet.
        """
        if self._fails:
            self._fails -= 1
            raise ConnectionError(f"{self.name} is down")
        self.notifications.append(notification)

    def lines(self) -> list[str]:
        """What it took, as `service-monitoring replay` prints it."""
        return [incident_line(notification.incident) for notification in self.notifications]


class SteppableMonitor(Monitor):
    """A `Monitor` in one line: its rules are active, and you move its clock.

    Args:
        rules: Drafted and activated in this order. None: the policy of the store, or a new one without rules.
        store: Where the policy lives; by default a new `MemoryStore`.
        clock: By default a `SteppableClock` at `START`.
        sinks: Who is told; by default `sink`.
        signals: Told of each command and of each delivery; by default nobody.
        policy_id: The policy's name.
        lookback: How long a sample stands for its metric.

    Attributes:
        store: Where the policy lives.
        clock: Shows the instant of the last decision.
        sink: Remembers what it was told; hears nothing where `sinks` names others.

    Raises:
        PolicyError: Two of the rules have the same id or ask the same.
        ConcurrencyConflictError: The store holds the policy already, and there are rules.
        ValueError: The text is not a duration.

    Examples:
        >>> monitor = SteppableMonitor(make_rule("cpu-busy", "cpu_busy_ratio", above=0.9, hold_for="30s"))
        >>> monitor.ingest(make_samples("cpu_busy_ratio", 0.97, 0.98, 0.99, every="15s")).kept
        3
        >>> [type(event).__name__ for _ in range(3) for event in monitor.evaluate(after="15s").events]
        ['IncidentPending', 'IncidentOpened']
        >>> monitor.sink.lines()
        ['09:00:45  open      cpu-busy               warning']
    """

    def __init__(  # noqa: PLR0913 - what a monitor is made of
        self,
        *rules: Rule,
        store: Store | None = None,
        clock: SteppableClock | None = None,
        sinks: Sequence[Sink] | None = None,
        signals: Signals | None = None,
        policy_id: str = "machine",
        lookback: str | timedelta = "5m",
    ) -> None:
        self.store: Store = MemoryStore() if store is None else store
        self.clock = SteppableClock() if clock is None else clock
        self.sink = RememberingSink()
        super().__init__(policy_id, self.store, self.clock, [self.sink] if sinks is None else sinks, signals)
        if rules or not _holds(self.store, policy_id):
            self.begin(_duration(lookback), rules)

    def ingest(self, samples: Iterable[Sample]) -> Commit:
        """Keep the samples that the window admits.

        Raises:
            StoreError: The store could not be written.
        """
        return self.handle(IngestSamples(tuple(samples)))

    def evaluate(self, after: str | timedelta = "15s") -> Commit:
        """Move the clock, decide every active rule at its instant, and deliver what is due.

        Raises:
            PolicyError: A decision at this instant or a later one was made already.
            ValueError: The text is not a duration.
        """
        commit = self.handle(Evaluate(self.clock.advance(after)))
        self.deliver_due()
        return commit

    def replay(self, samples: Iterable[Sample], interval: str | timedelta = "15s") -> ReplayStatistics:
        """Ingest samples, and decide and deliver at every multiple of the interval.

        Raises:
            TraceGapError: Two samples lie more than a day apart.
            ValueError: The text is not a duration.

        Examples:
            >>> monitor = SteppableMonitor(*shipped_rules())
            >>> monitor.replay(shipped_samples()).decisions
            85
            >>> monitor.sink.lines()[0]
            '09:03:30  open      cpu-saturated          critical'
        """
        return replay(self, samples, interval=_duration(interval), clock=self.clock)


def make_rule(  # noqa: PLR0913 - what a rule is made of
    rule_id: str,
    metric: str,
    condition: Condition | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
    severity: Severity = Severity.WARNING,
    hold_for: str | timedelta = "0s",
    keep_open_for: str | timedelta = "0s",
) -> Rule:
    """A rule with a threshold, `above` or `below`, or with any other condition.

    Raises:
        ValueError: Id, metric, limit or duration is malformed, or it is not exactly one condition.

    Examples:
        >>> print(make_rule("cpu-busy", "cpu_busy_ratio", above=0.9, hold_for="1m").condition)
        > 0.9
        >>> make_rule("cpu-busy", "cpu_busy_ratio")
        Traceback (most recent call last):
        ValueError: cpu-busy: give exactly one of condition, above and below
    """
    conditions = [
        *([condition] if condition is not None else []),
        *([Threshold(Comparison.ABOVE, above)] if above is not None else []),
        *([Threshold(Comparison.BELOW, below)] if below is not None else []),
    ]
    if len(conditions) != 1:
        raise ValueError(f"{rule_id}: give exactly one of condition, above and below")
    hold, keep = _duration(hold_for), _duration(keep_open_for)
    return Rule(rule_id, MetricName(metric), conditions[0], severity, hold, keep)


def make_samples(
    metric: str, *values: float, start: datetime = START, every: str | timedelta = "1s"
) -> list[Sample]:
    """Samples of one metric at regular instants.

    Args:
        metric: What was measured.
        values: In the metric's own unit.
        start: When the first value was observed.
        every: The time between two of them.

    Raises:
        ValueError: Metric, value, instant or duration is malformed.

    Examples:
        >>> first, second = make_samples("cpu_busy_ratio", 0.97, 0.98, every="15s")
        >>> second.observed_at - first.observed_at
        datetime.timedelta(seconds=15)
    """
    name, step = MetricName(metric), _duration(every)
    return [Sample(name, float(value), start + place * step) for place, value in enumerate(values)]


def shipped_rules() -> tuple[Rule, ...]:
    """The six rules of the policy for a machine's own metrics, which the package ships."""
    return load_policy_file(MACHINE_POLICY).rules


def shipped_samples() -> list[Sample]:
    """The 8,820 samples of the trace that the package ships, the oldest first."""
    return list(read_trace(MACHINE_UNDER_LOAD))


@contextmanager
def temporary_store() -> Iterator[SqlStore]:
    """An empty SQLite store in a folder that is removed at the end.

    Examples:
        >>> with temporary_store() as store:
        ...     monitor = SteppableMonitor(make_rule("cpu-busy", "cpu_busy_ratio", above=0.9), store=store)
        ...     len(store.events("machine"))
        2
    """
    with TemporaryDirectory() as folder, closing(open_sqlite(Path(folder) / "store.db")) as store:
        yield store


def _duration(given: str | timedelta) -> timedelta:
    return parse_duration(given) if isinstance(given, str) else given


def _holds(store: Store, policy_id: str) -> bool:
    try:
        store.projections(policy_id)
    except PolicyNotFoundError:
        return False
    return True
