"""Believes what it knows for a minute."""

from math import inf
from time import monotonic

from service_monitoring.domain.rules import RuleStatus

SECONDS = 60


class ActiveRules:
    """Gives the rules of a policy that decide."""

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id
        self._asked_at = -inf
        self._rules = ()

    def __call__(self):
        """The active rules."""
        if monotonic() - self._asked_at >= SECONDS:
            policy = self._store.get(self._policy_id)
            self._rules = tuple(rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE)
            self._asked_at = monotonic()
        return self._rules
