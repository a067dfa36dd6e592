"""The retention of a policy, found anew for everybody who asks."""

from service_monitoring.domain.rules import RuleStatus


def retention(policy):
    """The widest window that an active rule reads, at least the lookback.

    Takes the place of the property of `MonitoringPolicy`. What you keep as an attribute of the policy, its
    copies take along.
    """
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)
