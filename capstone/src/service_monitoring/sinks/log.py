"""Notifications as log lines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from service_monitoring.domain.incidents import IncidentState
from service_monitoring.sinks.message import message

if TYPE_CHECKING:
    from service_monitoring.application.ports import Notification


class LogSink:
    """`Sink` that writes one record: an open incident is a warning, a resolved one is information.

    `logging` does not tell whether a handler wrote the record: what it loses is not delivered again.

    Args:
        logger: Takes the records. A `JsonFormatter` writes the whole message, any other formatter its key.
        name: The sink's name.
    """

    def __init__(self, logger: logging.Logger, name: str = "log") -> None:
        self._logger = logger
        self.name = name

    def deliver(self, notification: Notification) -> None:
        """Log it."""
        state = notification.incident.state
        level = logging.WARNING if state is IncidentState.OPEN else logging.INFO
        said = message(notification)
        self._logger.log(level, "incident %s: %s", state.value, said["key"], extra={"fields": said})
