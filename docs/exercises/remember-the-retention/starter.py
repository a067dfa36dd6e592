"""The retention of a policy, computed again for each call."""

from service_monitoring.domain.rules import RuleStatus


def retention(policy):
    """The widest window that an active rule reads, at least the lookback.

    It replaces the property of `MonitoringPolicy`. A copy of the policy also copies its attributes.
    """
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)
