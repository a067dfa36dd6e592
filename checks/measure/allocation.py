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

from checks.measure.evidence import ROOT, Evidence, Figure, growth_exponent, paired_ratio
from checks.measure.rungs import climb
from checks.pages.fences import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LESSON = (
    ROOT
    / "docs/module-10-performance-observability-security-review"
    / "measuring-allocation-costs-and-object-hot-paths.md"
)
RETAINED = 5_000
SIZES = (2_000, 4_000, 8_000)
MICRO_PAIRS = 40
WORKLOAD_PAIRS = 20


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


def measure(progress: Callable[[str], None]) -> Evidence:
    """All figures of the lesson."""
    policy = load_policy_file(MACHINE_POLICY)
    lines = MACHINE_UNDER_LOAD.read_bytes().splitlines()[1:]
    evidence = Evidence()
    progress("bytes of each representation")
    retained = {name: _retained(lines, make)[0] for name, make in _representations().items()}
    evidence.figures["bytes"] = {
        name: Figure(round(value, 1), "bytes/sample") for name, value in retained.items()
    }
    progress("a line's way into the window")
    stages = {name: _retained(lines, make) for name, make in _stages().items()}
    evidence.figures["stages"] = {
        name: {
            "bytes": Figure(round(size, 1), "bytes/line"),
            "blocks": Figure(round(blocks, 2), "blocks/line"),
        }
        for name, (size, blocks) in stages.items()
    }
    progress("growth of two designs")
    window = [_calls(partial(_replay, policy, _samples(size))) for size in SIZES]
    history = [_calls(partial(_rescan, policy, _samples(size))) for size in SIZES]
    evidence.figures["growth"] = {
        "window": Figure(growth_exponent(SIZES, window), "exponent of calls"),
        "history": Figure(growth_exponent(SIZES, history), "exponent of calls"),
        "calls_per_sample": Figure(round(window[-1] / SIZES[-1], 1), "calls/sample"),
        "history_calls_per_sample": Figure(round(history[-1] / SIZES[-1], 1), "calls/sample"),
    }
    progress("the micro-benchmark and the workload")
    sample = next(read_trace(MACHINE_UNDER_LOAD))
    evidence.figures["tuple"] = {
        "micro": paired_ratio(
            partial(_make, Sample, sample), partial(_make, TupleSample, sample), MICRO_PAIRS, "Sample / tuple"
        ),
        "workload": paired_ratio(
            partial(_replay_file, policy), partial(_replay_tuples, policy), WORKLOAD_PAIRS, "Sample / tuple"
        ),
    }
    verdicts, first_red = climb(tempting_change(), progress)
    evidence.facts = {"rungs": verdicts, "first_red": first_red}
    evidence.plots = _plots(retained, window, history)
    return evidence


def tempting_change() -> str:
    """The diff that the lesson shows."""
    return next(fence.content for fence in Page(ROOT, LESSON).fences if fence.language == "diff")


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


def _stages() -> dict[str, Callable[[], Callable[[bytes], object]]]:
    return {
        "text": lambda: bytes.decode,
        "fields": lambda: codec.decode_object,
        "sample": lambda: codec.SampleDecoder().decode,
        "window": _into_series,
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


def _retained(lines: Sequence[bytes], factory: Callable[[], Callable[[bytes], Any]]) -> tuple[float, float]:
    """Bytes and blocks that stay allocated for each line while its result is held."""
    make = factory()
    make(lines[0])
    held: list[object] = [None] * RETAINED
    gc.collect()
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


def _plots(retained: dict[str, float], window: list[int], history: list[int]) -> dict[str, Any]:
    ordered = sorted(retained, key=lambda name: retained[name])
    return {
        "bytes": {
            "title": "Bytes that one retained sample costs",
            "description": "Horizontal bars, shortest first: "
            + ", ".join(f"{name} {retained[name]:.0f}" for name in ordered)
            + " bytes for each sample, the float and the time included.",
            "kind": "bar",
            "x_label": "representation",
            "y_label": "bytes for each sample",
            "series": {"bytes": {"x": ordered, "y": [round(retained[name], 1) for name in ordered]}},
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
                "history, rescanned": {"x": list(SIZES), "y": history},
                "window, kept sorted": {"x": list(SIZES), "y": window},
            },
        },
    }
