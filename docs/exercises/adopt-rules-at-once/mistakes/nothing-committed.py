"""Leaves the unit of work before anything counts."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """The policy, staged."""
    with store.unit_of_work() as unit:
        policy = MonitoringPolicy(policy_id, lookback=lookback)
        unit.policies.add(policy)
        for rule in rules:
            policy.draft(rule, at)
            policy.activate(rule.id, at)
    return policy
