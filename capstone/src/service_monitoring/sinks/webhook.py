"""Notifications as HTTP requests."""

from __future__ import annotations

import re
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes, urlsplit

from service_monitoring.boundary.signatures import sign
from service_monitoring.sinks.message import encode_message

if TYPE_CHECKING:
    from service_monitoring.application.ports import Clock, Notification
    from service_monitoring.boundary.secrets import Secret

_SCHEMES = {"http": HTTPConnection, "https": HTTPSConnection}
_is_trace_id = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch


class WebhookError(RuntimeError):
    """The webhook did not take a notification; the message tells nothing of its address."""


class WebhookSink:
    """`Sink` that posts the message as JSON; any answer but 2xx is a failure, a redirect too.

    The request carries `Idempotency-Key`, the message's key as a URL writes it; `traceparent`, when the
    correlation is a trace id; and `X-Signature`, when there is a key to sign with.

    Args:
        url: Where to: `http` or `https`. All of it is secret, since such addresses carry tokens. What stands
            before `@` is sent as basic authentication.
        clock: Dates the signatures.
        signing_key: Shared with the receiver, which verifies as
            [`Verifier`][service_monitoring.boundary.signatures.Verifier] does.
        timeout_seconds: How long connecting, sending and each wait for the answer may take.
        name: The sink's name.

    Raises:
        ValueError: The URL is none, or of another scheme.
    """

    def __init__(
        self,
        url: Secret,
        clock: Clock,
        *,
        signing_key: Secret | None = None,
        timeout_seconds: float = 10.0,
        name: str = "webhook",
    ) -> None:
        if not _is_web_address(url):
            raise ValueError("not the URL of a webhook: write it like https://host/path")
        self._url = url
        self._clock = clock
        self._signing_key = signing_key
        self._timeout = timeout_seconds
        self.name = name

    def deliver(self, notification: Notification) -> None:
        """Post it.

        Raises:
            WebhookError: There was no answer, or none that says it was taken.
        """
        body = encode_message(notification)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": quote(notification.key, safe="/@:."),
        }
        if _is_trace_id(trace := notification.correlation):
            # The parent is the root span of the correlation: the right half of the trace id, never zero.
            parent = trace[16:] if int(trace[16:], 16) else f"{1:016x}"
            headers["traceparent"] = f"00-{trace}-{parent}-01"
        if self._signing_key is not None:
            headers["X-Signature"] = sign(body, self._signing_key, self._clock.now())
        try:
            outcome = self._post(body, headers)
        except (OSError, HTTPException) as error:
            outcome = type(error).__name__
        # Raised here and not above: a chained error would carry frames that hold the address.
        if outcome:
            raise WebhookError(f"{self.name}: {outcome}")

    def _post(self, body: bytes, headers: dict[str, str]) -> str:
        parts = urlsplit(self._url.reveal())
        user, _, _ = parts.netloc.rpartition("@")
        if user:
            headers["Authorization"] = "Basic " + b64encode(unquote_to_bytes(user)).decode()
        connection = _SCHEMES[parts.scheme](parts.hostname or "", parts.port, timeout=self._timeout)
        try:
            query = f"?{parts.query}" if parts.query else ""
            connection.request("POST", (parts.path or "/") + query, body, headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"answered {status}"  # noqa: PLR2004 - what 2xx means


def _is_web_address(url: Secret) -> bool:
    try:
        parts = urlsplit(url.reveal())
        return (
            re.fullmatch("[!-~]+", url.reveal()) is not None
            and parts.scheme in _SCHEMES
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:  # a port that is none, or half of an IPv6 address
        return False
