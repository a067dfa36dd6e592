"""What every sink says of a notification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from service_monitoring.application.queries import describe
from service_monitoring.boundary.secrets import redact

if TYPE_CHECKING:
    from service_monitoring.application.ports import Notification


def message(notification: Notification) -> dict[str, Any]:
    """A notification as plain data for JSON.

    Returns:
        `key`: the same whenever the same news comes again; `policy`; `correlation`; and `incident`, as
        `GET /v1/incidents` describes it.
    """
    return {
        "key": redact(notification.key),
        "policy": redact(notification.policy_id),
        "correlation": redact(notification.correlation),
        "incident": describe(notification.incident),
    }


def encode_message(notification: Notification) -> bytes:
    r"""The message as one line of JSON, without its line end.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from service_monitoring.application.ports import Notification
        >>> from service_monitoring.domain.incidents import Incident
        >>> from service_monitoring.domain.values import MetricName, Severity
        >>> at = datetime(2026, 11, 23, 9, tzinfo=UTC)
        >>> incident = Incident("busy", MetricName("cpu_busy_ratio"), Severity.CRITICAL, at).open(at)
        >>> print(encode_message(Notification("machine", incident, "4bf92f3577b34da6a3ce929d0e0e4736"))[:56])
        b'{"key":"machine/busy@20261123T090000.000000Z/open","poli'
    """
    return json.dumps(message(notification), separators=(",", ":")).encode()
