"""Prometheus decides the same: the small differential of every check, and the exported rules."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from oracle.differential import MISSING, compare, promtool

from service_monitoring.boundary.alert_rules import alert_rules
from service_monitoring.boundary.policy_file import PolicyFile, load_policy_file
from service_monitoring.domain.conditions import Absence, Comparison, RateOfChange, Threshold
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.sources.shipped import MACHINE_POLICY

if TYPE_CHECKING:
    from pathlib import Path

RUNBOOKS = "https://runbooks.example"
METRIC = MetricName("busy")


@pytest.fixture
def tool() -> str:
    """Promtool, where it is installed."""
    found = promtool()
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.mark.usefixtures("tool")
@pytest.mark.parametrize("seed", [1, 2])
def test_every_decision_is_the_one_that_prometheus_makes(seed: int) -> None:
    """Pending and firing, at each of forty instants, over forty random series; none of it vacuous."""
    found, compared = compare(40, seed)
    assert found == []
    assert compared["firing"] > 500
    assert compared["pending"] > 150
    assert compared["inactive"] > 1_000


def check_rules(tool: str, folder: Path, text: str) -> None:
    """`promtool check rules` has nothing to say."""
    (folder / "rules.yml").write_text(text)
    done = subprocess.run(
        [tool, "check", "rules", "--lint-fatal", "rules.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shipped_policy_exports_rules_that_prometheus_accepts(tool: str, tmp_path: Path) -> None:
    """All but the rules that PromQL can not say, which are named."""
    policy = load_policy_file(MACHINE_POLICY)
    text, left_out = alert_rules(policy, RUNBOOKS)
    check_rules(tool, tmp_path, text)
    exported = [rule.id for rule in policy.rules if f"alert: {rule.id}\n" in text]
    assert sorted(exported + left_out) == sorted(rule.id for rule in policy.rules)
    assert exported
    assert left_out


def test_no_text_of_a_rule_breaks_out_of_its_string(tool: str, tmp_path: Path) -> None:
    """Quotes, line ends, colons and template braces stay what they are."""
    hostile = 'x"\n  - alert: injected\n    expr: "1\u2028: \\'
    rule = Rule("busy", METRIC, Threshold(Comparison.ABOVE, -1e300), Severity.INFO, runbook=hostile)
    text, _ = alert_rules(PolicyFile(hostile, timedelta(minutes=5), timedelta(seconds=15), (rule,)), RUNBOOKS)
    check_rules(tool, tmp_path, text)
    assert text.count("\n      - alert: ") == 1


def test_a_policy_of_rules_that_promql_can_not_say_exports_none(tool: str, tmp_path: Path) -> None:
    """An empty group, and the names of those left out."""
    rate = Rule("rate", METRIC, RateOfChange(Comparison.ABOVE, 1.0, timedelta(minutes=1)), Severity.INFO)
    text, left_out = alert_rules(
        PolicyFile("none", timedelta(minutes=5), timedelta(seconds=15), (rate,)), RUNBOOKS
    )
    check_rules(tool, tmp_path, text)
    assert left_out == ["rate"]


def test_absence_and_runbook_are_exported() -> None:
    """In PromQL's words, with the address of the runbook."""
    silent = Rule("silent", METRIC, Absence(), Severity.CRITICAL, timedelta(minutes=1), runbook="silent")
    text, _ = alert_rules(
        PolicyFile("machine", timedelta(minutes=5), timedelta(seconds=15), (silent,)), RUNBOOKS
    )
    assert text.splitlines() == [
        "groups:",
        '  - name: "machine"',
        "    interval: 15s",
        "    rules:",
        "      - alert: silent",
        '        expr: "absent(busy)"',
        "        for: 1m",
        "        keep_firing_for: 0s",
        "        labels: {severity: critical}",
        "        annotations:",
        '          summary: "busy absent"',
        '          runbook_url: "https://runbooks.example/silent"',
    ]
