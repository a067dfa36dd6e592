"""Rejections: the one way in which bytes fail to become domain values."""

from __future__ import annotations

from enum import StrEnum

from service_monitoring.boundary.secrets import conceal, redact

_SEARCHED = 1_000


class Reason(StrEnum):
    """Why an input was refused: a stable code for machines, documented one by one."""

    TOO_LARGE = "too_large"
    """More bytes than the limit: refused before anything is interpreted."""
    TOO_DEEP = "too_deep"
    """More brackets than any valid input can have: refused before anything is interpreted."""
    NOT_UTF8 = "not_utf8"
    """Not UTF-8."""
    NOT_JSON = "not_json"
    """Not one JSON value (RFC 8259): `NaN` and `Infinity` are no JSON either."""
    DUPLICATE_FIELD = "duplicate_field"
    """The same field twice in one object: RFC 8259 leaves open which one counts, so neither does."""
    NOT_AN_OBJECT = "not_an_object"
    """JSON, but no object."""
    NOT_AN_ARRAY = "not_an_array"
    """JSON, but no array where the samples must be."""
    MISSING_FIELD = "missing_field"
    """A field that must be there is not."""
    UNKNOWN_FIELD = "unknown_field"
    """A field that nobody defined."""
    BAD_METRIC = "bad_metric"
    """Not a metric name."""
    BAD_VALUE = "bad_value"
    """Not a finite number, or one of more digits than are read."""
    BAD_TIME = "bad_time"
    """Not an RFC 3339 instant, with seconds and its offset from UTC, in the years 1900 to 2999."""
    BAD_HEADER = "bad_header"
    """Not the header of a trace of a version that this release reads."""
    BAD_ACCEPT = "bad_accept"
    """Neither `all`, the whole batch or nothing of it, nor `each`, every sample that is right."""
    TOO_LONG = "too_long"
    """A string of more characters than are read."""
    TOO_MANY_SAMPLES = "too_many_samples"
    """More samples than one batch may have: send several."""
    TOO_MANY_SERIES = "too_many_series"
    """More different metrics than one batch may have."""
    TOO_NEW = "too_new"
    """Observed in the future, by more than clocks may differ."""
    BAD_SIGNATURE = "bad_signature"
    """No signature, or not that of this body with a known key."""
    STALE_SIGNATURE = "stale_signature"
    """Signed too long ago, or in the future."""
    REPLAYED_SIGNATURE = "replayed_signature"
    """A signature that was used before."""
    TOO_MANY_SIGNATURES = "too_many_signatures"
    """More signed requests than are remembered: a replay could not be told any more."""


class RequestReason(StrEnum):
    """Why a request was refused for what it is, and not for what is in its body."""

    UNAUTHORIZED = "unauthorized"
    """No bearer token, or another."""
    NOT_FOUND = "not_found"
    """Nothing is at this path."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path does not know this method."""
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    """The body is not said to be `application/json`, or it is compressed."""
    INCOMPLETE = "incomplete"
    """The body did not come whole in time."""
    QUEUE_FULL = "queue_full"
    """As many requests as may wait are waiting: try again."""
    STORE = "store"
    """The store can not be read or written now; nothing was kept: try again."""
    STOPPING = "stopping"
    """The service is shutting down; nothing was kept: try again."""
    INTERNAL = "internal"
    """A fault of the service: its log says more."""


class Rejected(ValueError):  # noqa: N818 - what the boundary says of an input
    """An input was refused whole, for one reason.

    Attributes:
        reason: The code.
        detail: Where it was, what was wrong and what would be right, in one line of printable ASCII. It shows
            at most 40 characters of what the client sent, for each part that it names, and never a secret.
        position: Where: `character 12`, `byte 7`, `samples[17].value`; empty where the whole input is meant.
    """

    def __init__(self, reason: Reason, detail: str, position: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.position = position

    def at(self, position: str) -> Rejected:
        """The same for a part of a larger input."""
        return Rejected(self.reason, f"{position}: {self.detail}", position)


def excerpt(value: object, length: int = 40) -> str:
    r"""A refused value as it may be shown: printable ASCII without secrets, cut after `length` characters.

    Examples:
        >>> print(excerpt("caf\u00e9"))
        'caf\xe9'
    """
    if isinstance(value, int | float | bool | None):
        text = redact(ascii(value))
    else:
        # A secret that is cut is not found; what only looks like one is searched for where it could be shown.
        text = ascii(redact(conceal(str(value))[:_SEARCHED])[: length + 1])
    return text if len(text) <= length else text[:length] + "..."
