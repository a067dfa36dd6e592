"""Signals: what the service says of itself, as facts; adapters make them log lines, metrics and spans.

A fact about a command is told after its commit, or after its refusal, and never before: a signal says that
something happened if and only if it did.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_monitoring.domain.events import Event
    from service_monitoring.domain.window import Refusal


class Refused(StrEnum):
    """Why a command left no trace."""

    POLICY = "policy"
    """The policy does not allow it."""
    NOT_FOUND = "not_found"
    """There is no such policy."""
    CONFLICT = "conflict"
    """Somebody else was first."""
    SAMPLES = "samples"
    """The window would not keep the whole batch."""
    STORE = "store"
    """The store could not be read or written."""


@dataclass(frozen=True, slots=True)
class CommandCommitted:
    """A command was committed.

    Attributes:
        command: The command's name, one of a closed set.
        correlation: Names the work that this belongs to, from request to notification.
        seconds: From the command's arrival to the end of its commit.
        events: What it made true, in order.
        samples: How many samples it kept.
        refused: How many samples the window refused, by reason.
        root: Whether the work began here: nobody had named the correlation before.
    """

    command: str
    correlation: str
    seconds: float
    events: Sequence[Event]
    samples: int
    refused: Counter[Refusal]
    root: bool


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A command was refused and left no trace.

    Attributes:
        why: What stood against it.
        refused: How many samples the window refused, by reason, when that was why.
        root: Whether the work began here: nobody had named the correlation before.
    """

    command: str
    correlation: str
    seconds: float
    why: Refused
    refused: Counter[Refusal]
    root: bool


@dataclass(frozen=True, slots=True)
class NotificationDelivered:
    """A sink took a notification."""

    sink: str
    key: str
    correlation: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NotificationFailed:
    """A sink did not take a notification.

    Attributes:
        error: The name of the error's type: its text may quote what it should not.
        attempts: How often it was tried by now.
        dead: Whether it will not be tried again.
    """

    sink: str
    key: str
    correlation: str
    seconds: float
    error: str
    attempts: int
    dead: bool


@dataclass(frozen=True, slots=True)
class RequestHandled:
    """The HTTP edge answered a request.

    Attributes:
        route: The route's template, never the path that was asked for.
        status: The HTTP status of the answer.
        reason: The reason code of a rejection; empty when there was none.
        rejected: How many samples of a batch that was taken in part were rejected, by reason code.
    """

    route: str
    status: int
    reason: str
    correlation: str
    seconds: float
    rejected: Counter[str] = field(default_factory=Counter)


Signal = CommandCommitted | CommandRefused | NotificationDelivered | NotificationFailed | RequestHandled


def new_correlation() -> str:
    """A name for a piece of work that nobody named: 32 hexadecimal digits, as W3C Trace Context has it."""
    return uuid4().hex
