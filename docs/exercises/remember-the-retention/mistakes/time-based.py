"""Kept for a minute of decisions."""

from datetime import timedelta

from service_monitoring.domain.rules import RuleStatus


def _find(policy):
    active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
    return max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)


def retention(policy):
    """What was found at most a minute ago."""
    at, now = policy.__dict__.get("found_at"), policy.decided_at
    if "remembered" not in policy.__dict__ or (now and (at is None or now - at >= timedelta(minutes=1))):
        policy.remembered, policy.found_at = _find(policy), now
    return policy.remembered
