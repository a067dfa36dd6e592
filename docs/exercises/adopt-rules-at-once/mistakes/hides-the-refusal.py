"""Goes on without a rule that is refused."""

from contextlib import suppress

from service_monitoring.domain.policy import MonitoringPolicy, PolicyError


def adopt(store, policy_id, lookback, rules, at):
    """One commit, of what was allowed."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        with suppress(PolicyError):
            policy.draft(rule, at)
            policy.activate(rule.id, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
