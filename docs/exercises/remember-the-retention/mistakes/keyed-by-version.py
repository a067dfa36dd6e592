"""Kept for as long as the version of the policy is the same."""

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """What was found for this version."""
    version, found = policy.__dict__.get("remembered", (None, None))
    if version != policy.version:
        version, found = policy.remembered = (policy.version, _find(policy))
    return found
