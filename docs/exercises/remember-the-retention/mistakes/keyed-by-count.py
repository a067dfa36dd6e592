"""Kept for as long as there are as many active rules."""

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """What was found for this number of rules."""
    count = sum(status is RuleStatus.ACTIVE for _, status in policy.rules.values())
    if policy.__dict__.get("counted") != count:
        policy.counted, policy.remembered = count, _find(policy)
    return policy.remembered
