"""The monitoring policy: the aggregate root that owns every rule, every decision and every incident.

Nothing else in the service changes what a rule is or what state an incident is in. Projections, caches and
views are derived from the events that the policy records, and can be thrown away.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service_monitoring.domain.conditions import Verdict
from service_monitoring.domain.events import (
    Event,
    IncidentForgotten,
    IncidentOpened,
    IncidentPending,
    IncidentResolved,
    RuleActivated,
    RuleDrafted,
    RuleRetired,
)
from service_monitoring.domain.incidents import Incident, IncidentState, Resolution
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service_monitoring.domain.rules import Signature
    from service_monitoring.domain.window import SampleWindow

DEFAULT_LOOKBACK = timedelta(minutes=5)
"""How long a sample stands for its metric: Prometheus's default (`--query.lookback-delta`)."""
MAX_RULES = 10_000

_MICROSECOND = timedelta(microseconds=1)


class PolicyError(ValueError):
    """A command asked for something that the policy does not allow; the policy is unchanged."""


class RuleEntry(NamedTuple):
    """A rule and where it is in its life."""

    rule: Rule
    status: RuleStatus


class MonitoringPolicy:
    """Owns the lifecycle of rules (draft, active, retired) and of incidents (pending, open, resolved).

    Copies share everything until one of them changes something, and then that one alone pays for what it
    changes: [`copy`][service_monitoring.domain.policy.MonitoringPolicy.copy] is what makes rollback true.

    Args:
        id: The policy's name.
        lookback: How long a sample stands for its metric.

    Attributes:
        version: How many commits the policy has seen; the storage counts it up (optimistic concurrency).

    Examples:
        >>> from datetime import UTC, datetime
        >>> from service_monitoring.domain.conditions import Absence
        >>> from service_monitoring.domain.values import MetricName, Severity
        >>> rule = Rule("silent", MetricName("up"), Absence(), Severity.CRITICAL)
        >>> policy = MonitoringPolicy("machine")
        >>> policy.draft(rule, at=datetime(2026, 11, 23, tzinfo=UTC))
        >>> policy.rules["silent"].status
        <RuleStatus.DRAFT: 'draft'>
    """

    def __init__(self, id: str, *, lookback: timedelta = DEFAULT_LOOKBACK) -> None:  # noqa: A002 - as on Rule
        if lookback <= timedelta(0):
            raise ValueError(f"lookback is {lookback}: must be longer than 0")
        self.id = id
        self.lookback = lookback
        self.version = 0
        self._lookback = lookback // _MICROSECOND
        self._rules: dict[str, RuleEntry] = {}
        self._active: dict[Signature, Rule] = {}
        self._incidents: dict[str, Incident] = {}
        self._decided_at: datetime | None = None
        self._events: list[Event] = []
        self._shares_incidents = False

    @classmethod
    def restore(  # noqa: PLR0913 - everything that a policy is, and nothing twice
        cls,
        id: str,  # noqa: A002 - as on Rule
        *,
        lookback: timedelta,
        version: int,
        rules: Iterable[RuleEntry],
        incidents: Iterable[Incident],
        decided_at: datetime | None,
    ) -> MonitoringPolicy:
        """The policy that a store wrote down, as it was; nothing is recorded."""
        policy = cls(id, lookback=lookback)
        policy.version = version
        policy._rules = {entry.rule.id: entry for entry in rules}
        policy._active = {
            rule.signature: rule for rule, status in policy._rules.values() if status is RuleStatus.ACTIVE
        }
        policy._incidents = {incident.rule_id: incident for incident in incidents}
        policy._decided_at = decided_at
        return policy

    def copy(self) -> MonitoringPolicy:
        """A policy that decides the same and can be changed or thrown away without this one noticing."""
        twin = object.__new__(MonitoringPolicy)
        twin.__dict__.update(self.__dict__)
        twin._events = []
        twin._shares_incidents = self._shares_incidents = True
        return twin

    @property
    def rules(self) -> Mapping[str, RuleEntry]:
        """Every rule ever drafted, by id."""
        return self._rules

    @property
    def incidents(self) -> Mapping[str, Incident]:
        """The pending and open incidents, by rule id: at most one for each rule."""
        return self._incidents

    @property
    def decided_at(self) -> datetime | None:
        """The instant of the last decision."""
        return self._decided_at

    @property
    def retention(self) -> timedelta:
        """The widest window that an active rule reads, at least the lookback."""
        return max((r.condition.width(self.lookback) for r in self._active.values()), default=self.lookback)

    def draft(self, rule: Rule, at: datetime) -> None:
        """Write a rule down.

        Raises:
            PolicyError: The id is taken, or the policy is full.
        """
        if rule.id in self._rules:
            raise PolicyError(
                f"rule {rule.id} exists already: a rule's definition never changes, draft a new id"
            )
        if len(self._rules) >= MAX_RULES:
            raise PolicyError(f"the policy holds {MAX_RULES} rules already: that is the limit")
        self._rules = {**self._rules, rule.id: RuleEntry(rule, RuleStatus.DRAFT)}
        self._events.append(RuleDrafted(rule, at))

    def activate(self, rule_id: str, at: datetime) -> None:
        """Let a drafted rule decide.

        Raises:
            PolicyError: There is no such draft, or an active rule asks the same.
        """
        rule = self._rule(rule_id, RuleStatus.DRAFT, "activated")
        twin = self._active.get(rule.signature)
        if twin is not None:
            raise PolicyError(
                f"rule {rule_id} asks what the active rule {twin.id} asks: {rule.metric} {rule.condition}"
            )
        self._rules = {**self._rules, rule_id: RuleEntry(rule, RuleStatus.ACTIVE)}
        self._active = {**self._active, rule.signature: rule}
        self._events.append(RuleActivated(rule_id, at))

    def retire(self, rule_id: str, at: datetime) -> None:
        """Stop an active rule for good; its incident, if open, is resolved and says so.

        Raises:
            PolicyError: There is no such active rule.
        """
        rule = self._rule(rule_id, RuleStatus.ACTIVE, "retired")
        self._rules = {**self._rules, rule_id: RuleEntry(rule, RuleStatus.RETIRED)}
        self._active = {s: r for s, r in self._active.items() if r is not rule}
        self._events.append(RuleRetired(rule_id, at))
        incident = self._incidents.get(rule_id)
        if incident is not None:
            self._end(incident, at, Resolution.RULE_RETIRED)

    def evaluate(self, samples: SampleWindow, at: datetime) -> None:
        """Decide every active rule at one instant.

        Decides as Prometheus does for the same rule: a true condition becomes pending, then open when it has
        been true for `hold_for`; a pending one that clears is forgotten; an open one resolves when it has
        been false for `keep_open_for`. Source: Prometheus, `rules/alerting.go`, `AlertingRule.Eval`.

        Raises:
            PolicyError: A decision at this instant or a later one was made already.
        """
        if self._decided_at is not None and at <= self._decided_at:
            raise PolicyError(f"decided at {self._decided_at} already: can not decide at {at}")
        self._decided_at = at
        instant, lookback, incidents = microseconds(at), self._lookback, self._incidents
        for rule in self._active.values():
            verdict = rule.condition.verdict(samples.series(rule.metric), instant, lookback)
            incident = incidents.get(rule.id)
            if verdict is Verdict.TRUE:
                self._confirm(rule, incident, at)
            elif incident is not None:
                self._doubt(rule, incident, verdict, at)

    @property
    def recorded(self) -> Sequence[Event]:
        """The events that `collect_events` will hand out."""
        return tuple(self._events)

    def collect_events(self) -> list[Event]:
        """The events recorded since the last call, in order; they are handed out once."""
        events, self._events = self._events, []
        return events

    def _confirm(self, rule: Rule, incident: Incident | None, at: datetime) -> None:
        if incident is None:
            incident = Incident.begin(rule, at)
            self._put(incident)
            self._events.append(IncidentPending(incident, at))
        if incident.state is IncidentState.PENDING:
            if at - incident.pending_since >= rule.hold_for:
                incident = incident.open(at)
                self._put(incident)
                self._events.append(IncidentOpened(incident, at))
        elif incident.keeping_since is not None:
            self._put(incident.keep(None))

    def _doubt(self, rule: Rule, incident: Incident, verdict: Verdict, at: datetime) -> None:
        if incident.state is IncidentState.OPEN:
            if incident.keeping_since is None:
                incident = incident.keep(at)
                self._put(incident)
            if incident.keeping_since is not None and at - incident.keeping_since < rule.keep_open_for:
                return
        self._end(incident, at, Resolution.CLEARED if verdict is Verdict.FALSE else Resolution.NO_DATA)

    def _end(self, incident: Incident, at: datetime, why: Resolution) -> None:
        del self._own_incidents()[incident.rule_id]
        if incident.state is IncidentState.PENDING:
            self._events.append(IncidentForgotten(incident, at))
        else:
            self._events.append(IncidentResolved(incident.resolve(at, why), at))

    def _put(self, incident: Incident) -> None:
        self._own_incidents()[incident.rule_id] = incident

    def _own_incidents(self) -> dict[str, Incident]:
        # Copies of this policy share the dict: the first change after a copy takes one of its own.
        if self._shares_incidents:
            self._incidents = dict(self._incidents)
            self._shares_incidents = False
        return self._incidents

    def _rule(self, rule_id: str, expected: RuleStatus, verb: str) -> Rule:
        entry = self._rules.get(rule_id)
        if entry is None:
            raise PolicyError(f"there is no rule {rule_id[:70]!a}")
        if entry.status is not expected:
            raise PolicyError(
                f"rule {rule_id} is {entry.status}: only a rule that is {expected} can be {verb}"
            )
        return entry.rule
