"""Every byte string becomes one sample or one rejection; nothing else ever escapes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service_monitoring.boundary.codec import (
    MAX_BRACKETS,
    MAX_LINE_BYTES,
    MAX_NUMBER_CHARACTERS,
    SampleDecoder,
    decode_object,
    encode_sample,
)
from service_monitoring.boundary.rejections import Reason, Rejected, excerpt
from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.sources.trace import check_header

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
GOOD = b'{"metric":"up","value":1.5,"observed_at":"2026-11-23T09:00:00Z"}'


def line(metric: str = '"up"', value: str = "1", at: str = '"2026-11-23T09:00:00Z"', more: str = "") -> bytes:
    """A line of JSON with these texts as its parts."""
    return f'{{"metric":{metric},"value":{value},"observed_at":{at}{more}}}'.encode("utf-8", "surrogatepass")


SAMPLES = st.builds(
    Sample,
    st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True).map(MetricName),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
)


@given(SAMPLES)
def test_what_is_encoded_decodes_to_the_same_sample(sample: Sample) -> None:
    """Exactly: no digit of the value and no microsecond is lost."""
    text = encode_sample(sample)
    assert SampleDecoder().decode(text) == sample
    assert json.loads(text)["metric"] == sample.metric
    assert b"\n" not in text


REASONS: list[tuple[Reason, bytes, str]] = [
    (Reason.TOO_LARGE, b" " * 4_097, "more than 4096 bytes"),
    (Reason.TOO_DEEP, b"[" * 17, "more than 16 brackets"),
    (
        Reason.TOO_DEEP,
        line(value="[" * 9 + "]" * 9, more=',"x":' + '{"a":' * 9 + "1" + "}" * 9),
        "16 brackets",
    ),
    (Reason.NOT_UTF8, b'{"metric":"\xff"}', "byte 12 is not UTF-8"),
    (Reason.NOT_UTF8, line(metric='"\ud800"'), "is not UTF-8"),
    (Reason.NOT_JSON, b"", "character 1: Expecting value"),
    (Reason.NOT_JSON, b"\n", "Expecting value"),
    (Reason.NOT_JSON, b'  {"metric"}', "character 12: Expecting ':' delimiter"),
    (Reason.NOT_JSON, GOOD + b"{}", "character 65: more text after the object"),
    (Reason.NOT_JSON, line(value="NaN"), "NaN is not JSON"),
    (Reason.NOT_JSON, line(value="-Infinity"), "-Infinity is not JSON"),
    (Reason.NOT_JSON, b"\xef\xbb\xbf" + GOOD, "character 1"),
    (Reason.NOT_JSON, b"\xc2\xa0" + GOOD, "character 1"),
    (Reason.NOT_JSON, GOOD + b"\x1c", "character 65"),
    (Reason.NOT_JSON, line(metric='"a\nb"'), "Invalid control character"),
    (Reason.NOT_JSON, line(metric='"a\x00b"'), "Invalid control character"),
    (Reason.NOT_JSON, line(metric=r'"\x"'), "Invalid \\escape"),
    (Reason.DUPLICATE_FIELD, line(more=',"value":2'), "'value' is given twice"),
    (Reason.DUPLICATE_FIELD, line(metric='{"a":1,"a":2}'), "'a' is given twice"),
    (Reason.NOT_AN_OBJECT, b"[]", "'[]': must be an object"),
    (Reason.NOT_AN_OBJECT, b"null", "None: must be an object"),
    (Reason.MISSING_FIELD, b'{"metric":"up","value":1}', "observed_at is missing"),
    (Reason.UNKNOWN_FIELD, line(more=',"unit":"s"'), "'unit': must be one of metric, observed_at, value"),
    (Reason.UNKNOWN_FIELD, line(more=r',"\ud800":1'), r"'\ud800': must be one of"),
    (Reason.BAD_METRIC, line(metric="7"), "metric is 7: must be a string"),
    (Reason.BAD_METRIC, line(metric='"cpu busy"'), "'cpu busy' is not a metric name"),
    (Reason.BAD_METRIC, line(metric=r'"\ud800"'), r"'\ud800' is not a metric name"),
    (Reason.BAD_METRIC, line(metric=r'"a\n"'), r"'a\n' is not a metric name"),
    (Reason.BAD_VALUE, line(value="1e999"), "value is inf: must be a finite number"),
    (Reason.BAD_VALUE, line(value="-1e999"), "value is -inf: must be a finite number"),
    (Reason.BAD_VALUE, line(value="1" * 2_000 + ".0"), "value is inf: must be a finite number"),
    (Reason.BAD_VALUE, line(value="1" + "0" * 400), "a number of 401 characters: at most 40 are read"),
    (Reason.BAD_VALUE, line(value='"1"'), "value is '1': must be a finite number"),
    (Reason.BAD_VALUE, line(value="true"), "value is True: must be a finite number"),
    (Reason.BAD_VALUE, line(value="null"), "value is None: must be a finite number"),
    (Reason.BAD_VALUE, line(value="[" * 8 + "]" * 8), "must be a finite number"),
    *(
        (Reason.BAD_TIME, line(at=at), "must be like 2026-11-23T09:00:00Z")
        for at in [
            "1795424400",
            "null",
            '""',
            '"2026-11-23T09:00:00"',
            '"2026-11-23"',
            '"2026-02-30T09:00:00Z"',
            '"2026-11-23T24:00:00Z"',
            '"2026-11-23T23:59:60Z"',
            '"2026-11-23T09:00Z"',
            '"2026-11-23T09:00:00,5Z"',
            '"2026-11-23T09:00:00.1234567Z"',
            '"2026-11-23 09:00:00Z"',
            '"2026-11-23T09:00:00z"',
            '"2026-11-23T09:00:00+01"',
            '"2026-11-23T09:00:00+24:00"',
            '"2026-11-23T09:00:00+00:00:30"',
            r'"2026-11-23\ud80009:00:00Z"',
            '"2026-11-23T09:00:00Z\\n"',
            '"20261123T090000Z"',
            '"2026-W48-1T09:00:00Z"',
            '"\uff12\uff10\uff12\uff16-11-23T09:00:00Z"',
            '"0001-01-01T00:00:00+01:00"',
            '"1899-12-31T00:00:00Z"',
            '"3000-01-01T00:00:00Z"',
            '"9999-12-31T23:59:59-01:00"',
        ]
    ),
    (Reason.BAD_HEADER, b"{}", 'must hold "format": "service-monitoring/trace"'),
    (Reason.BAD_HEADER, b'{"format":"service-monitoring/trace","version":2}', "version must be 1"),
]


@pytest.mark.parametrize(("reason", "text", "detail"), REASONS)
def test_each_refused_line_has_its_reason(reason: Reason, text: bytes, detail: str) -> None:
    """The code is for machines, the detail says what was wrong and where."""
    decode = check_header if reason is Reason.BAD_HEADER else SampleDecoder().decode
    with pytest.raises(Rejected) as caught:
        decode(text)
    assert caught.value.reason is reason
    assert detail in caught.value.detail
    assert str(caught.value) == f"{reason.value}: {caught.value.detail}"
    assert one_printable_line(caught.value.detail)


ACCEPTED: list[tuple[bytes, Sample]] = [
    (GOOD, Sample(MetricName("up"), 1.5, AT)),
    (b" \t" + GOOD + b"\r\n", Sample(MetricName("up"), 1.5, AT)),
    (line(value="-0.0"), Sample(MetricName("up"), -0.0, AT)),
    (line(value="9" * MAX_NUMBER_CHARACTERS), Sample(MetricName("up"), 1e40, AT)),
    (line(value="0." + "3" * 3_900), Sample(MetricName("up"), 1 / 3, AT)),
    (line(value="1e-999"), Sample(MetricName("up"), 0.0, AT)),
    (line(metric=r'"\u0075p"'), Sample(MetricName("up"), 1.0, AT)),
    (line(at='"2026-11-23T10:00:00+01:00"'), Sample(MetricName("up"), 1.0, AT)),
    (line(at='"2026-11-23T09:00:00-00:00"'), Sample(MetricName("up"), 1.0, AT)),
    (line(at='"2026-11-23T09:00:00.5Z"'), Sample(MetricName("up"), 1.0, AT + timedelta(seconds=0.5))),
    (
        line(at='"1900-01-01T00:00:00+23:59"'),
        Sample(MetricName("up"), 1.0, datetime(1899, 12, 31, 0, 1, tzinfo=UTC)),
    ),
    (GOOD + b" " * (MAX_LINE_BYTES - len(GOOD)), Sample(MetricName("up"), 1.5, AT)),
]


@pytest.mark.parametrize(("text", "sample"), ACCEPTED)
def test_unusual_lines_that_are_right_are_accepted(text: bytes, sample: Sample) -> None:
    """The limits themselves are allowed, and so is every offset from UTC."""
    assert SampleDecoder().decode(text) == sample


def one_printable_line(text: str) -> bool:
    """Whether a text can be shown on any terminal and in any log."""
    return text.isascii() and text.isprintable() and 0 < len(text) < 500


NASTY = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1" + "0" * 400,
        "9" * 5_000,
        "1e-999",
        "-0",
        "00",
        "0x1",
        '"\\ud800"',
        '"\\udfff\\ud800"',
        '"\\u0000"',
        '"\\"',
        '"a\\',
        "\x00",
        "\x1c",
        "\x85",
        "\u2028",
        "\ufeff",
        "[" * 10_000,
        "[" * 16,
        '{"a":' * 16,
        "]",
        "}",
        "{",
        "[",
        ",",
        ":",
        '"',
        "null",
        "true",
        "[]",
        "{}",
        '"metric":"up"',
        '"value":1',
        '"value":1',
        '"observed_at":"2026-11-23T09:00:00Z"',
        '"metric"',
        '"value"',
        '"observed_at"',
        '"up"',
        '"2026-11-23T09:00:00Z"',
        '"0001-01-01T00:00:00+23:59"',
        "\n",
        " ",
        "\r",
    ]
)
"""What has broken decoders before."""

JSON_TEXTS = st.recursive(
    NASTY | st.integers().map(str) | st.floats().map(repr) | st.text(max_size=8).map(json.dumps),
    lambda part: (
        st.lists(part, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(NASTY, part), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}"
        )
    ),
    max_leaves=8,
)
INSTANTS = st.datetimes().map(lambda at: json.dumps(f"{at.isoformat()}Z"))
NEARLY_SAMPLES = st.builds(
    line,
    st.just('"up"') | JSON_TEXTS,
    st.just("1") | JSON_TEXTS,
    st.just('"2026-11-23T09:00:00Z"') | JSON_TEXTS | INSTANTS,
    st.just("") | st.builds(",{}:{}".format, NASTY, JSON_TEXTS),
)
LINES = st.one_of(
    NEARLY_SAMPLES,
    JSON_TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(NASTY, max_size=6).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
    st.binary(max_size=60),
    st.builds(
        lambda at, byte: GOOD[:at] + byte + GOOD[at + 1 :], st.integers(0, len(GOOD)), st.binary(max_size=2)
    ),
)


@settings(max_examples=250)
@example(b"[" * 100_000)
@given(LINES)
def test_any_bytes_become_a_sample_or_a_rejection(text: bytes) -> None:
    """And a rejection's detail is one printable line, whatever the bytes hold."""
    try:
        sample = SampleDecoder().decode(text)
    except Rejected as rejection:
        refused = rejection
    else:
        assert type(sample) is Sample
        assert SampleDecoder().decode(encode_sample(sample)) == sample
        return
    assert refused.reason in Reason
    assert one_printable_line(refused.detail)


@settings(max_examples=200)
@given(JSON_TEXTS)
def test_what_is_accepted_is_what_json_says(text: str) -> None:
    """An object that is decoded here is the one that the standard library decodes."""
    try:
        fields = decode_object(text.encode("utf-8", "surrogatepass"))
    except Rejected:
        return
    assert fields == json.loads(text)


@given(st.integers() | st.floats() | st.text() | st.none() | st.lists(st.text()), st.integers(1, 60))
def test_an_excerpt_is_short_and_printable(value: object, length: int) -> None:
    """A refused value can be shown anywhere."""
    picture = excerpt(value, length)
    assert len(picture) <= length + 3
    assert one_printable_line(picture)


def test_a_decoder_holds_each_name_once_and_a_bounded_number_of_them() -> None:
    """Names beyond the limit are decoded all the same."""
    decoder = SampleDecoder(max_names=1)
    first, again = decoder.decode(line(metric='"a"')), decoder.decode(line(metric='"a"'))
    assert first.metric is again.metric
    other, once_more = decoder.decode(line(metric='"b"')), decoder.decode(line(metric='"b"'))
    assert other.metric == once_more.metric == "b"
    assert other.metric is not once_more.metric


def test_the_limits_are_those_that_the_examples_reach() -> None:
    """A changed limit is a changed promise."""
    assert (MAX_LINE_BYTES, MAX_BRACKETS, MAX_NUMBER_CHARACTERS) == (4_096, 16, 40)
