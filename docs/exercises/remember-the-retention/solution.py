"""The retention of a policy, kept together with the table of rules that it was computed from.

A change of a rule replaces the table by a new one. So the table is its own version: one comparison with `is`
tells whether it is still the policy's. While it is held, no other object can have its address. Copies share
the table until one of them changes a rule.
"""

from service_monitoring.domain.rules import RuleStatus


def retention(policy):
    """The widest window that an active rule reads, at least the lookback."""
    found_from, found = getattr(policy, "remembered", (None, None))
    if found_from is not policy.rules:
        active = [rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE]
        found = max((rule.condition.width(policy.lookback) for rule in active), default=policy.lookback)
        policy.remembered = (policy.rules, found)
    return found
