"""Found again when the policy has news of a rule."""

from service_monitoring.domain.events import RuleActivated, RuleRetired
from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """What was found when the last rule changed."""
    news = any(isinstance(event, RuleActivated | RuleRetired) for event in policy.recorded)
    if news or "remembered" not in policy.__dict__:
        policy.remembered = _find(policy)
    return policy.remembered
