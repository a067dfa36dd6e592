"""One cache for everybody, by version."""

from service_monitoring.domain.rules import RuleStatus

_known = {}


class ActiveRules:
    """Gives the rules of a policy that decide."""

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id

    def __call__(self):
        """The active rules."""
        policy = self._store.get(self._policy_id)
        if policy.version not in _known:
            _known.clear()
            entries = policy.rules.values()
            _known[policy.version] = tuple(rule for rule, status in entries if status is RuleStatus.ACTIVE)
        return _known[policy.version]
