"""Grades a boundary's card: the payload goes through the real boundary, and so does one beyond its limit."""

import json
from datetime import UTC, datetime
from pathlib import Path

from service_monitoring.boundary import codec
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.limits import Limits
from service_monitoring.boundary.rejections import Reason, Rejected

MISTAKES = {
    "incomplete": (
        "Every key needs an answer, as text in quotes: boundary, payload, reason, limit and artifact."
    ),
    "not-a-boundary": (
        "boundary must be one of the two modules whose functions are handed bytes by a stranger: the lines "
        "of a trace, or the body of a request. Deeper inside nobody sees bytes any more, and everything "
        "that arrives is right already."
    ),
    "payload-accepted": (
        "The boundary accepts this payload: it becomes samples, without a word. What looks wrong to a "
        "person may be a sample all the same; what does the domain itself refuse?"
    ),
    "no-such-reason": (
        "reason is no reason code at all. The API page of the rejections has each of them, with what it "
        "means; write it as it stands in an answer, in small letters."
    ),
    "another-reason": (
        "The boundary refuses this payload, but for another reason. Several things may be wrong with it, "
        "and the first that is looked at counts: which check does the payload meet before the one that you "
        "thought of?"
    ),
    "limit-of-another-boundary": (
        "limit is no limit that this boundary looks at. Each of the two has its own: the one as constants "
        "of its module, the other as attributes of one class."
    ),
    "limit-after-interpretation": (
        "That limit is real, but it comes late: bytes that are beyond it, and no UTF-8 either, are refused "
        "for the UTF-8, so they were interpreted first. Which limits can be checked by somebody who "
        "understands nothing yet?"
    ),
    "no-such-artifact": (
        "artifact is no suite in which a claim has its check. The list below the table of contracts has "
        "them; write the file as it stands there."
    ),
    "artifact-of-another-promise": (
        "That suite exists and defends something else. A boundary promises that every byte string becomes a "
        "value or one typed rejection: find that contract in the table, its claims on the map, and "
        "then the suite that keeps hostile payloads."
    ),
}

CORPUS = "oracle/test_boundary_corpus.py"

_NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
_NOT_UTF8 = b"\xff"
_LIMITS = Limits()
_CODEC, _BATCH = "service_monitoring.boundary.codec", "service_monitoring.boundary.batch"
_LIMIT = "service_monitoring.boundary.limits.Limits"


def _line(data):
    SampleDecoder().decode(data)


def _body(data):
    decode_batch(data, now=_NOW)


BOUNDARIES = {_CODEC: _line, _BATCH: _body}
# For each limit something beyond it that is no UTF-8 either: the reason tells which was looked at first.
BEYOND = {
    _CODEC: {
        f"{_CODEC}.MAX_LINE_BYTES": _NOT_UTF8 * (codec.MAX_LINE_BYTES + 1),
        f"{_CODEC}.MAX_BRACKETS": b"[" * (codec.MAX_BRACKETS + 1) + _NOT_UTF8,
        f"{_CODEC}.MAX_NUMBER_CHARACTERS": b"1" * (codec.MAX_NUMBER_CHARACTERS + 1) + _NOT_UTF8,
    },
    _BATCH: {
        f"{_LIMIT}.payload_bytes": _NOT_UTF8 * (_LIMITS.payload_bytes + 1),
        f"{_LIMIT}.depth": b"[" * (_LIMITS.depth + 1) + _NOT_UTF8,
        f"{_LIMIT}.number_digits": b"1" * (_LIMITS.number_digits + 1) + _NOT_UTF8,
        f"{_LIMIT}.string_characters": b'"' + b"a" * (_LIMITS.string_characters + 1) + b'"' + _NOT_UTF8,
        f"{_LIMIT}.samples": b"[" + b"{}," * (_LIMITS.samples + 1) + _NOT_UTF8,
        f"{_LIMIT}.series": b'{"samples":[' + b'{"metric":"m"},' * (_LIMITS.series + 1) + _NOT_UTF8,
        f"{_LIMIT}.clock_skew": b'{"observed_at":"2999-01-01T00:00:00Z"}' + _NOT_UTF8,
    },
}


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a card."""
    answers = [submission.get(key) for key in ("boundary", "payload", "reason", "limit", "artifact")]
    if not all(isinstance(answer, str) and answer for answer in answers):
        return "incomplete"
    boundary, payload, reason, limit, artifact = answers
    if boundary not in BOUNDARIES:
        return "not-a-boundary"
    return (
        _of_payload(BOUNDARIES[boundary], payload, reason)
        or _of_limit(BOUNDARIES[boundary], BEYOND[boundary].get(limit))
        or _of_artifact(artifact.removeprefix("capstone/").removeprefix("tests/"))
    )


def _of_payload(decode, payload, reason):
    if reason not in list(Reason):
        return "no-such-reason"
    refused = _reason(decode, payload.encode())
    if refused is None:
        return "payload-accepted"
    return None if refused == reason else "another-reason"


def _of_limit(decode, beyond):
    if beyond is None:
        return "limit-of-another-boundary"
    return "limit-after-interpretation" if _reason(decode, beyond) is Reason.NOT_UTF8 else None


def _of_artifact(artifact):
    record = json.loads(
        (Path(__file__).parents[2] / "assets/evidence/ladder.json").read_text(encoding="utf-8")
    )
    suites = {claim["check"].partition("::")[0].removeprefix("tests/") for claim in record["claims"].values()}
    if artifact.removeprefix("tests/") not in suites:
        return "no-such-artifact"
    return None if artifact.removeprefix("tests/") == CORPUS else "artifact-of-another-promise"


def _reason(decode, data):
    """Why the boundary refuses these bytes; nothing if it does not."""
    try:
        decode(data)
    except Rejected as rejection:
        return rejection.reason
    return None
