"""Begin a policy with its rules, one commit for each step, as `Monitor.begin` does."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """Store a new policy in which all of these rules are active, or store nothing.

    Args:
        store: A store without a policy of this name.
        policy_id: The name of the new policy.
        lookback: How long a sample counts as the current value of its metric.
        rules: The rules to draft and activate, in this order.
        at: The time of all events.

    Returns:
        The last commit, with its events.

    Raises:
        PolicyError: Two of the rules have the same id or the same condition.
    """
    with store.unit_of_work() as unit:
        unit.policies.add(MonitoringPolicy(policy_id, lookback=lookback))
        commit = unit.commit()
    for rule in rules:
        with store.unit_of_work() as unit:
            unit.policies.get(policy_id).draft(rule, at)
            unit.commit()
        with store.unit_of_work() as unit:
            unit.policies.get(policy_id).activate(rule.id, at)
            commit = unit.commit()
    return commit
