"""What a sample costs: bytes, blocks, growth; for the lesson on allocation costs and object hot paths."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock, replay
from service_monitoring.boundary import codec
from service_monitoring.boundary.policy_file import PolicyFile, load_policy_file
from service_monitoring.domain.values import MetricName, Sample, microseconds
from service_monitoring.domain.window import SampleWindow, Series
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore

from checks.evidence.figures import Evidence, Figure, alone, growth_exponent, paired_ratio
from checks.evidence.measurement import Measurement, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RETAINED = 5_000
SIZES = (2_000, 4_000, 8_000)
MICRO_PAIRS = 40
WORKLOAD_PAIRS = 20
MOVES_BYTES = 0.01  # a release of CPython that fixes bugs may move a header


@dataclass
class DictSample:
    """A sample as a class without slots: its attributes live in a dict."""

    metric: MetricName
    value: float
    observed_at: datetime


class TupleSample(NamedTuple):
    """A sample as a tuple with names, and without any check."""

    metric: MetricName
    value: float
    observed_at: datetime


def _sizes(evidence: Evidence) -> None:
    """Bytes of each representation, and bytes and blocks of each stage of a line's way into the window."""
    kept = {name: _retained(make) for name, make in _representations().items()}
    stages = {
        "text": _retained(lambda: bytes.decode),
        "fields": _retained(lambda: codec.decode_object),
        "sample": kept["slots"],
        "window": kept["array"],
    }
    evidence.figures["bytes"] = {name: _bytes_of(size, "bytes/sample") for name, (size, _) in kept.items()}
    evidence.figures["stages"] = {
        name: {
            "bytes": _bytes_of(size, "bytes/line"),
            "blocks": Figure(round(blocks, 2), "blocks/line", tolerance=MOVES_BYTES),
        }
        for name, (size, blocks) in stages.items()
    }


def _bytes_of(value: float, unit: str) -> Figure:
    return Figure(round(value, 1), unit, tolerance=MOVES_BYTES)


def _counts(design: str, sizes: Sequence[int], *, again: bool) -> Callable[[Evidence], None]:
    def run(evidence: Evidence) -> None:
        policy, replayed = _policy(), {"window": _replay, "history": _rescan}[design]
        counts = evidence.figures.setdefault("calls", {}).setdefault(design, {})
        for size in sizes:
            calls = _calls(partial(replayed, policy, _samples(size)))
            counts[str(size)] = Figure(calls, "calls", tolerance=0 if again else None)

    return run


def _ratios(evidence: Evidence) -> None:
    policy, sample = _policy(), next(read_trace(MACHINE_UNDER_LOAD))
    evidence.figures["tuple"] = {
        "micro": paired_ratio(
            partial(_make, Sample, sample), partial(_make, TupleSample, sample), MICRO_PAIRS, "Sample / tuple"
        ),
        "workload": paired_ratio(
            partial(_replay_file, policy), partial(_replay_tuples, policy), WORKLOAD_PAIRS, "Sample / tuple"
        ),
    }


def _growth(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Exponents and calls for each sample, from the counts."""
    calls = {
        design: [figures["calls"][design][str(size)].value for size in SIZES] for design in figures["calls"]
    }
    per_sample = {
        design: Figure(round(counts[-1] / SIZES[-1], 1), "calls/sample", follows_from="calls")
        for design, counts in calls.items()
    }
    return {
        "growth": {
            "window": Figure(
                growth_exponent(SIZES, calls["window"]), "exponent of calls", follows_from="calls"
            ),
            "history": Figure(
                growth_exponent(SIZES, calls["history"]), "exponent of calls", follows_from="calls"
            ),
            "calls_per_sample": per_sample["window"],
            "history_calls_per_sample": per_sample["history"],
        }
    }


def _representations() -> dict[str, Callable[[], Callable[[bytes], object]]]:
    def dictionary() -> Callable[[bytes], object]:
        decode = codec.SampleDecoder().decode

        def make(line: bytes) -> dict[str, object]:
            sample = decode(line)
            return {"metric": sample.metric, "value": sample.value, "observed_at": sample.observed_at}

        return make

    def instance(kind: Callable[..., object]) -> Callable[[], Callable[[bytes], object]]:
        def factory() -> Callable[[bytes], object]:
            decode = codec.SampleDecoder().decode

            def make(line: bytes) -> object:
                sample = decode(line)
                return kind(sample.metric, sample.value, sample.observed_at)

            return make

        return factory

    return {
        "dict": dictionary,
        "dataclass": instance(DictSample),
        "named tuple": instance(TupleSample),
        "tuple": instance(lambda *facts: facts),
        "slots": instance(Sample),
        "array": _into_series,
    }


def _into_series() -> Callable[[bytes], object]:
    decode, all_series = codec.SampleDecoder().decode, dict[MetricName, Series]()

    def make(line: bytes) -> object:
        sample = decode(line)
        series = all_series.get(sample.metric)
        if series is None:
            series = all_series[sample.metric] = Series()
        series.add(microseconds(sample.observed_at), sample.value)
        return series

    return make


def _policy() -> PolicyFile:
    return load_policy_file(MACHINE_POLICY)


def _retained(factory: Callable[[], Callable[[bytes], Any]]) -> tuple[float, float]:
    """Bytes and blocks that stay allocated for each line while its result is held."""
    lines = MACHINE_UNDER_LOAD.read_bytes().splitlines()[1:]
    make = factory()
    make(lines[0])
    held: list[object] = [None] * RETAINED
    gc.collect()
    with alone():
        tracemalloc.start()
        try:
            for index, line in enumerate(islice(lines, RETAINED)):
                held[index] = make(line)
            gc.collect()
            traces = tracemalloc.take_snapshot().statistics("filename")
        finally:
            tracemalloc.stop()
    return sum(s.size for s in traces) / RETAINED, sum(s.count for s in traces) / RETAINED


def _samples(size: int) -> list[Sample]:
    return list(islice(read_trace(MACHINE_UNDER_LOAD), size))


def _replay(policy: PolicyFile, samples: Iterable[Sample]) -> None:
    clock = TraceClock()
    monitor = Monitor(policy.policy, MemoryStore(), clock)
    monitor.begin(policy.lookback, policy.rules)
    replay(monitor, samples, interval=policy.evaluation_interval, clock=clock)


def _rescan(policy: PolicyFile, samples: Sequence[Sample]) -> None:
    """The obvious design: keep every sample, and build the window anew for each decision."""
    due = samples[0].observed_at
    while due <= samples[-1].observed_at:
        due += policy.evaluation_interval
        window = SampleWindow()
        for sample in samples:
            if sample.observed_at > due:
                break
            window.add([sample])
        instant, lookback = microseconds(due), policy.lookback // timedelta(microseconds=1)
        for rule in policy.rules:
            rule.condition.verdict(window.series(rule.metric), instant, lookback)


def _calls(run: Callable[[], None]) -> int:
    """How many functions a run calls, in Python and in C: the same number on every run."""
    count = 0

    def profiler(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profiler)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def _make(kind: Callable[..., object], sample: Sample) -> None:
    metric, value, at = sample.metric, sample.value, sample.observed_at
    for _ in range(20_000):
        kind(metric, value, at)


def _replay_file(policy: PolicyFile) -> None:
    _replay(policy, read_trace(MACHINE_UNDER_LOAD))


def _replay_tuples(policy: PolicyFile) -> None:
    with patch.object(codec, "Sample", TupleSample):
        _replay_file(policy)


def _plots(figures: Mapping[str, Any]) -> dict[str, Any]:
    retained = {name: figure.value for name, figure in figures["bytes"].items()}
    ordered = sorted(retained, key=lambda name: retained[name])
    calls = {
        design: [figures["calls"][design][str(size)].value for size in SIZES] for design in figures["calls"]
    }
    return {
        "bytes": {
            "title": "Bytes that one retained sample costs",
            "description": "Horizontal bars, shortest first: "
            + ", ".join(f"{name} {retained[name]:.0f}" for name in ordered)
            + " bytes for each sample, the float and the time included.",
            "kind": "bar",
            "x_label": "representation",
            "y_label": "bytes for each sample",
            "series": {"bytes": {"x": ordered, "y": [retained[name] for name in ordered]}},
        },
        "growth": {
            "title": "Function calls of a whole replay",
            "description": "Two lines on logarithmic axes. With the window, twice the samples take "
            "about twice the calls; with the history, about four times.",
            "kind": "line",
            "scale": "log",
            "x_label": "samples replayed",
            "y_label": "function calls",
            "series": {
                "history, rescanned": {"x": list(SIZES), "y": calls["history"]},
                "window, kept sorted": {"x": list(SIZES), "y": calls["window"]},
            },
        },
    }


MEASUREMENT = Measurement(
    (
        Step("bytes of each representation and stage", _sizes, again=True),
        Step("calls with the window", _counts("window", SIZES, again=True), again=True),
        Step("calls with the history", _counts("history", SIZES[:1], again=True), again=True),
        Step("calls with more history", _counts("history", SIZES[1:], again=False)),
        Step("the micro-benchmark and the workload", _ratios),
    ),
    derive=_growth,
    plots=_plots,
    once=tuple(f"calls.history.{size}" for size in SIZES[1:]),  # they square
)
