"""The retention of a policy, kept together with the table of rules that it was found from.

A change of a rule puts another table in the place of the old one. So the table is its own version: whoever
holds it can ask, for the price of one comparison, whether it is still the policy's, and as long as it is held
no other can have its address. Copies share it until one of them changes a rule.
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
