"""The policy as Prometheus alert rules: the same decisions, for whoever runs Prometheus already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from service_monitoring.boundary.durations import format_duration
from service_monitoring.domain.conditions import Absence, Threshold

if TYPE_CHECKING:
    from service_monitoring.boundary.policy_file import PolicyFile
    from service_monitoring.domain.rules import Rule


class AlertRules(NamedTuple):
    """A rule file, and the ids of the rules that PromQL can not say."""

    text: str
    left_out: list[str]


def alert_rules(policy: PolicyFile, runbooks: str) -> AlertRules:
    """A policy as a file of Prometheus alert rules (YAML, Prometheus 2.42 or later).

    Thresholds and absence are said exactly. Two conditions have no twin in PromQL, and are left out and not
    approximated: it counts time and not samples, so "three samples in a row" can not be said; and its `rate`
    and `delta` extrapolate to the edges of their window, which ours does not.

    Args:
        policy: What is exported.
        runbooks: The address of the folder of runbooks, without a slash at its end.

    Source: <https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>.
    """
    lines = [
        "groups:",
        f"  - name: {json.dumps(policy.policy)}",
        f"    interval: {format_duration(policy.evaluation_interval)}",
        "    rules:",
    ]
    left_out = []
    for rule in policy.rules:
        expression = _expression(rule)
        if expression is None:
            left_out.append(rule.id)
        else:
            lines += _alert(rule, expression, runbooks)
    if len(left_out) == len(policy.rules):
        lines[-1] += " []"
    return AlertRules("\n".join(lines) + "\n", left_out)


def _expression(rule: Rule) -> str | None:
    match rule.condition:
        case Threshold(comparison, limit):
            return f"{rule.metric} {comparison.value} {float(limit)!r}"
        case Absence():
            return f"absent({rule.metric})"
    return None


def _alert(rule: Rule, expression: str, runbooks: str) -> list[str]:
    # A JSON string is a YAML string: nothing in a rule can end it early.
    lines = [
        f"      - alert: {rule.id}",
        f"        expr: {json.dumps(expression)}",
        f"        for: {format_duration(rule.hold_for)}",
        f"        keep_firing_for: {format_duration(rule.keep_open_for)}",
        f"        labels: {{severity: {rule.severity.name.lower()}}}",
        "        annotations:",
        f"          summary: {json.dumps(f'{rule.metric} {rule.condition}')}",
    ]
    if rule.runbook:
        lines.append(f"          runbook_url: {json.dumps(f'{runbooks}/{rule.runbook}')}")
    return lines
