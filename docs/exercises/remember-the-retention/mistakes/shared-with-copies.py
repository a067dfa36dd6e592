"""Kept by the name of the policy, and dropped where a rule changes."""

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


_KNOWN = {}


def retention(policy):
    """What was found for the policy of this name."""
    statuses = [status for _, status in policy.rules.values()]
    known = _KNOWN.get(policy.id)
    if known is None or known[0] != statuses:
        known = _KNOWN[policy.id] = (statuses, _find(policy))
    return known[1]
