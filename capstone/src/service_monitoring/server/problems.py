"""Problems: every answer that is no success, in one shape, with a reason code and its HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from service_monitoring.boundary.rejections import Reason, RequestReason
from service_monitoring.domain.window import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


Code = Reason | Refusal | RequestReason

_STATUSES: dict[Code, HTTPStatus] = {
    Reason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reason.BAD_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Reason.STALE_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Reason.REPLAYED_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Reason.TOO_MANY_SIGNATURES: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.TOO_OLD: HTTPStatus.CONFLICT,
    Refusal.SERIES_LIMIT: HTTPStatus.CONFLICT,
    Refusal.SAMPLE_LIMIT: HTTPStatus.CONFLICT,
    RequestReason.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    RequestReason.NOT_FOUND: HTTPStatus.NOT_FOUND,
    RequestReason.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    RequestReason.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestReason.INCOMPLETE: HTTPStatus.REQUEST_TIMEOUT,
    RequestReason.QUEUE_FULL: HTTPStatus.TOO_MANY_REQUESTS,
    RequestReason.STORE: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestReason.STOPPING: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestReason.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_RETRY_AFTER_SECONDS = {
    Reason.TOO_MANY_SIGNATURES: 300,
    RequestReason.QUEUE_FULL: 1,
    RequestReason.STORE: 5,
    RequestReason.STOPPING: 5,
}


def status_of(reason: Code) -> HTTPStatus:
    """The HTTP status of a reason: 400 where the body is wrong.

    Examples:
        >>> status_of(Reason.BAD_VALUE), status_of(RequestReason.QUEUE_FULL)
        (<HTTPStatus.BAD_REQUEST: 400>, <HTTPStatus.TOO_MANY_REQUESTS: 429>)
    """
    return _STATUSES.get(reason, HTTPStatus.BAD_REQUEST)


class Problem(Exception):  # noqa: N818 - what RFC 9457 calls it
    """A request is answered with a problem.

    Args:
        reason: The code.
        detail: What was wrong and what would be right; it shows nothing that is secret.
        headers: Further headers of the answer.
        members: Further members of its body.
    """

    def __init__(
        self, reason: Code, detail: str, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self._detail = detail
        self._headers = dict(headers or {})
        self._members = members

    def response(self) -> JSONResponse:
        """The answer, as RFC 9457 has it."""
        status = status_of(self.reason)
        headers = self._headers
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        if self.reason in _RETRY_AFTER_SECONDS:
            headers["Retry-After"] = str(_RETRY_AFTER_SECONDS[self.reason])
        body: dict[str, Any] = {
            "title": status.phrase,
            "status": status.value,
            "reason": self.reason.value,
            "detail": self._detail,
            **self._members,
        }
        return JSONResponse(body, status, headers, "application/problem+json")
