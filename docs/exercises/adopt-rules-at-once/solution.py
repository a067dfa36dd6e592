"""Begin a policy with its rules in one unit of work.

The aggregate is asked the same questions in the same order, so its events and its refusals are the same. Only
the commit is another: it is the last line, and whoever raises before it leaves nothing.
"""

from service_monitoring.domain.policy import MonitoringPolicy


def adopt(store, policy_id, lookback, rules, at):
    """A new policy in which every one of these rules decides, or no policy at all.

    Raises:
        PolicyError: Two of the rules have the same id or ask the same.
    """
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
        policy.activate(rule.id, at)
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
