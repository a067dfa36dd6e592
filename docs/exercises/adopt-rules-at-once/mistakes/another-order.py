"""Drafts everything, then activates everything."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """One commit, two loops."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
    for rule in rules:
        policy.activate(rule.id, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
