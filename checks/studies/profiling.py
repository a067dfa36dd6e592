"""What a start with many rules costs, and what a profiler says of it; for the lesson on profiling.

Run as a module it starts a policy in a process of its own and prints what that took, so that a changed copy
of the capstone can be measured beside the real one: `python -m checks.studies.profiling HOW RULES`.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import signal
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyinstrument import Profiler
from service_monitoring.application.commands import CreatePolicy
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock, replay
from service_monitoring.boundary.codec import SampleDecoder, decode_object, unique_fields
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.sqlite import open_sqlite
from service_monitoring.testing import (
    SteppableMonitor,
    make_rule,
    shipped_rules,
    shipped_samples,
    temporary_store,
)

from checks import child
from checks.evidence.figures import (
    Evidence,
    Figure,
    growth_exponent,
    median_figure,
    paired_ratio,
    processor_seconds,
    versions,
)
from checks.evidence.measurement import Measurement, Step
from checks.memory import ROOT
from checks.proof.changes import read_change
from checks.proof.trial import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

LOOKBACK = timedelta(minutes=5)
SIZES = (25, 50, 100, 200)
AGAIN = 25
PAIRED_RULES = 200
PAIRS = 7
PROFILED_PAIRS = 15
SHARED = 7
RECORDED = 25
TRACED_REPLAYS, TIMED_REPLAYS = 4, 40
TICK_S = 0.001
SUSPECTS = {
    "decode_fields": SampleDecoder.decode_fields.__code__,
    "decode_object": decode_object.__code__,
    "unique_fields": unique_fields.__code__,
    "Sample": Sample.__init__.__code__,
}
FLAME_RULES = 50
PROFILES = ROOT / "docs" / "assets" / "profiles"
SMALLEST_BOX = 0.005
ONE_COMMAND, CACHED = "adopt-all-rules-in-one-command", "remember-encoded-rules"
ENCODER = "documents._rule"


def rules_of(count: int) -> tuple[Rule, ...]:
    """As many rules as one likes, none of which asks what another asks."""
    above = Threshold(Comparison.ABOVE, 0.9)
    return tuple(
        Rule(f"busy-{n}", MetricName(f"cpu_{n}_busy_ratio"), above, Severity.WARNING) for n in range(count)
    )


def start(how: str, count: int, folder: str) -> None:
    """A policy with so many rules in a new SQLite store: a command for each step, or one for all."""
    store = open_sqlite(Path(folder) / "store.db")
    monitor, rules = Monitor("machine", store, TraceClock()), rules_of(count)
    if how == "steps":
        monitor.begin(LOOKBACK, rules)
    else:
        create: Any = CreatePolicy  # the changed one, which takes the rules along
        monitor.handle(create(LOOKBACK, rules))
    store.close()


def _in_scratch(how: str, count: int) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            start(how, count, folder)

    return run


def counted(run: Callable[[], object]) -> tuple[int, Counter[str]]:
    """All calls of a run, and those of each function by module and name; the same on every run."""
    profile = cProfile.Profile()
    profile.runcall(run)
    names: Counter[str] = Counter()
    # Not by pstats: it has one row for all constructors of dataclasses, and keeps the last one's calls.
    for entry in profile.getstats():
        code = entry.code
        names[code if isinstance(code, str) else f"{Path(code.co_filename).stem}.{code.co_name}"] += (
            entry.callcount
        )
    return names.total(), names


def _count(how: str, count: int) -> dict[str, int]:
    total, names = counted(_in_scratch(how, count))
    return {"calls": total, "encoded": names[ENCODER]}


def _steps(*sizes: int) -> Callable[[Evidence], None]:
    def run(evidence: Evidence) -> None:
        _enter(evidence, "steps", {size: _count("steps", size) for size in sizes})

    return run


def _one_command(*sizes: int) -> Callable[[Evidence], None]:
    def run(evidence: Evidence) -> None:
        with changed(read_change(ROOT, ONE_COMMAND).diff) as capstone:
            counts = {size: _elsewhere(capstone, "one", size) for size in sizes}
        _enter(evidence, "one", counts)

    return run


def _enter(evidence: Evidence, how: str, counts: dict[int, dict[str, int]]) -> None:
    found = evidence.figures.setdefault("calls", {}).setdefault(how, {})
    for size, count in counts.items():
        # Whatever a start does, the smallest does too: each check counts that one again.
        held: dict[str, Any] = {"tolerance": 0.01} if size == AGAIN else {"follows_from": "calls"}
        found[str(size)] = Figure(count["calls"], "calls", **held)


def _elsewhere(capstone: Path, how: str, count: int) -> dict[str, Any]:
    """What a start took in a process of its own, with that capstone."""
    paths = os.pathsep.join([str(capstone / "src"), str(ROOT)])
    command = [sys.executable, "-m", __name__, how, str(count)]
    done = child.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths})
    if not done.good:
        raise child.UnfinishedError(f"a start with {count} rules: {done.last_line}")
    return dict(json.loads(done.last_line))


def _speedups(evidence: Evidence) -> None:
    for name, how in ((ONE_COMMAND, "one"), (CACHED, "steps")):
        with changed(read_change(ROOT, name).diff) as capstone:
            ratios = []
            for pair in range(PAIRS):
                before = partial(_elsewhere, ROOT / "capstone", "steps", PAIRED_RULES)
                after = partial(_elsewhere, capstone, how, PAIRED_RULES)
                order = (before, after) if pair % 2 else (after, before)
                found = {run: run()["seconds"] for run in order}
                ratios.append(found[before] / found[after])
        key = "one_command" if how == "one" else "cached"
        evidence.figures.setdefault("speedup", {})[key] = median_figure(ratios, "before / after", 2)


def _replay() -> None:
    policy, clock = load_policy_file(MACHINE_POLICY), TraceClock()
    monitor = Monitor(policy.policy, MemoryStore(), clock)
    monitor.begin(policy.lookback, policy.rules)
    replay(monitor, read_trace(MACHINE_UNDER_LOAD), interval=policy.evaluation_interval, clock=clock)


def _traced() -> None:
    cProfile.Profile().runcall(_replay)


def _hooked() -> None:
    with Profiler(interval=TICK_S):
        _replay()


def _timed(replays: int = 1) -> Counter[CodeType]:
    """Which function was running whenever the processor's timer had fired."""
    seen: Counter[CodeType] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        if frame is not None:
            seen[frame.f_code] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
    try:
        for _ in range(replays):
            _replay()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return seen


def _overheads(evidence: Evidence) -> None:
    evidence.figures["overhead"] = {
        name: paired_ratio(run, _replay, PROFILED_PAIRS, "with the profiler / without")
        for name, run in (("tracing", _traced), ("hooked", _hooked), ("timed", _timed))
    }
    evidence.versions |= versions("pyinstrument")


def _shares(evidence: Evidence) -> None:
    """What part of a replay two profilers charge to a function itself, with the C functions that it calls."""
    shares = evidence.figures.setdefault("shares", {})
    for profiler, look in (("tracing", _traced_own), ("timed", _timed_own)):
        runs = [look() for _ in range(SHARED)]
        shares[profiler] = {
            name: median_figure([run[name] for run in runs], "% of the replay") for name in SUSPECTS
        }


def _traced_own() -> dict[str, float]:
    profile = cProfile.Profile(builtins=False)
    for _ in range(TRACED_REPLAYS):
        profile.runcall(_replay)
    return _percentages({entry.code: entry.inlinetime for entry in profile.getstats()})


def _timed_own() -> dict[str, float]:
    return _percentages(_timed(TIMED_REPLAYS))


def _percentages(own: Mapping[Any, float]) -> dict[str, float]:
    total = sum(own.values())
    return {name: 100 * own.get(code, 0) / total for name, code in SUSPECTS.items()}


def record_profiles(_: Evidence, folder: Path = PROFILES) -> None:
    """Write the profiles that the lesson opens: of several runs the fastest, which was disturbed least.

    They do not name the folders of this machine. The lesson compares their counts with those of its own
    runs, so it goes red when they are old.
    """
    folder.mkdir(exist_ok=True)
    runs: dict[str, Callable[[], object]] = {
        "replay": lambda: SteppableMonitor(*shipped_rules()).replay(shipped_samples()),
        "start": partial(_lesson_start, 100),
        "another-start": partial(_lesson_start, 60),
    }
    for name, run in runs.items():
        profiles = [_profile(run) for _ in range(RECORDED)]
        fastest = min(profiles, key=lambda profile: profile.total_tt)  # type: ignore[attr-defined] # not in typeshed
        fastest.strip_dirs().dump_stats(folder / f"{name}.prof")


def _profile(run: Callable[[], object]) -> pstats.Stats:
    profile = cProfile.Profile()
    profile.runcall(run)
    return pstats.Stats(profile)


def _lesson_start(count: int) -> None:
    with temporary_store() as store:
        rules = [make_rule(f"busy-{n}", f"cpu_{n}_busy_ratio", above=0.9) for n in range(count)]
        SteppableMonitor(*rules, store=store)


def _calls_by_stack(run: Callable[[], None]) -> dict[str, Any]:
    """Calls of the capstone's functions, below whoever made them; those that are few are left out."""
    tree: dict[str, Any] = {"name": f"a start with {FLAME_RULES} rules", "value": 0, "children": {}}
    path = [tree]

    def profiler(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # <listcomp> and its like are calls in some releases of CPython and not in others.
        if "service_monitoring" not in code.co_filename or code.co_name.startswith("<"):
            return
        if event == "call":
            found = path[-1]["children"]
            path.append(
                found.setdefault(code.co_qualname, {"name": code.co_qualname, "value": 0, "children": {}})
            )
            for node in path:
                node["value"] += 1
        elif event == "return" and len(path) > 1:
            path.pop()

    sys.setprofile(profiler)
    try:
        run()
    finally:
        sys.setprofile(None)
    return _pruned(tree, tree["value"] * SMALLEST_BOX)


def _pruned(node: dict[str, Any], least: float) -> dict[str, Any]:
    children = sorted(node["children"].values(), key=lambda child: -int(child["value"]))
    kept = [_pruned(child, least) for child in children if child["value"] >= least]
    return {"name": node["name"], "value": node["value"], "children": kept}


def _growth(figures: Mapping[str, Any]) -> dict[str, Any]:
    exponents = {
        how: growth_exponent(SIZES, [figures["calls"][how][str(size)].value for size in SIZES])
        for how in ("steps", "one")
    }
    return {
        "growth": {
            how: Figure(exponent, "exponent of calls", follows_from="calls")
            for how, exponent in exponents.items()
        }
    }


def _plots(figures: Mapping[str, Any]) -> dict[str, Any]:
    series = {
        name: {"x": list(SIZES), "y": [figures["calls"][how][str(size)].value for size in SIZES]}
        for name, how in (("a commit for each step", "steps"), ("one commit", "one"))
    }
    shares = {
        label: {
            "x": list(SUSPECTS),
            "y": [figures["shares"][profiler][name].value for name in SUSPECTS],
        }
        for label, profiler in (("cProfile", "tracing"), ("a timer", "timed"))
    }
    return {
        "flame": {
            "title": f"Calls of the capstone's functions in a start with {FLAME_RULES} rules",
            "description": "An icicle with the start on top. Nearly all calls are below commit, in "
            "_write_policy, and there most are in encode_definition and encode_projections, which call "
            "_entry, _rule and _condition for every rule that is there by then.",
            "kind": "flame",
            "unit": "calls",
            "root": _calls_by_stack(_in_scratch("steps", FLAME_RULES)),
        },
        "growth": {
            "title": "Function calls of a start",
            "description": "Two lines on logarithmic axes. With a commit for each step, twice the rules take "
            "between three and four times the calls; with one commit, twice the calls.",
            "kind": "line",
            "scale": "log",
            "x_label": "rules",
            "y_label": "function calls",
            "series": series,
        },
        "shares": {
            "title": "Four functions of the replay, as two profilers charge them",
            "description": "Bars in pairs. cProfile charges decode_object with more than a timer does, and "
            "unique_fields with a fraction of it.",
            "kind": "bar",
            "x_label": "function",
            "y_label": "% of the replay",
            "series": shares,
        },
    }


MEASUREMENT = Measurement(
    (
        Step("the calls of a small start", _steps(AGAIN), again=True),
        Step("the calls of larger starts", _steps(*SIZES[1:])),
        Step("the calls of a small start in one command", _one_command(AGAIN), again=True),
        Step("the calls of larger starts in one command", _one_command(*SIZES[1:])),
        Step("what two changes gain", _speedups),
        Step("what profilers cost", _overheads),
        Step("what profilers blame", _shares),
        Step("the profiles that the lesson opens", record_profiles),
    ),
    derive=_growth,
    plots=_plots,
    long=True,
)


def main(how: str, count: int) -> None:
    """Start once for the time and once for the counts, and print both."""
    seconds = processor_seconds(_in_scratch(how, count))
    print(json.dumps({"seconds": seconds, **_count(how, count)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
