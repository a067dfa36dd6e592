"""Structured log lines: one JSON object a line, through the standard library's `logging`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from http import HTTPStatus
from re import sub
from typing import TYPE_CHECKING

from service_monitoring.application.signals import (
    CommandCommitted,
    CommandRefused,
    NotificationFailed,
    RequestHandled,
)
from service_monitoring.boundary.secrets import redact
from service_monitoring.signals.description import describe

if TYPE_CHECKING:
    from service_monitoring.application.signals import Signal


class JsonFormatter(logging.Formatter):
    """One JSON object for each record: time (RFC 3339, UTC), level, event, and the fields of its signal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {
            "time": f"{at[:-6]}Z",
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
        }
        return json.dumps(head | getattr(record, "fields", {}))


class LogSignals:
    """`Signals` as records of a logger: what was refused is a warning, what was given up an error.

    Most lines are at debug: a command or a request that did as it was told and changed no incident.

    Args:
        logger: Takes the records; its handlers write them, with a `JsonFormatter`.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def emit(self, signal: Signal) -> None:
        """Log it, when the logger's level asks for it."""
        level = _level(signal)
        if self._logger.isEnabledFor(level):
            event = sub(r"(?<!^)([A-Z])", r"_\1", type(signal).__name__).lower()
            found = {"correlation": redact(signal.correlation)} | describe(signal)
            self._logger.log(level, event, extra={"fields": found})


def _level(signal: Signal) -> int:
    match signal:
        case NotificationFailed(dead=True):
            return logging.ERROR
        case CommandRefused() | NotificationFailed():
            return logging.WARNING
        case CommandCommitted(refused=refused) if refused:
            return logging.WARNING
        case RequestHandled(status=status, rejected=rejected) if rejected or status >= HTTPStatus.BAD_REQUEST:
            return logging.WARNING
        case RequestHandled() | CommandCommitted(events=[]):
            return logging.DEBUG
    return logging.INFO
