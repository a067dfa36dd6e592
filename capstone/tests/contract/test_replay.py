"""Replays, clocks and the pace of a recording: what the application asks of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.application import recording
from service_monitoring.application import replay as replay_module
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.recording import ticks
from service_monitoring.application.replay import ReplayStatistics, TraceClock, TraceGapError, replay
from service_monitoring.domain.conditions import Absence, Comparison, Threshold
from service_monitoring.domain.policy import DEFAULT_LOOKBACK
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import Refusal, SampleWindow
from service_monitoring.sources.clock import SystemClock
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from service_monitoring.application.commands import Command
    from service_monitoring.application.ports import Clock, Commit

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("busy")
RULES = [
    Rule("busy", METRIC, Threshold(Comparison.ABOVE, 0.9), Severity.WARNING),
    Rule("silent", METRIC, Absence(), Severity.CRITICAL),
]
INTERVAL = timedelta(seconds=15)


class WatchedMonitor(Monitor):
    """Remembers the commands it was given."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        super().__init__("machine", store, clock)
        self.commands: list[Command] = []

    def handle(self, command: Command, correlation: str = "") -> Commit:
        """Remember, then handle."""
        self.commands.append(command)
        return super().handle(command, correlation)


def replayed(
    samples: Iterable[Sample], interval: timedelta = INTERVAL, window: SampleWindow | None = None
) -> tuple[ReplayStatistics, list[datetime], MemoryStore]:
    """The statistics of a replay, the instants of its decisions, and its store."""
    store, clock = MemoryStore(window), TraceClock()
    monitor = WatchedMonitor(store, clock)
    monitor.begin(DEFAULT_LOOKBACK, RULES)
    statistics = replay(monitor, samples, interval=interval, clock=clock)
    decided = [command.at for command in monitor.commands if hasattr(command, "at")]
    assert statistics.decisions == len(decided)
    return statistics, decided, store


def samples_at(*seconds: float, value: float = 1.0, start: datetime = AT) -> list[Sample]:
    """A sample at each of these seconds after the start."""
    return [Sample(METRIC, value, start + timedelta(seconds=second)) for second in seconds]


@pytest.mark.parametrize("year", [2026, 1969, 1905])
def test_decisions_fall_on_multiples_of_the_interval(year: int) -> None:
    """From the first sample on until the last one is decided, also before 1970."""
    start = AT.replace(year=year)
    _, decided, _ = replayed(samples_at(7, 20, 31, start=start))
    assert decided == [start + timedelta(seconds=second) for second in (15, 30, 45)]


def test_a_sample_on_a_multiple_belongs_to_the_decision_of_that_instant() -> None:
    """`(t - lookback, t]` is closed at t."""
    statistics, decided, store = replayed(samples_at(0))
    assert decided == [AT]
    assert statistics == ReplayStatistics(samples=1, decisions=1, first_at=AT, last_at=AT)
    assert [i.pending_since for i in store.projections("machine").incidents.opened()] == [AT]


def test_silence_is_decided_too() -> None:
    """Every interval between two samples has its decision, so absence is found when it began."""
    _, decided, store = replayed([*samples_at(0, value=0.0), *samples_at(1000, value=0.0)])
    assert len(decided) == 68
    (silence,) = store.projections("machine").incidents.opened()
    assert silence.rule_id == "silent"
    assert silence.opened_at == AT + DEFAULT_LOOKBACK
    assert silence.resolved_at == AT + timedelta(seconds=1005)


def test_nothing_to_replay_decides_nothing() -> None:
    """No sample, no instant."""
    statistics, decided, _ = replayed([])
    assert statistics == ReplayStatistics()
    assert decided == []


def test_a_gap_of_more_than_a_day_is_refused() -> None:
    """One wrong instant must not cost a million decisions; a day is allowed."""
    day = timedelta(days=1).total_seconds()
    with pytest.raises(TraceGapError, match=r"a sample at 2026-11-24 .* lies more than a day after"):
        replayed(samples_at(0, day + 1))
    assert len(replayed(samples_at(0, day), interval=timedelta(hours=1))[1]) == 25


def test_refused_samples_are_counted() -> None:
    """The statistics say by reason what the window would not keep."""
    samples = samples_at(0, 600, 1)
    assert replayed(samples)[0].refused == {Refusal.TOO_OLD: 1}
    assert replayed(samples_at(0, 1, 2), window=SampleWindow(max_samples_per_series=1))[0].refused == {
        Refusal.SAMPLE_LIMIT: 2
    }


def test_memory_does_not_grow_with_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are handed on in bounded batches, and decisions forget."""
    monkeypatch.setattr(replay_module, "MAX_BATCH", 3)
    store, clock = MemoryStore(), TraceClock()
    monitor = WatchedMonitor(store, clock)
    monitor.begin(DEFAULT_LOOKBACK, RULES)
    statistics = replay(monitor, samples_at(*range(2_000)), interval=INTERVAL, clock=clock)
    batches = [len(command.samples) for command in monitor.commands if hasattr(command, "samples")]
    assert max(batches) == 3
    assert sum(batches) == statistics.samples == 2_000
    assert len(store.window()) <= 2 * DEFAULT_LOOKBACK.total_seconds()


@given(
    st.dictionaries(st.integers(0, 200), st.sampled_from([0.0, 1.0]), min_size=1),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
def test_the_size_of_batches_and_the_order_within_them_change_no_decision(
    points: dict[int, float], order: Random, batch: int
) -> None:
    """The samples of one interval may come in any order and in any number of batches."""
    samples = [sample for at in sorted(points) for sample in samples_at(at, value=points[at])]
    expected = replayed(samples)[2].events("machine")
    microsecond = timedelta(microseconds=1)
    order.shuffle(samples)
    samples.sort(key=lambda sample: (sample.observed_at - AT - microsecond) // INTERVAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay_module, "MAX_BATCH", batch)
        assert replayed(samples)[2].events("machine") == expected


def test_the_clock_of_a_replay_shows_the_instant_that_is_decided() -> None:
    """What happens to rules during a replay is dated by the trace."""
    clock = TraceClock()
    monitor = Monitor("machine", MemoryStore(), clock)
    monitor.begin(DEFAULT_LOOKBACK, [])
    seen = []
    replay(
        monitor,
        samples_at(0, 20),
        interval=INTERVAL,
        clock=clock,
        progress=lambda so_far: seen.append((so_far.decisions, clock.now())),
    )
    assert seen == [(n, AT + timedelta(seconds=s)) for n, s in ((1, 0), (2, 15), (3, 30))]


def test_the_system_clock_tells_utc_and_goes_forward() -> None:
    """Aware, in UTC itself, and now."""
    before = datetime.now(UTC)
    first, second = SystemClock().now(), SystemClock().now()
    assert first.tzinfo is UTC
    assert before <= first <= second <= datetime.now(UTC)


class FakeTime:
    """A monotonic clock that only sleeping and reading move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(recording, "time", self)

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        assert seconds >= 0
        self.now += seconds


class SlowSource:
    """Takes its time for each reading."""

    def __init__(self, time: FakeTime, *costs: float) -> None:
        self._time = time
        self._costs = list(costs)
        self.read_at: list[float] = []

    def read(self) -> Sequence[Sample]:
        """Read, slowly."""
        assert len(self.read_at) < 2_000, "reads on and on"
        self.read_at.append(round(self._time.now - 100.0, 6))
        self._time.now += self._costs.pop(0) if self._costs else 0.0
        return []


@pytest.mark.parametrize(
    ("interval", "duration", "costs", "expected"),
    [
        (1.0, 3.0, (), [1, 2, 3]),
        (1.0, 0.5, (), []),
        (0.1, 0.3, (), [0.1, 0.2, 0.3]),
        (0.1, 1.0, (), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (1.0, 4.0, (0.9, 0.9), [1, 2, 3, 4]),
        (1.0, 6.0, (2.5,), [1, 4, 5, 6]),
        (1.0, 4.0, (10.0,), [1]),
    ],
)
def test_a_recording_keeps_its_pace_against_the_start(
    monkeypatch: pytest.MonkeyPatch,
    interval: float,
    duration: float,
    costs: tuple[float, ...],
    expected: list[float],
) -> None:
    """A slow reading shifts no later one; instants that were missed are skipped; the last one counts."""
    source = SlowSource(FakeTime(monkeypatch), *costs)
    pace = ticks(source, interval=timedelta(seconds=interval), duration=timedelta(seconds=duration))
    assert len(list(pace)) == len(expected)
    assert source.read_at == expected


def test_a_recording_without_a_duration_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until somebody stops it."""
    source = SlowSource(FakeTime(monkeypatch))
    pace = ticks(source, interval=timedelta(seconds=1), duration=None)
    for _ in range(1_000):
        next(pace)
    assert source.read_at == list(range(1, 1_001))
