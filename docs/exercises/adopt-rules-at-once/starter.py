"""Begin a policy with its rules: in as many steps as there are commands, as `Monitor.begin` does."""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """A new policy in which every one of these rules decides, or no policy at all.

    Args:
        store: Has no policy of this name.
        policy_id: The new policy's name.
        lookback: How long a sample stands for its metric.
        rules: To be drafted and activated, in their order.
        at: Dates all of it.

    Returns:
        The commit, with its events.

    Raises:
        PolicyError: Two of the rules have the same id or ask the same.
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
