"""Found once, as `cached_property` would."""

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """What was found first."""
    if "remembered" not in policy.__dict__:
        policy.remembered = _find(policy)
    return policy.remembered
