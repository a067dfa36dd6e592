"""Rejections: the one way in which bytes fail to become domain values."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why an input was refused: a stable code for machines, documented one by one."""

    TOO_LARGE = "too_large"
    """More bytes than the limit: refused before anything is interpreted."""
    TOO_DEEP = "too_deep"
    """More brackets than any valid input can have."""
    NOT_UTF8 = "not_utf8"
    """Not UTF-8."""
    NOT_JSON = "not_json"
    """Not one JSON value (RFC 8259): `NaN` and `Infinity` are no JSON either."""
    DUPLICATE_FIELD = "duplicate_field"
    """The same field twice in one object: RFC 8259 leaves open which one counts, so neither does."""
    NOT_AN_OBJECT = "not_an_object"
    """JSON, but no object."""
    MISSING_FIELD = "missing_field"
    """A field that must be there is not."""
    UNKNOWN_FIELD = "unknown_field"
    """A field that nobody defined."""
    BAD_METRIC = "bad_metric"
    """Not a metric name."""
    BAD_VALUE = "bad_value"
    """Not a finite number, or a whole number of more than 40 characters."""
    BAD_TIME = "bad_time"
    """Not an RFC 3339 instant, with seconds and its offset from UTC, in the years 1900 to 2999."""
    BAD_HEADER = "bad_header"
    """Not the header of a trace of a version that this release reads."""


class Rejected(ValueError):  # noqa: N818 - what the boundary says of an input
    """An input was refused whole, for one reason.

    Attributes:
        reason: The code.
        detail: What was wrong and what would be right, in one line without control characters.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def excerpt(value: object, length: int = 40) -> str:
    r"""A short, printable picture of a refused value: ASCII, escaped, cut after `length` characters.

    Examples:
        >>> print(excerpt("caf\u00e9"))
        'caf\xe9'
    """
    text = ascii(value if isinstance(value, int | float | bool | None) else str(value)[: length + 1])
    return text if len(text) <= length else text[:length] + "..."
