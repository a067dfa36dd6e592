"""The codec between JSON bytes and samples: every line becomes one sample or one rejection."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from service_monitoring.boundary.rejections import Reason, Rejected, excerpt
from service_monitoring.boundary.secrets import conceal
from service_monitoring.domain.values import MetricName, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_LINE_BYTES = 4_096
MAX_BRACKETS = 16
MAX_NUMBER_CHARACTERS = 40

_SAMPLE_FIELDS = frozenset({"metric", "value", "observed_at"})
_JSON_SPACE = " \t\r\n"  # what str.strip() takes beyond that is not JSON
# RFC 3339 in the centuries that decisions can be made in: fromisoformat reads more, in later versions of
# Python more again, and near the years 1 and 9999 arithmetic with instants overflows.
is_instant = re.compile(
    r"(?:19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch


def encode_sample(sample: Sample) -> bytes:
    """One sample as one line of JSON, without its line end.

    Examples:
        >>> from datetime import UTC, datetime
        >>> encode_sample(Sample(MetricName("up"), 1.0, datetime(2026, 11, 23, tzinfo=UTC)))
        b'{"metric":"up","value":1.0,"observed_at":"2026-11-23T00:00:00.000Z"}'
    """
    at = sample.observed_at
    precision = "microseconds" if at.microsecond % 1000 else "milliseconds"
    instant = at.replace(tzinfo=None).isoformat(timespec=precision)
    return f'{{"metric":"{sample.metric}","value":{sample.value!r},"observed_at":"{instant}Z"}}'.encode()


class SampleDecoder:
    """Decodes lines into samples.

    It remembers the metric names it has met, up to `max_names`, so that a name is validated once and
    held once however many samples carry it.
    """

    def __init__(self, max_names: int = 1_000) -> None:
        self._names: dict[str, MetricName] = {}
        self._max_names = max_names

    def decode(self, line: bytes) -> Sample:
        """One sample from one line of JSON.

        Raises:
            Rejected: The line is not exactly one valid sample; nothing else is ever raised.

        Examples:
            >>> decode = SampleDecoder().decode
            >>> decode(b'{"metric":"up","value":1,"observed_at":"2026-11-23T00:00:00Z"}').value
            1.0
            >>> decode(b'{"metric":"up","value":1e999,"observed_at":"2026-11-23T00:00:00Z"}')
            Traceback (most recent call last):
            service_monitoring.boundary.rejections.Rejected: bad_value: value is inf: must be a finite number
        """
        return self.decode_fields(decode_object(line))

    def decode_fields(self, fields: dict[str, Any]) -> Sample:
        """One sample from the fields of an object whose numbers have at most 300 digits.

        Raises:
            Rejected: They are not exactly those of one valid sample; nothing else is ever raised.
        """
        if fields.keys() != _SAMPLE_FIELDS:
            refuse_fields(fields, _SAMPLE_FIELDS)
        name, value, instant = fields["metric"], fields["value"], fields["observed_at"]
        metric = self._names.get(name) if type(name) is str else None
        if metric is None:
            metric = self._learn(name)
        if type(value) is int:
            value = float(value)  # no OverflowError: the digits were counted
        elif type(value) is not float:
            raise Rejected(Reason.BAD_VALUE, f"value is {excerpt(value)}: must be a finite number")
        if type(instant) is not str or not is_instant(instant):
            _refuse_time(instant)
        try:
            at = datetime.fromisoformat(instant)
        except ValueError:
            _refuse_time(instant)
        if at.tzinfo is not UTC:
            at = at.astimezone(UTC)
        try:
            return Sample(metric, value, at)
        except ValueError:
            raise Rejected(Reason.BAD_VALUE, f"value is {excerpt(value)}: must be a finite number") from None

    def _learn(self, name: object) -> MetricName:
        if not isinstance(name, str):
            raise Rejected(Reason.BAD_METRIC, f"metric is {excerpt(name)}: must be a string")
        try:
            metric = MetricName(conceal(name))  # a name with a secret in it would show it everywhere
        except ValueError:
            raise Rejected(
                Reason.BAD_METRIC,
                f"{excerpt(name)} is not a metric name: use letters, digits, _ and :, and no digit first",
            ) from None
        if len(self._names) < self._max_names:
            self._names[name] = metric
        return metric

    def names(self, texts: Iterable[str]) -> dict[str, MetricName]:
        """The metric names of these texts.

        Raises:
            Rejected: One of them is no metric name.
        """
        return {text: self._names.get(text) or self._learn(text) for text in texts}


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of one object.

    Raises:
        Rejected: One of them is given twice.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        once = set(fields)
        for name, _ in pairs:
            if name not in once:
                raise Rejected(Reason.DUPLICATE_FIELD, f"{excerpt(name)} is given twice")
            once.remove(name)
    return fields


def _constant(text: str) -> NoReturn:
    raise Rejected(Reason.NOT_JSON, f"{text} is not JSON")


def _int(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Rejected(
            Reason.BAD_VALUE,
            f"a number of {len(text)} characters: at most {MAX_NUMBER_CHARACTERS} are read",
        )
    return int(text)


_decoder = json.JSONDecoder(object_pairs_hook=unique_fields, parse_int=_int, parse_constant=_constant)


def decode_object(
    line: bytes, *, checked: bool = False, decoder: json.JSONDecoder = _decoder
) -> dict[str, Any]:
    """One JSON object from one line; size and nesting are checked before anything is interpreted.

    Args:
        line: The bytes.
        checked: Whether size and nesting were checked already.
        decoder: What reads JSON; where it gives a rejection instead of an object, that is raised.

    Raises:
        Rejected: The line is too large or too deep, not UTF-8, not JSON, or not an object.
    """
    if not checked:
        if len(line) > MAX_LINE_BYTES:
            raise Rejected(Reason.TOO_LARGE, f"more than {MAX_LINE_BYTES} bytes")
        if line.count(b"{") + line.count(b"[") > MAX_BRACKETS:
            raise Rejected(Reason.TOO_DEEP, f"more than {MAX_BRACKETS} brackets")
    try:
        text = line.decode().rstrip(_JSON_SPACE)
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1}"
        raise Rejected(Reason.NOT_UTF8, f"{place} is not UTF-8", place) from None
    try:
        value, end = decoder.raw_decode(text, len(text) - len(text.lstrip(_JSON_SPACE)))
    except json.JSONDecodeError as error:
        raise Rejected(Reason.NOT_JSON, error.msg).at(f"character {error.pos + 1}") from None
    if end != len(text):
        raise Rejected(Reason.NOT_JSON, "more text after the object").at(f"character {end + 1}")
    if isinstance(value, Rejected):
        raise Rejected(value.reason, value.detail)  # itself may be shared, and would grow a traceback
    if type(value) is not dict:
        raise Rejected(Reason.NOT_AN_OBJECT, f"{excerpt(value)}: must be an object")
    return value


def refuse_fields(fields: Mapping[str, object], expected: frozenset[str]) -> NoReturn:
    """Say which field is unknown or missing."""
    unknown = fields.keys() - expected
    if unknown:
        raise Rejected(
            Reason.UNKNOWN_FIELD, f"{excerpt(min(unknown))}: must be one of {', '.join(sorted(expected))}"
        )
    raise Rejected(Reason.MISSING_FIELD, f"{min(expected - fields.keys())} is missing")


def _refuse_time(instant: object) -> NoReturn:
    raise Rejected(
        Reason.BAD_TIME, f"observed_at is {excerpt(instant)}: must be like 2026-11-23T09:00:00Z"
    ) from None
