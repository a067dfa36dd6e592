"""Everything that is not retired."""

from service_monitoring.domain.rules import RuleStatus


class ActiveRules:
    """Gives the rules of a policy that decide."""

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id
        self._version = 0
        self._rules = ()

    def __call__(self):
        """The active rules."""
        policy = self._store.get(self._policy_id)
        if policy.version != self._version:
            entries = policy.rules.values()
            self._rules = tuple(rule for rule, status in entries if status is not RuleStatus.RETIRED)
            self._version = policy.version
        return self._rules
