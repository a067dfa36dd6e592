"""Hands out the policy."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """One commit, and nobody learns what it made true."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
        policy.activate(rule.id, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        unit.commit()
    return policy
