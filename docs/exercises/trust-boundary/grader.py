"""Grades a card: the payload goes through the real boundary, and so do bytes that exceed the limit."""

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
        "boundary must be one of the modules whose functions get bytes from outside: one reads the "
        "lines of a trace, the other the body of a request. The modules further inside get values that "
        "were checked already."
    ),
    "payload-accepted": (
        "The boundary accepts this payload and makes samples of it. A value can look wrong to you and "
        "still be a valid sample. Which values does the domain refuse?"
    ),
    "no-such-reason": (
        "reason is not a reason code. The API page of the rejections lists the codes with their meaning. "
        "Write it in small letters, as the service answers it."
    ),
    "another-reason": (
        "The boundary refuses this payload, but for another reason. If several things are wrong, the first "
        "check that fails decides. Which check comes before the one that you thought of?"
    ),
    "limit-of-another-boundary": (
        "This boundary does not check that limit. Each boundary has its own limits: one has "
        "them as constants of its module, the other as attributes of one class."
    ),
    "limit-after-interpretation": (
        "This boundary checks that limit too late. The grader sent bytes that exceed it and are not UTF-8 "
        "either, and they were refused because of the UTF-8. Which limits can you check without decoding "
        "a byte?"
    ),
    "no-such-artifact": (
        "artifact is not a test file in which a claim has its check. The capstone's page lists these files "
        "below the table of contracts. Write yours as RUNG/FILE."
    ),
    "artifact-of-another-promise": (
        "That test file exists, but it tests another promise. Find the contract that every byte string "
        "becomes a value or one rejection, then its claims on the map, then the file that keeps hostile "
        "payloads."
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
