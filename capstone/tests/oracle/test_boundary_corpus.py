"""The hostile corpus: every input has exactly the outcome that it was written down with."""

from __future__ import annotations

import ast
import inspect
from datetime import timedelta

import pytest
from oracle.hostile import corpus
from oracle.hostile.corpus import ACCEPTED, NOW, BodyCase, LineCase, SampleCase, SignatureCase

from service_monitoring.boundary import rejections
from service_monitoring.boundary.batch import LIMITS, decode_batch
from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.rejections import Reason, Rejected
from service_monitoring.boundary.secrets import Secret
from service_monitoring.boundary.signatures import Verifier, sign
from service_monitoring.sources.trace import check_header

KEYS = {name: Secret(f"the key {name}") for name in ("now", "next", "strangers")}
SAMPLES, BODIES, LINES, SIGNATURES = corpus.samples(), corpus.bodies(), corpus.lines(), corpus.signatures()
OUTCOMES = [
    *(case.reason for case in SAMPLES),
    *(case.reason for case in BODIES),
    *(case.reason for case in LINES),
    *(case.reason for case in SIGNATURES),
]


def check(rejection: Rejected, reason: str, position: str | None) -> None:
    """A rejection has its code, says where, and can be shown on any terminal and in any log."""
    assert rejection.reason == reason, rejection.detail
    assert rejection.detail.isascii()
    assert rejection.detail.isprintable()
    assert 0 < len(rejection.detail) < 200
    assert position is None or rejection.position == position
    assert rejection.position.isascii()
    assert len(rejection.position) < 40


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
@pytest.mark.parametrize("accept", ["all", "each"])
def test_a_hostile_sample_is_refused_alone_or_with_its_batch(case: SampleCase, accept: str) -> None:
    """Its neighbours are kept when each sample counts, and only then."""
    body = case.body(accept)
    if case.reason == ACCEPTED:
        batch = decode_batch(body, now=NOW)
        assert len(batch.samples) == 3
        assert batch.rejections == ()
    elif accept == "all" or case.whole:
        with pytest.raises(Rejected) as caught:
            decode_batch(body, now=NOW)
        check(caught.value, case.reason, None if case.whole else f"samples[1]{case.position}")
    else:
        batch = decode_batch(body, now=NOW)
        assert len(batch.samples) == 2
        [rejection] = batch.rejections
        check(rejection, case.reason, f"samples[1]{case.position}")


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_a_hostile_sample_is_refused_when_it_is_the_only_one(case: SampleCase) -> None:
    """Samples that are all written alike are read in another way than mixed ones."""
    if case.reason == ACCEPTED:
        assert len(decode_batch(case.alone(), now=NOW).samples) == 1
        return
    with pytest.raises(Rejected) as caught:
        decode_batch(case.alone(), now=NOW)
    check(caught.value, case.reason, None if case.whole else f"samples[0]{case.position}")


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_a_hostile_sample_is_refused_as_a_line(case: SampleCase) -> None:
    """For the same reason, but for the limits that only a batch has."""
    if case.line == ACCEPTED:
        SampleDecoder().decode(case.text)
        return
    with pytest.raises(Rejected) as caught:
        SampleDecoder().decode(case.text)
    check(caught.value, case.line, None)


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.name)
def test_a_hostile_body_becomes_a_batch_or_one_rejection(case: BodyCase) -> None:
    """A whole body that is no batch has one reason and, where that is possible, one place."""
    if case.reason == ACCEPTED:
        batch = decode_batch(case.text, now=NOW)
        assert len(batch.samples) == case.samples
        assert batch.rejections == ()
        return
    with pytest.raises(Rejected) as caught:
        decode_batch(case.text, now=NOW)
    check(caught.value, case.reason, case.position)


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.name)
def test_a_hostile_line_has_its_reason(case: LineCase) -> None:
    """What only a line can be, and the first line of a trace."""
    decode = check_header if case.target == "header" else SampleDecoder().decode
    if case.reason == ACCEPTED:
        decode(case.text)
        return
    with pytest.raises(Rejected) as caught:
        decode(case.text)
    check(caught.value, case.reason, case.position)


@pytest.mark.parametrize("case", SIGNATURES, ids=lambda case: case.name)
def test_a_hostile_signature_has_its_reason(case: SignatureCase) -> None:
    """All requests of a conversation but the last are accepted."""
    verifier = Verifier([KEYS["now"], KEYS["next"]], max_remembered=4)
    for step in case.steps[:-1]:
        converse(verifier, step)
    if case.reason == ACCEPTED:
        converse(verifier, case.steps[-1])
        return
    with pytest.raises(Rejected) as caught:
        converse(verifier, case.steps[-1])
    check(caught.value, case.reason, "")


def converse(verifier: Verifier, step: dict[str, object]) -> None:
    """Take one step: a `header` as it is, or a body that is signed `at` so many seconds from now."""
    now = NOW + timedelta(seconds=int(str(step.get("later", 0))))
    body = str(step.get("body", "body"))
    if "header" in step:
        header = corpus.build(step["header"])
        text = header if isinstance(step["header"], dict) else header.decode("utf-8", "surrogatepass")
        verifier.verify(text, body.encode(), now)
        return
    how = step["sign"]
    assert isinstance(how, dict)
    signed = NOW + timedelta(seconds=how.get("at", 0))
    text = sign(body.encode(), KEYS[how.get("key", "now")], signed)
    if "moved" in step:
        seconds = int(signed.timestamp())
        text = text.replace(f"t={seconds}", f"t={seconds + int(str(step['moved']))}")
    sent = str(step.get("sent", body)).encode()
    verifier.verify(text.encode() if step.get("as") == "bytes" else text, sent, now)


def test_the_corpus_shows_exactly_the_reasons_there_are() -> None:
    """No reason without a case, and no case with a reason that nobody defined."""
    assert {*OUTCOMES, *(case.line for case in SAMPLES)} - {ACCEPTED} == set(Reason)


def test_the_corpus_is_large_and_knows_what_is_right_too() -> None:
    """A decoder that refuses everything fails it."""
    assert len(OUTCOMES) >= 300
    assert OUTCOMES.count(ACCEPTED) >= 50


def documented() -> dict[str, str]:
    """The reasons that have a sentence below them in the source, from which the API page is made."""
    [reasons] = ast.parse(inspect.getsource(rejections.Reason)).body
    assert isinstance(reasons, ast.ClassDef)
    found = {}
    for member, after in zip(reasons.body, reasons.body[1:], strict=False):
        match member, after:
            case ast.Assign([ast.Name(name)], ast.Constant()), ast.Expr(ast.Constant(str(text))):
                found[name] = text
    return found


def test_reasons_and_their_documentation_are_the_same_set() -> None:
    """Every reason is documented, each in its own words, and every documented one exists."""
    sentences = documented()
    assert sentences.keys() == Reason.__members__.keys()
    assert len(set(sentences.values())) == len(sentences)
    assert all(sentence.strip().endswith(".") for sentence in sentences.values())
    assert all(reason.value == name.lower() for name, reason in Reason.__members__.items())


def test_the_limits_are_those_that_the_corpus_reaches() -> None:
    """A changed limit is a changed promise."""
    assert (LIMITS.payload_bytes, LIMITS.depth, LIMITS.number_digits) == (1_048_576, 8, 40)
    assert (LIMITS.string_characters, LIMITS.samples, LIMITS.series) == (200, 5_000, 1_000)
    assert timedelta(minutes=5) == LIMITS.clock_skew
