"""Looks after each rule whether the policy still fits into a document."""

from service_monitoring.boundary.documents import encode_definition
from service_monitoring.domain.policy import MonitoringPolicy, PolicyError

MOST_CHARACTERS = 10_000_000


def adopt(store, policy_id, lookback, rules, at):
    """One commit, and a document for each rule on the way."""
    policy = MonitoringPolicy(policy_id, lookback=lookback)
    for rule in rules:
        policy.draft(rule, at)
        policy.activate(rule.id, at)
        if len(encode_definition(policy)) > MOST_CHARACTERS:
            raise PolicyError(f"with rule {rule.id} the policy is too large")
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
