"""Commands: what one can ask the service to do. Each is handled whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from service_monitoring.domain.rules import Rule
    from service_monitoring.domain.values import Sample


@dataclass(frozen=True, slots=True)
class CreatePolicy:
    """Begin with an empty policy."""

    lookback: timedelta


@dataclass(frozen=True, slots=True)
class DraftRule:
    """Write a rule down without letting it decide."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class ActivateRule:
    """Let a drafted rule decide."""

    rule_id: str


@dataclass(frozen=True, slots=True)
class RetireRule:
    """Stop a rule for good."""

    rule_id: str


@dataclass(frozen=True, slots=True)
class IngestSamples:
    """Keep samples for the decisions to come.

    Attributes:
        samples: In any order.
        whole: Keep all of them or none; otherwise those that the window admits.
    """

    samples: Sequence[Sample]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Decide every active rule at one instant."""

    at: datetime


Command = CreatePolicy | DraftRule | ActivateRule | RetireRule | IngestSamples | Evaluate
