"""The active rules of a policy, built once for each version.

It asks for the version each time, which is cheap, and builds the tuple only when the version has changed.
Version and rules come from one policy. Only the last tuple is kept, because versions only go up.
"""

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
        self._version = 0
        self._rules = ()

    def __call__(self):
        """The active rules as of the last commit, in the order in which they were drafted.

        Raises:
            PolicyNotFoundError: There is no policy of this name.
        """
        policy = self._store.get(self._policy_id)
        if policy.version != self._version:
            entries = policy.rules.values()
            self._rules = tuple(rule for rule, status in entries if status is RuleStatus.ACTIVE)
            self._version = policy.version
        return self._rules
