"""Everything that is shared between copies, events and views can not be changed."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from service_monitoring.application.commands import (
    ActivateRule,
    Command,
    CreatePolicy,
    DraftRule,
    Evaluate,
    IngestSamples,
    RetireRule,
)
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
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
from service_monitoring.domain.incidents import Incident
from service_monitoring.domain.policy import RuleEntry
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Sample, Severity

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
METRIC = MetricName("cpu_busy_ratio")
SAMPLE = Sample(METRIC, 0.5, AT)
CONDITIONS: list[Condition] = [
    Threshold(Comparison.ABOVE, 0.9),
    ConsecutiveBreaches(Comparison.ABOVE, 0.9, 3),
    RateOfChange(Comparison.ABOVE, 0.9, timedelta(minutes=1)),
    Absence(),
]
RULE = Rule("cpu-busy", METRIC, CONDITIONS[0], Severity.WARNING)
INCIDENT = Incident.begin(RULE, AT)
EVENTS: list[Event] = [
    RuleDrafted(RULE, AT),
    RuleActivated(RULE.id, AT),
    RuleRetired(RULE.id, AT),
    IncidentPending(INCIDENT, AT),
    IncidentForgotten(INCIDENT, AT),
    IncidentOpened(INCIDENT, AT),
    IncidentResolved(INCIDENT, AT),
]
COMMANDS: list[Command] = [
    CreatePolicy(timedelta(minutes=5)),
    DraftRule(RULE),
    ActivateRule(RULE.id),
    RetireRule(RULE.id),
    IngestSamples((SAMPLE,)),
    Evaluate(AT),
]
VALUES: list[Any] = [SAMPLE, RULE, INCIDENT, *CONDITIONS, *EVENTS, *COMMANDS]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_can_not_be_changed(value: Any) -> None:
    """No attribute of a value can be set, deleted or added."""
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(value, field.name)
    # What a frozen class with slots raises for a new name is TypeError in some versions of Python.
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
        value.surprise = 1


@pytest.mark.parametrize("value", [METRIC, RULE.signature, RuleEntry(RULE, RuleStatus.DRAFT)], ids=repr)
def test_names_signatures_and_entries_can_not_be_changed(value: Any) -> None:
    """The values that are tuples and strings take no attributes either."""
    with pytest.raises(AttributeError):
        value.metric = "other"


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_equal_by_content_and_hashable(value: Any) -> None:
    """Two values with the same content are one value."""
    twin = dataclasses.replace(value)
    assert twin is not value
    assert twin == value
    assert hash(twin) == hash(value)


def test_every_event_and_every_command_is_in_these_tests() -> None:
    """A new event or command can not be forgotten here."""
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert {type(command) for command in COMMANDS} == set(get_args(Command))


def test_every_condition_fills_the_protocol() -> None:
    """The strategies are interchangeable."""
    assert all(isinstance(condition, Condition) for condition in CONDITIONS)
