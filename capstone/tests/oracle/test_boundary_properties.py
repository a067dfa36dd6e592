"""Properties of batches, on bodies that are nearly right: a batch or a rejection, and nothing in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle.hostile import corpus
from oracle.hostile.corpus import GOOD, NOW

from service_monitoring.boundary import batch as batch_module
from service_monitoring.boundary.batch import LIMITS, Batch, decode_batch
from service_monitoring.boundary.codec import SampleDecoder, decode_object, encode_sample
from service_monitoring.boundary.limits import Limits
from service_monitoring.boundary.rejections import Reason, Rejected
from service_monitoring.domain.values import MetricName, Sample

SMALL = Limits(payload_bytes=700, depth=4, number_digits=20, string_characters=40, samples=4, series=2)
UNUSUAL = [case.text for case in corpus.samples() if len(case.text) < 300]
HOSTILE = [case.text for case in corpus.bodies() if len(case.text) < 300]
TOKENS = st.sampled_from(
    [
        *(
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"0",
            b"9" * 21,
            b"e999",
            b"NaN",
            b"null",
            b"true",
        ),
        *(
            b" ",
            b"\\ud800",
            b"\\u0061",
            b"\xff",
            b"\x00",
            b"+00:00",
            b"-23:59",
            b"T24",
            b".5",
            b'"a":1,',
            b'"]"',
        ),
    ]
)


SAMPLES = st.builds(
    Sample,
    st.sampled_from(["a", "b", "a:b", "_", "a" * 200]).map(MetricName),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(datetime(1900, 1, 1), datetime(2026, 11, 23, 9, 5), timezones=st.just(UTC)),  # noqa: DTZ001
)
ITEMS = st.lists(st.one_of(SAMPLES.map(encode_sample), st.sampled_from(UNUSUAL)), max_size=6)
BODIES = st.builds(
    lambda accept, items, space: b'{"accept":%b,%b"samples":[%b]}' % (accept, space, b",".join(items)),
    st.sampled_from([b'"all"', b'"each"', b'"each"', rb'"\u0061ll"']),
    ITEMS,
    st.sampled_from([b"", b" ", b"\n\t"]),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body with a few tokens put into it, or cut out of it."""
    body = draw(BODIES | st.sampled_from(HOSTILE))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(TOKENS) + body[at + draw(st.integers(0, 3)) :]
    return body


def outcome(body: bytes, limits: Limits = LIMITS) -> Batch | str:
    """What becomes of a body, as a value; a rejection that may not be shown is an error."""
    try:
        batch = decode_batch(body, now=NOW, limits=limits)
    except Rejected as rejection:
        check(rejection)
        return str(rejection)
    for refused in batch.rejections:
        check(refused)
    return replace(batch, rejections=tuple(map(str, batch.rejections)))  # type: ignore[arg-type] # to compare


def check(rejection: Rejected) -> None:
    """A rejection is one short printable line."""
    assert rejection.reason in Reason
    assert rejection.detail.isascii()
    assert rejection.detail.isprintable()
    assert 0 < len(rejection.detail) < 200


@settings(max_examples=500)
@given(mutated(), st.sampled_from([LIMITS, SMALL]))
def test_any_body_becomes_a_batch_within_the_limits_or_a_rejection(body: bytes, limits: Limits) -> None:
    """And every sample is accounted for, in its place."""
    result = outcome(body, limits)
    if isinstance(result, str):
        return
    given = json.loads(body)
    assert result.whole == (given["accept"] == "all")
    assert len(result.samples) + len(result.rejections) == len(given["samples"]) <= limits.samples
    assert not (result.whole and result.rejections)
    assert len({sample.metric for sample in result.samples}) <= limits.series
    refused = [int(str(text).partition("samples[")[2].partition("]")[0]) for text in result.rejections]
    assert refused == sorted(set(refused))
    kept = [item for place, item in enumerate(given["samples"]) if place not in refused]
    for sample, item in zip(result.samples, kept, strict=True):
        assert (sample.metric, sample.value) == (item["metric"], float(item["value"]))
        assert len(sample.metric) <= limits.string_characters
        assert sample.observed_at <= NOW + limits.clock_skew
        check_types(sample)


@settings(max_examples=300)
@given(mutated(), st.sampled_from([LIMITS, SMALL]))
def test_both_ways_of_reading_give_the_same(body: bytes, limits: Limits) -> None:
    """Column by column or sample by sample: only the time differs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_module._Reading, "by_column", lambda *_: None)  # noqa: SLF001 - the fast way
        slowly = outcome(body, limits)
    assert outcome(body, limits) == slowly


@given(st.lists(SAMPLES, max_size=8), st.booleans())
def test_what_is_encoded_decodes_to_the_same_batch(samples: list[Sample], whole: bool) -> None:  # noqa: FBT001 - drawn
    """No digit of a value and no microsecond is lost, and each part has its exact type."""
    accept = b"all" if whole else b"each"
    body = b'{"samples":[%b],"accept":"%b"}' % (b",".join(map(encode_sample, samples)), accept)
    batch = decode_batch(body, now=NOW)
    assert batch == Batch(whole, tuple(samples))
    for sample in batch.samples:
        check_types(sample)


def check_types(sample: Sample) -> None:
    """A sample is made of what its constructor would have let in."""
    assert (type(sample), type(sample.metric), type(sample.value)) == (Sample, MetricName, float)
    assert sample.observed_at.tzinfo is UTC
    assert Sample(MetricName(sample.metric), sample.value, sample.observed_at) == sample


def test_no_clock_lets_in_what_a_line_may_not_say() -> None:
    """Decisions are made from 1900 to 2999, also by a service whose clock is beyond."""
    body = b'{"accept":"all","samples":[%b]}' % corpus.sample({"observed_at": '"3000-01-01T00:00:00Z"'})
    with pytest.raises(Rejected) as caught:
        decode_batch(body, now=datetime(3000, 1, 1, tzinfo=UTC))
    assert caught.value.reason is Reason.BAD_TIME


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
@example(b"\xef\xbb\xbf{}")
def test_bytes_that_are_no_batch_are_refused(data: bytes) -> None:
    """Nothing else escapes."""
    assert isinstance(outcome(data), str)


NASTY = st.text('[]{}"\\\\a,:', max_size=6)
NESTED = st.recursive(
    NASTY, lambda part: st.lists(part, max_size=3) | st.dictionaries(NASTY, part, max_size=3), max_leaves=12
)


def depth(value: object) -> int:
    """How many brackets stand inside one another."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=250)
@given(NESTED, st.booleans())
def test_depth_is_that_of_the_document_whatever_its_strings_hold(value: object, escape: bool) -> None:  # noqa: FBT001
    """Brackets, quotes and escapes inside strings make it neither deeper nor flatter."""
    body = json.dumps([value] * 3).encode()
    body = body.replace(b"a", rb"\u0061") if escape else body
    result = outcome(body, replace(SMALL, payload_bytes=100_000))
    assert isinstance(result, str)
    assert result.startswith("too_deep") == (depth([value]) > SMALL.depth)


def test_a_rejection_belongs_to_whoever_caught_it() -> None:
    """Even where all inputs get the same words: one that is shared would hold on to frame after frame."""
    caught = []
    for data in (b"NaN", b"NaN", b'{"accept":"all","samples":[NaN]}', b'{"accept":"all","samples":[NaN]}'):
        with pytest.raises(Rejected) as one:
            decode_batch(data, now=NOW)
        caught.append(one.value)
    assert len(set(map(id, caught))) == 4


def test_what_stands_in_for_a_refused_part_holds_nothing_else() -> None:
    """A megabyte of refused parts would otherwise hold on to the frames that read them."""
    parts = b",".join([b'{"a":1,"a":2}', b"9" * 41, b"NaN"])
    fields = decode_object(b'{"parts":[%b]}' % parts, checked=True, decoder=batch_module._careful(40))  # noqa: SLF001
    assert [part.reason for part in fields["parts"]] == ["duplicate_field", "bad_value", "not_json"]
    assert [part.__traceback__ for part in fields["parts"]] == [None] * 3


def test_names_are_shared_between_batches_within_a_bound() -> None:
    """A decoder that is shared holds each name once; a million names do not fill it."""
    decoder = SampleDecoder(max_names=2)
    body = b'{"accept":"all","samples":[%b]}' % corpus.sample()
    [one], [two] = (decode_batch(body, now=NOW, decoder=decoder).samples for _ in range(2))
    assert one.metric is two.metric
    for number in range(100):
        other = b'{"accept":"all","samples":[%b]}' % corpus.sample({"metric": f'"m{number}"'})
        decode_batch(other, now=NOW, decoder=decoder)
    assert len(decoder._names) == 2  # noqa: SLF001 - the memory itself


@pytest.mark.parametrize(
    ("limits", "fields", "reason"),
    [
        ({"payload_bytes": 120}, {}, Reason.TOO_LARGE),
        ({"depth": 3}, {"value": "[]"}, Reason.TOO_DEEP),
        ({"number_digits": 3}, {"value": "1234"}, Reason.BAD_VALUE),
        ({"number_digits": 3}, {"value": "1.1234"}, Reason.BAD_VALUE),
        ({"string_characters": 32}, {"metric": f'"{"a" * 33}"'}, Reason.TOO_LONG),
        ({"samples": 1}, {}, Reason.TOO_MANY_SAMPLES),
        ({"series": 1}, {"metric": '"b"'}, Reason.TOO_MANY_SERIES),
        ({"clock_skew": timedelta(seconds=-1)}, {}, Reason.TOO_NEW),
    ],
)
def test_each_limit_can_be_lowered(limits: dict[str, int], fields: dict[str, str], reason: Reason) -> None:
    """A batch that the default allows is refused then."""
    body = b'{"accept":"all","samples":[%b,%b]}' % (corpus.sample(), corpus.sample(fields))
    assert reason is Reason.TOO_DEEP or decode_batch(body, now=NOW).whole
    with pytest.raises(Rejected) as caught:
        decode_batch(body, now=NOW, limits=Limits(**limits))  # type: ignore[arg-type] # of several types
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "limits",
    [{"depth": 2}, {"depth": 101}, {"number_digits": 0}, {"number_digits": 301}, {"string_characters": 31}],
)
def test_limits_that_could_not_be_kept_are_refused(limits: dict[str, int]) -> None:
    """A depth that exhausts the stack, a number that no float holds, a string too short for an instant."""
    with pytest.raises(ValueError, match="must be"):
        Limits(**limits)  # type: ignore[arg-type] # of several types


def test_the_highest_limits_hold() -> None:
    """A number of as many digits as can be allowed is a value; as many brackets are only a wrong one."""
    limits = Limits(depth=100, number_digits=300)
    fields = {**GOOD, "value": "9" * 300}
    body = b'{"accept":"each","samples":[%b,%b]}' % (corpus.sample(fields), b"[" * 98 + b"]" * 98)
    batch = decode_batch(body, now=NOW, limits=limits)
    assert [sample.value for sample in batch.samples] == [1e300]
    assert [rejection.reason for rejection in batch.rejections] == [Reason.NOT_AN_OBJECT]
