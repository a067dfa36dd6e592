"""Our decisions against Prometheus's: random series and rules, decided here and by `promtool test rules`.

By itself it looks further than the check does: `python capstone/tests/oracle/differential.py --series 1000`.

Prometheus 2 looks back over [t - 5m, t]; Prometheus 3 over (t - 5m, t], and so does this service. Debian has
Prometheus 2: no sample here is the newest one when it lies on that edge. Source:
<https://prometheus.io/docs/prometheus/latest/migration/>, *Range selectors and lookback exclude samples
coinciding with the left boundary*.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service_monitoring.boundary.alert_rules import alert_rules
from service_monitoring.boundary.policy_file import PolicyFile
from service_monitoring.domain.conditions import Absence, Comparison, Condition, Threshold
from service_monitoring.domain.incidents import IncidentState
from service_monitoring.domain.policy import DEFAULT_LOOKBACK, MonitoringPolicy
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Sample, Severity
from service_monitoring.domain.window import SampleWindow

MISSING = "promtool is not installed (Debian package prometheus)"
INSTANTS = 40
INTERVAL = timedelta(seconds=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SERIES_A_FILE = 100

# Samples between the decisions, by an odd millisecond so that none is ever exactly five minutes old; and
# samples at the very instants of decisions, with silences too short for that edge.
_PACES = {"between": (timedelta(milliseconds=10_001), 75), "at": (INTERVAL, 18)}
_VALUES = (0.0, 1.0, 1.0, 2.0, -1.5, 1e-9)
_LIMITS = (0.0, 1.0, 2.0, -1.5)
_DURATIONS = (0, 0, 7, 15, 30, 31, 45, 75, 100, 310)


@dataclass(frozen=True)
class Case:
    """One series and the rules about it."""

    metric: MetricName
    pace: timedelta
    values: list[float | None]
    rules: list[Rule]


def promtool() -> str | None:
    """Where promtool is."""
    return shutil.which("promtool")


def make_case(number: int, rng: random.Random) -> Case:
    """A random case: runs of steady, flapping and missing values."""
    metric = MetricName(f"metric_{number}")
    pace, longest_silence = _PACES[rng.choice(list(_PACES))]
    length = int(INSTANTS * INTERVAL / pace) + 1
    values: list[float | None] = [None]  # no sample at time 0: it would be five minutes old at five minutes
    while len(values) < length:
        kind = rng.choice(["steady", "steady", "flapping", "silent", "gaps"])
        run = rng.choice([1, 2, 3, 5, 8, 13])
        if kind == "silent":
            values += [None] * min(longest_silence, rng.choice([1, 3, 9, 17, 31, 45]))
            values.append(rng.choice(_VALUES))
        elif kind == "steady":
            values += [rng.choice(_VALUES)] * run
        else:
            values += [
                None if kind == "gaps" and rng.random() < 0.5 else rng.choice(_VALUES) for _ in range(run)
            ]
            values.append(rng.choice(_VALUES))
    conditions: set[Condition] = {
        Absence() if rng.random() < 0.3 else Threshold(rng.choice(list(Comparison)), rng.choice(_LIMITS))
        for _ in range(rng.choice([1, 2, 3]))
    }
    rules = [
        Rule(
            f"rule-{number}-{place}",
            metric,
            condition,
            rng.choice(list(Severity)),
            hold_for=timedelta(seconds=rng.choice(_DURATIONS)),
            keep_open_for=timedelta(seconds=rng.choice(_DURATIONS)),
        )
        for place, condition in enumerate(sorted(conditions, key=str))
    ]
    return Case(metric, pace, values[:length], rules)


def decide(cases: list[Case]) -> list[dict[str, str]]:
    """What this service decides: for each instant the rules that are pending or firing."""
    policy, window = MonitoringPolicy("differential"), SampleWindow(max_series=len(cases))
    for case in cases:
        for rule in case.rules:
            policy.draft(rule, EPOCH)
            policy.activate(rule.id, EPOCH)
    samples = [
        Sample(case.metric, value, EPOCH + place * case.pace)
        for case in cases
        for place, value in enumerate(case.values)
        if value is not None
    ]
    # Every second series is there from the start: a decision must not see what lies ahead of it.
    ahead = {case.metric for case in cases[::2]}
    window.add([sample for sample in samples if sample.metric in ahead])
    arriving = sorted(samples, key=lambda sample: sample.observed_at, reverse=True)
    states = []
    for number in range(INSTANTS):
        at = EPOCH + number * INTERVAL
        while arriving and arriving[-1].observed_at <= at:
            window.add([arriving.pop()])
        policy.evaluate(window, at)
        states.append(
            {
                incident.rule_id: "pending" if incident.state is IncidentState.PENDING else "firing"
                for incident in policy.incidents.values()
            }
        )
    return states


def disagreements(cases: list[Case], folder: Path) -> tuple[list[str], Counter[str]]:
    """Where promtool decides otherwise, one line each; and how often each state was compared."""
    rules = [rule for case in cases for rule in case.rules]
    policy = PolicyFile("differential", DEFAULT_LOOKBACK, INTERVAL, tuple(rules))
    (folder / "rules.yml").write_text(alert_rules(policy, "https://runbooks.example").text)
    states = decide(cases)
    severities = {rule.id: rule.severity.name.lower() for rule in rules}
    by_pace: list[dict[str, object]] = []
    for pace in {case.pace for case in cases}:
        # All series of a test have one pace: each pace is a test, and knows the other's series as absent.
        paced = [case for case in cases if case.pace == pace]
        ids = {rule.id for case in paced for rule in case.rules}
        by_pace.append(
            {
                "interval": f"{pace // timedelta(milliseconds=1)}ms",
                "input_series": [
                    {
                        "series": case.metric,
                        "values": " ".join("_" if v is None else repr(v) for v in case.values),
                    }
                    for case in paced
                ],
                "promql_expr_test": [
                    {
                        "expr": f'ALERTS{{alertname=~"{"|".join(sorted(ids))}"}}',
                        "eval_time": f"{number * 15}s",
                        "exp_samples": [
                            {
                                "labels": f'ALERTS{{alertname="{rule_id}", alertstate="{state}", '
                                f'severity="{severities[rule_id]}"}}',
                                "value": 1,
                            }
                            for rule_id, state in sorted(decided.items())
                            if rule_id in ids
                        ],
                    }
                    for number, decided in enumerate(states)
                ],
            }
        )
    test = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": by_pace}
    (folder / "test.yml").write_text(json.dumps(test))
    done = subprocess.run(
        [str(promtool()), "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    compared = Counter(state for decided in states for state in decided.values())
    compared["inactive"] = len(rules) * len(states) - compared.total()
    found = _differences(done.stdout + done.stderr)
    if done.returncode and not found:
        raise RuntimeError(f"promtool: {(done.stderr or done.stdout)[:500]}")
    return found, compared


def _differences(output: str) -> list[str]:
    lines = []
    for failed in re.finditer(r"time: (\S+),\s+exp:(.*?)\n?\s+got:(.*?)(?=\n\s*expr:|\Z)", output, re.DOTALL):
        at, ours, theirs = failed.groups()
        state = re.compile(r'alertname="([^"]+)", alertstate="([^"]+)"').findall
        mine, promtools = dict(state(ours)), dict(state(theirs))
        lines += [
            f"{rule_id} at {at}: {mine.get(rule_id, 'inactive')} here, "
            f"{promtools.get(rule_id, 'inactive')} there"
            for rule_id in sorted(mine.keys() | promtools.keys())
            if mine.get(rule_id) != promtools.get(rule_id)
        ]
    return lines


def compare(series: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Decide so many series here and there; every line of the result is a disagreement."""
    rng = random.Random(seed)  # noqa: S311 - the same series for the same seed
    found: list[str] = []
    compared: Counter[str] = Counter()
    for start in range(0, series, SERIES_A_FILE):
        cases = [make_case(number, rng) for number in range(start, min(start + SERIES_A_FILE, series))]
        with tempfile.TemporaryDirectory() as folder:
            lines, states = disagreements(cases, Path(folder))
        found += lines
        compared += states
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{start + len(cases):,} of {series:,} series, {len(found)} disagreements ")
    return found, compared


def record(options: argparse.Namespace, figures: dict[str, int]) -> dict[str, object]:
    """What was compared, with where and when."""
    version = subprocess.run([str(promtool()), "--version"], capture_output=True, text=True, check=True)
    return {
        "name": "differential",
        "command": "python capstone/tests/oracle/differential.py "
        f"--series {options.series} --seed {options.seed}",
        "measured": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "python": platform.python_version(),
            "runs": 1,
        },
        "figures": {
            name: {"value": value, "unit": name, "repeats": True, "spread": None, "runs": 1}
            for name, value in figures.items()
        },
        "facts": {"seed": options.seed, "promtool": (version.stdout or version.stderr).splitlines()[0]},
    }


def main() -> int:
    """Compare as many series as asked for; the status is 1 when a decision differs, 3 without promtool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    if promtool() is None:
        print(MISSING, file=sys.stderr)
        return 3
    found, compared = compare(options.series, options.seed)
    states = ", ".join(f"{count:,} {state}" for state, count in compared.items())
    print(
        f"seed {options.seed}: {options.series:,} series, {INSTANTS} instants, "
        f"{compared.total():,} decisions compared ({states}): {len(found)} disagreements"
    )
    print("\n".join(found[:20]))
    if options.record is not None:
        figures = {"series": options.series, "decisions compared": compared.total(), **compared}
        figures["disagreements"] = len(found)
        options.record.write_text(json.dumps(record(options, figures), indent=1) + "\n", "utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
