"""Hands out the same tuple as long as the rules are equal, and builds a new one each time to find out."""

from service_monitoring.domain.rules import RuleStatus


class ActiveRules:
    """Gives the rules of a policy that decide."""

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id
        self._rules = ()

    def __call__(self):
        """The active rules as of the last commit."""
        entries = self._store.get(self._policy_id).rules.values()
        rules = tuple(rule for rule, status in entries if status is RuleStatus.ACTIVE)
        if rules != self._rules:
            self._rules = rules
        return self._rules
