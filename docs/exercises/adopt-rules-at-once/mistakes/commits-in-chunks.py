"""Commits five rules at a time, so that no transaction gets long."""

from service_monitoring.domain.policy import MonitoringPolicy

CHUNK = 5


def adopt(store, policy_id, lookback, rules, at):
    """The last of several commits."""
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy(policy_id, lookback=lookback))
        commit = unit.commit()
    for start in range(0, len(rules), CHUNK):
        with store.unit_of_work() as unit:
            policy = unit.policies.get(policy_id)
            for rule in rules[start : start + CHUNK]:
                policy.draft(rule, at)
                policy.activate(rule.id, at)
            commit = unit.commit()
    return commit
