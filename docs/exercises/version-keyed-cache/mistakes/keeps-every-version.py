"""A dictionary by version."""

from service_monitoring.domain.rules import RuleStatus


class ActiveRules:
    """Gives the rules of a policy that decide."""

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id
        self._known = {}

    def __call__(self):
        """The active rules."""
        policy = self._store.get(self._policy_id)
        if policy.version not in self._known:
            entries = policy.rules.values()
            self._known[policy.version] = tuple(
                rule for rule, status in entries if status is RuleStatus.ACTIVE
            )
        return self._known[policy.version]
