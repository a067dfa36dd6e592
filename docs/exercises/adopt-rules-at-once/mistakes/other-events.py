"""Drafts, and leaves it to an operator to activate."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """One commit of drafts."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
