"""A function where a class was asked for."""

from service_monitoring.domain.rules import RuleStatus


def active_rules(store, policy_id):
    """The active rules."""
    entries = store.get(policy_id).rules.values()
    return tuple(rule for rule, status in entries if status is RuleStatus.ACTIVE)
