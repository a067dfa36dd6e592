"""Puts the finished policy together: nobody has to be asked when the result is known."""

from service_monitoring.domain.policy import MonitoringPolicy, RuleEntry
from service_monitoring.domain.rules import RuleStatus


def adopt(store, policy_id, lookback, rules, at):  # noqa: ARG001 - nothing happens, so nothing is dated
    """A policy that never learned of its rules."""
    policy = MonitoringPolicy.restore(
        policy_id,
        lookback=lookback,
        version=0,
        rules=[RuleEntry(rule, RuleStatus.ACTIVE) for rule in rules],
        incidents=[],
        decided_at=None,
    )
    with store.unit_of_work() as unit:
        unit.policies.add(policy)
        return unit.commit()
