"""Commits in any case, so that nothing gets lost."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """One commit, of whatever is there."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        try:
            for rule in rules:
                policy.draft(rule, at)
                policy.activate(rule.id, at)
        finally:
            commit = unit.commit()
    return commit
