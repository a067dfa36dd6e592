"""Kept by what the rules are, for as long as the program runs."""

from functools import cache

from service_monitoring.domain.rules import RuleStatus


@cache
def _widest(lookback, active):
    return max((rule.condition.width(lookback) for rule in active), default=lookback)


def retention(policy):
    """What was found for these rules, whenever that was."""
    return _widest(
        policy.lookback, tuple(rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE)
    )
