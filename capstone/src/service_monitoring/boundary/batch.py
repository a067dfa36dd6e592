"""Batches: the body of `POST /v1/samples` becomes samples, or rejections that say what was wrong and where.

A batch that is right is decoded column by column, at the speed of C. When anything is not, it is decoded
again, sample by sample and by the rules of a trace line, to say what. Both accept the same.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate, repeat
from math import isfinite
from operator import itemgetter, methodcaller
from typing import TYPE_CHECKING, Any

from service_monitoring.boundary.codec import (
    SampleDecoder,
    decode_object,
    is_instant,
    refuse_fields,
    unique_fields,
)
from service_monitoring.boundary.limits import Limits
from service_monitoring.boundary.rejections import Reason, Rejected, excerpt
from service_monitoring.domain.values import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the samples of one request: each was decoded or has its rejection.

    Attributes:
        whole: Whether the client wants all of them kept or none.
        samples: Those that are right, in the client's order.
        rejections: One for each of the others, with its position; always empty when `whole`.
    """

    whole: bool
    samples: tuple[Sample, ...]
    rejections: tuple[Rejected, ...] = ()


def decode_batch(
    data: bytes, *, now: datetime, limits: Limits = LIMITS, decoder: SampleDecoder | None = None
) -> Batch:
    """A batch from a JSON object with `accept`, which is `all` or `each`, and `samples`.

    Args:
        data: The body of the request.
        now: Samples may not come from later, but for the clock skew.
        limits: How much is read.
        decoder: Shared between batches, it remembers the names of their metrics.

    Raises:
        Rejected: The document is not a batch, or more than the limits allow; or one sample is refused and
            `accept` is `all`. Nothing else is ever raised.

    Examples:
        >>> sample = b'{"metric":"up","value":1,"observed_at":"2026-11-23T09:00:00Z"}'
        >>> body = b'{"accept":"each","samples":[%b,7]}' % sample
        >>> batch = decode_batch(body, now=datetime(2026, 11, 23, 9, tzinfo=UTC))
        >>> batch.samples[0].metric, batch.rejections[0].detail
        ('up', 'samples[1]: 7: must be an object')
    """
    if len(data) > limits.payload_bytes:
        raise Rejected(Reason.TOO_LARGE, f"more than {limits.payload_bytes} bytes")
    quotes = _check_depth(data, limits.depth)
    reading = _Reading(limits, (now + limits.clock_skew).astimezone(UTC), decoder or SampleDecoder())
    if not _many_digits(data, limits.number_digits):
        batch = reading.by_column(decode_object(data, checked=True, decoder=_plain), quotes)
        if batch is not None:
            return batch
    return reading.by_sample(decode_object(data, checked=True, decoder=_careful(limits.number_digits)))


_BRACES = bytes.maketrans(b"[]", b"{}")
_REST = bytes(set(range(256)) - set(b'[]{}"'))
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # in linear time, closed or not
_STEPS = {ord("{"): 1, ord("}"): -1}


def _check_depth(data: bytes, limit: int) -> int:
    """Refuse what is nested too deeply before a parser, which recurses, meets it.

    Returns:
        How many quotes there are.
    """
    outline = data.translate(_BRACES, _REST)
    quotes = outline.count(b'"')
    # Without an escape, quotes pair up, and a bracket inside a string parts a pair. Such a string must go
    # first: its brackets could make a deep document look flat.
    if quotes != 2 * outline.count(b'""') or b"\\" in data:
        outline = _STRING.sub(b"", data).translate(_BRACES, _REST)
    braces = outline.translate(None, b'"')
    left = braces
    for _ in range(limit):
        left = left.replace(b"{}", b"")
    # What is left is too deep, or does not match, which the parser can say better.
    if left and max(accumulate(map(_STEPS.__getitem__, braces))) > limit:
        raise Rejected(Reason.TOO_DEEP, f"nested more than {limit} deep")
    return quotes


_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")


def _many_digits(text: bytes, limit: int) -> bool:
    return b"0" * (limit + 1) in text.translate(_DIGITS_AS_ZEROS)


# What JSON can not say where it is stands as a rejection where it was, until its place is known.
_CONSTANTS = {
    name: Rejected(Reason.NOT_JSON, f"{name} is not JSON") for name in ("NaN", "Infinity", "-Infinity")
}
_plain = json.JSONDecoder(parse_constant=_CONSTANTS.__getitem__)


def _careful(number_digits: int) -> json.JSONDecoder:
    def bounded(convert: Callable[[str], float], text: str) -> float | Rejected:
        if not _many_digits(text.encode(), number_digits):
            return convert(text)
        many = f"a number of {len(text)} characters: at most {number_digits} digits in a row are read"
        return Rejected(Reason.BAD_VALUE, many)

    return json.JSONDecoder(
        object_pairs_hook=_fields,
        parse_int=partial(bounded, int),
        parse_float=partial(bounded, float),
        parse_constant=_CONSTANTS.__getitem__,
    )


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Rejected:
    try:
        return unique_fields(pairs)
    except Rejected as rejection:
        return rejection.with_traceback(None)  # which would hold on to what was read


_BATCH_FIELDS = frozenset({"accept", "samples"})
_COLUMNS = ("metric", "value", "observed_at")
_COLUMN_OF = {
    Reason.BAD_METRIC: ".metric",
    Reason.BAD_VALUE: ".value",
    Reason.BAD_TIME: ".observed_at",
}
_ACCEPT = {"all": True, "each": False}
_BATCH_QUOTES, _SAMPLE_QUOTES = 6, 10  # around the names of all fields, and their values that are strings
_put_metric, _put_value, _put_observed_at = (vars(Sample)[column].__set__ for column in _COLUMNS)
_in_utc = methodcaller("astimezone", UTC)


class _Reading:
    """One batch being read: the two ways."""

    def __init__(self, limits: Limits, latest: datetime, decoder: SampleDecoder) -> None:
        self._limits = limits
        self._latest = latest
        self._decoder = decoder

    def by_sample(self, fields: dict[str, Any]) -> Batch:
        """What is right, and what is wrong with the rest."""
        if fields.keys() != _BATCH_FIELDS:
            refuse_fields(fields, _BATCH_FIELDS)
        accept, items = fields["accept"], fields["samples"]
        if type(accept) is not str or accept not in _ACCEPT:
            raise Rejected(Reason.BAD_ACCEPT, f"{excerpt(accept)}: must be all or each").at("accept")
        if type(items) is not list:
            raise Rejected(Reason.NOT_AN_ARRAY, f"{excerpt(items)}: must be an array").at("samples")
        if len(items) > self._limits.samples:
            raise Rejected(
                Reason.TOO_MANY_SAMPLES, f"{len(items)} samples: at most {self._limits.samples} are read"
            ).at("samples")
        samples, rejections = [], []
        for index, item in enumerate(items):
            try:
                samples.append(self._sample(item, f"samples[{index}]"))
            except Rejected as rejection:
                if accept == "all":
                    raise
                rejections.append(rejection)
        series = len({sample.metric for sample in samples})
        if series > self._limits.series:
            raise Rejected(
                Reason.TOO_MANY_SERIES, f"{series} metrics: at most {self._limits.series} are read"
            ).at("samples")
        return Batch(_ACCEPT[accept], tuple(samples), tuple(rejections))

    def by_column(self, fields: dict[str, Any], quotes: int) -> Batch | None:
        """The batch if everything is right, else nothing.

        Args:
            fields: As JSON gives them: of a field that was given twice, the last.
            quotes: How many the document has. With the fields of a batch, and strings where it has strings,
                one more than those need means another field, or the same again, or an escape.
        """
        accept, items = fields.get("accept"), fields.get("samples")
        if type(accept) is not str or accept not in _ACCEPT or type(items) is not list:
            return None
        count = len(items)
        if not 0 < count <= self._limits.samples or quotes != _BATCH_QUOTES + count * _SAMPLE_QUOTES:
            return None
        try:
            metrics, values, instants = (list(map(itemgetter(column), items)) for column in _COLUMNS)
            different = set(metrics)
            if len(different) > self._limits.series:
                return None
            names = self._decoder.names(different)
            ats = _instants(instants)
        except (KeyError, TypeError, ValueError):
            return None
        kinds = set(map(type, values))
        if (
            not kinds <= {int, float}
            or not all(map(isfinite, values))
            or min(ats) < _FIRST_INSTANT
            or max(ats) > min(self._latest, _LAST_INSTANT)
            or max(map(len, names)) > self._limits.string_characters
        ):
            return None
        # Every part has been checked: the constructor would check it again, for half of the time of all this.
        samples = tuple(map(object.__new__, repeat(Sample, count)))
        deque(map(_put_metric, samples, map(names.__getitem__, metrics)), 0)
        deque(map(_put_value, samples, map(float, values) if int in kinds else values), 0)
        deque(map(_put_observed_at, samples, ats), 0)
        return Batch(_ACCEPT[accept], samples)

    def _sample(self, item: object, place: str) -> Sample:
        if isinstance(item, Rejected):
            raise item.at(place)
        if not isinstance(item, dict):
            raise Rejected(Reason.NOT_AN_OBJECT, f"{excerpt(item)}: must be an object").at(place)
        for column in _COLUMNS:
            value = item.get(column)
            if isinstance(value, Rejected):
                raise value.at(f"{place}.{column}")
            if isinstance(value, str) and len(value) > self._limits.string_characters:
                raise Rejected(
                    Reason.TOO_LONG,
                    f"a string of {len(value)} characters: at most {self._limits.string_characters} are read",
                ).at(f"{place}.{column}")
        try:
            sample = self._decoder.decode_fields(item)
        except Rejected as rejection:
            raise rejection.at(place + _COLUMN_OF.get(rejection.reason, "")) from None
        if sample.observed_at > self._latest:
            raise Rejected(
                Reason.TOO_NEW,
                f"{excerpt(item['observed_at'])}: must not be after {self._latest:%Y-%m-%dT%H:%M:%SZ}",
            ).at(f"{place}.observed_at")
        return sample


_FIRST_INSTANT = datetime(1900, 1, 1, tzinfo=UTC)
_LAST_INSTANT = datetime(3000, 1, 1, tzinfo=UTC) - datetime.resolution
_UTC_SHAPES = {
    f"0000-00-00T00:00:00{fraction}Z\n".encode() for fraction in ["", *("." + "0" * n for n in range(1, 7))]
}


def _instants(texts: list[str]) -> list[datetime]:
    """The instants of these texts, by the rule of a trace line but for the first and the last.

    Raises:
        ValueError: One of them is no instant.
    """
    ats = map(datetime.fromisoformat, texts)
    # Instants in UTC are told by their shape, which takes a fifth of the time when all are written alike.
    lines = ("\n".join(texts) + "\n").replace("+00:00\n", "Z\n")
    shapes = lines.encode().translate(_DIGITS_AS_ZEROS)
    shape = shapes[: shapes.index(b"\n") + 1]
    kinds = {shape} if shapes == shape * len(texts) else set(shapes.splitlines(keepends=True))
    if not kinds <= _UTC_SHAPES or "T24" in lines:
        if not all(map(is_instant, texts)):
            raise ValueError
        ats = map(_in_utc, ats)
    return list(ats)
