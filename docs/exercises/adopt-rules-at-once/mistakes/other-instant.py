"""Dates each step when it happens."""

from datetime import UTC, datetime

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):  # noqa: ARG001 - that is the mistake
    """One commit, by a clock of its own."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, datetime.now(UTC))
        policy.activate(rule.id, datetime.now(UTC))
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
