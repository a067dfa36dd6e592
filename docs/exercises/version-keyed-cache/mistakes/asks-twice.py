"""Takes the rules from one policy and the version from the next."""

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
        if self._store.get(self._policy_id).version != self._version:
            policy = self._store.get(self._policy_id)
            self._rules = tuple(rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE)
            self._version = self._store.get(self._policy_id).version
        return self._rules
