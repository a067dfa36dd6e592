"""Widened by whatever is activated."""

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """The widest that there ever was."""
    if policy.rules is not policy.__dict__.get("seen"):
        policy.seen = policy.rules
        policy.remembered = max(_find(policy), policy.__dict__.get("remembered", policy.lookback))
    return policy.remembered
