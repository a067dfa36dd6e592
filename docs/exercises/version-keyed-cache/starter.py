"""The active rules of a policy, for a caller that asks all the time: built again each time."""

from service_monitoring.domain.rules import RuleStatus


class ActiveRules:
    """Gives the rules of a policy that decide.

    Args:
        store: Gives the committed policy by `get`, with its `version` and its `rules`.
        policy_id: The policy's name; it need not exist yet.
    """

    def __init__(self, store, policy_id):
        self._store = store
        self._policy_id = policy_id

    def __call__(self):
        """The active rules as of the last commit, in the order in which they were drafted.

        Raises:
            PolicyNotFoundError: There is no policy of this name.
        """
        policy = self._store.get(self._policy_id)
        return tuple(rule for rule, status in policy.rules.values() if status is RuleStatus.ACTIVE)
