"""The policy file: TOML that a person writes, checked key by key."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from service_monitoring.boundary.durations import parse_duration
from service_monitoring.boundary.rejections import excerpt
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    Condition,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from pathlib import Path

SCHEMA = 1

T = TypeVar("T")


class PolicyFileError(ValueError):
    """A policy file says something that it may not; the message names file, place and what would be right."""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a policy file says.

    Attributes:
        policy: The policy's name.
        lookback: How long a sample stands for its metric.
        evaluation_interval: The time between two decisions.
        rules: The rules, in the order of the file.
    """

    policy: str
    lookback: timedelta
    evaluation_interval: timedelta
    rules: tuple[Rule, ...]


def load_policy_file(path: Path) -> PolicyFile:
    """Read and check a policy file.

    Raises:
        PolicyFileError: It is no TOML, or a key is missing, unknown or has a value that may not be.
        OSError: It can not be read.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{path}: byte {error.start + 1} is not UTF-8") from None
    except ValueError as error:  # TOMLDecodeError, and what int() raises for thousands of digits
        raise PolicyFileError(f"{path}: {error}") from None
    except RecursionError:
        raise PolicyFileError(f"{path}: nested too deeply") from None
    file = _Table(document, str(path))
    schema = file.take("schema", _integer)
    if schema != SCHEMA:
        raise PolicyFileError(f"{path}: schema is {schema}: must be {SCHEMA}")
    policy = PolicyFile(
        policy=file.take("policy", _name),
        lookback=file.take("lookback", _positive, "5m"),
        evaluation_interval=file.take("evaluation_interval", _positive, "15s"),
        rules=tuple(
            _rule(_Table(table, f"{path}: rule {number}"))
            for number, table in enumerate(file.take("rule", _tables, []), 1)
        ),
    )
    file.end()
    return policy


class _Table:
    """A TOML table that is read key by key, and complains about what nobody read."""

    def __init__(self, table: Mapping[str, Any], where: str = "") -> None:
        self.where = where
        self._left = dict(table)

    def take(self, key: str, read: Callable[[Any], T], default: object = None) -> T:
        value = self._left.pop(key, default)
        if value is None:
            raise self.error(f"{key} is missing")
        try:
            return read(value)
        except ValueError as error:
            raise self.error(f"{key}: {error}") from None

    def end(self) -> None:
        for key in self._left:
            raise self.error(f"unknown key {excerpt(key)}")

    def error(self, message: str) -> PolicyFileError:
        return PolicyFileError(f"{self.where}: {message}" if self.where else message)


def _rule(table: _Table) -> Rule:
    rule_id = table.take("id", _text)
    table.where += f" ({excerpt(rule_id)[1:-1]})"
    metric = table.take("metric", lambda value: MetricName(_text(value)))
    condition = table.take("condition", _condition)
    severity = table.take("severity", _severity)
    hold_for = table.take("hold_for", _duration, "0")
    keep_open_for = table.take("keep_open_for", _duration, "0")
    runbook = table.take("runbook", _text, "")
    table.end()
    try:
        return Rule(rule_id, metric, condition, severity, hold_for, keep_open_for, runbook)
    except ValueError as error:
        raise table.error(str(error)) from None


def _condition(value: object) -> Condition:
    if not isinstance(value, dict):
        raise ValueError(f"{excerpt(value)}: must be a table with a kind")  # noqa: TRY004 - a bad value of the file
    table = _Table(value)
    kind = table.take("kind", _text)
    read = _CONDITIONS.get(kind)
    if read is None:
        raise ValueError(f"kind is {excerpt(kind)}: must be one of {', '.join(_CONDITIONS)}")
    condition = read(table)
    table.end()
    return condition


_CONDITIONS: dict[str, Callable[[_Table], Condition]] = {
    "threshold": lambda table: Threshold(table.take("comparison", _comparison), table.take("limit", _number)),
    "consecutive": lambda table: ConsecutiveBreaches(
        table.take("comparison", _comparison), table.take("limit", _number), table.take("count", _integer)
    ),
    "rate": lambda table: RateOfChange(
        table.take("comparison", _comparison), table.take("limit", _number), table.take("window", _positive)
    ),
    "absence": lambda _: Absence(),
}


def _comparison(value: object) -> Comparison:
    try:
        return Comparison(value)
    except ValueError:
        raise ValueError(
            f"{excerpt(value)}: must be one of {' '.join(c.value for c in Comparison)}"
        ) from None


def _severity(value: object) -> Severity:
    names = {severity.name.lower(): severity for severity in Severity}
    severity = names.get(_text(value))
    if severity is None:
        raise ValueError(f"{excerpt(value)}: must be one of {', '.join(names)}")
    return severity


def _duration(value: object) -> timedelta:
    return parse_duration(_text(value))


def _positive(value: object) -> timedelta:
    duration = _duration(value)
    if not duration:
        raise ValueError("0: must be longer than 0")
    return duration


def _number(value: object) -> float:
    if type(value) is int or type(value) is float:
        try:
            return float(value)
        except OverflowError:
            pass
    raise ValueError(f"{excerpt(value)}: must be a finite number")


def _integer(value: object) -> int:
    if type(value) is int:
        return value
    raise ValueError(f"{excerpt(value)}: must be a whole number")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{excerpt(value)}: must be text in quotes")


def _name(value: object) -> str:
    name = _text(value)
    if name and name.isprintable():
        return name
    raise ValueError(f"{excerpt(name)}: must be a name in printable characters")


def _tables(value: object) -> list[Mapping[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise ValueError("must be written as [[rule]]")
