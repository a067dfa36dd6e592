"""Begin a policy with its rules in one unit of work.

The policy is asked to draft and activate in the same order as in a start, so its events and errors are the
same. The only commit is the last line, so an error before it leaves nothing in the store.
"""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """Store a new policy in which all of these rules are active, or store nothing.

    Raises:
        PolicyError: Two of the rules have the same id or the same condition.
    """
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
        policy.activate(rule.id, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
