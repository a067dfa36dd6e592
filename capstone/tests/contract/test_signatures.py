"""Signatures: accepted once, from whoever holds a key, inside the window; the corpus has the hostile ones."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.boundary.rejections import Reason, Rejected
from service_monitoring.boundary.secrets import Secret
from service_monitoring.boundary.signatures import Verifier, sign

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OLD, NEW = Secret("the old key"), Secret("the new key")


def test_a_signature_is_what_its_definition_says() -> None:
    """HMAC-SHA256 over the seconds since 1970, a point and the body: any client can make it."""
    mac = hmac.new(b"the old key", b"1795424400.body", hashlib.sha256).hexdigest()
    assert sign(b"body", OLD, NOW) == f"t=1795424400,v1={mac}"


@given(st.binary(max_size=40), st.integers(-300, 300), st.sampled_from([OLD, NEW]))
def test_what_is_signed_is_accepted_once(body: bytes, seconds: int, key: Secret) -> None:
    """With either of two keys, at any second of the window, and never again."""
    verifier = Verifier([OLD, NEW])
    header = sign(body, key, NOW + timedelta(seconds=seconds))
    verifier.verify(header, body, NOW)
    for later in (0, 300 + seconds):
        with pytest.raises(Rejected) as caught:
            verifier.verify(header, body, NOW + timedelta(seconds=later))
        assert caught.value.reason is Reason.REPLAYED_SIGNATURE


@given(st.binary(max_size=40), st.text(max_size=100) | st.binary(max_size=100))
def test_any_header_is_refused_with_a_reason(body: bytes, header: str | bytes) -> None:
    """Nothing but a rejection comes back for what nobody signed."""
    with pytest.raises(Rejected) as caught:
        Verifier([OLD]).verify(header, body, NOW)
    assert caught.value.reason is Reason.BAD_SIGNATURE


@given(st.binary(min_size=1, max_size=40), st.data())
def test_one_changed_character_of_header_or_body_spoils_a_signature(body: bytes, data: st.DataObject) -> None:
    """Every digit and every byte counts."""
    header = sign(body, OLD, NOW)
    at = data.draw(st.integers(0, len(header) - 1))
    other = header[:at] + data.draw(st.sampled_from("0123456789abcdef,=tvx ")) + header[at + 1 :]
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    verifier = Verifier([OLD])
    for wrong_header, wrong_body in [(other, body), (header, changed)]:
        if (wrong_header, wrong_body) != (header, body):
            with pytest.raises(Rejected) as caught:
                verifier.verify(wrong_header, wrong_body, NOW)
            assert caught.value.reason is Reason.BAD_SIGNATURE
    verifier.verify(header, body, NOW)


def test_digests_are_compared_in_constant_time_with_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first key was right can not be told by the time."""
    compared = []

    def compare(expected: str, given: str) -> bool:
        compared.append(expected)
        return expected == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    Verifier([OLD, NEW]).verify(sign(b"body", OLD, NOW), b"body", NOW)
    assert compared == [sign(b"body", key, NOW).partition("v1=")[2] for key in (OLD, NEW)]


def test_a_refused_signature_takes_no_place_in_memory() -> None:
    """Whoever has no key can not fill it."""
    verifier = Verifier([OLD], max_remembered=1)
    for number in range(20):
        with pytest.raises(Rejected):
            verifier.verify(sign(b"body", NEW, NOW - timedelta(seconds=number)), b"body", NOW)
    verifier.verify(sign(b"body", OLD, NOW), b"body", NOW)


def test_memory_holds_no_more_than_the_window() -> None:
    """A service that runs for days remembers minutes."""
    verifier = Verifier([OLD], max_remembered=25)
    for minute in range(1_000):
        now = NOW + timedelta(minutes=minute)
        verifier.verify(sign(b"body", OLD, now), b"body", now)


def test_the_memory_is_searched_and_filled_in_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two nobody else comes in."""
    verifier = Verifier([OLD])
    turns = []
    monkeypatch.setattr(verifier, "_use", lambda *_: turns.append(verifier._turn.locked()))  # noqa: SLF001
    verifier.verify(sign(b"body", OLD, NOW), b"body", NOW)
    assert turns == [True]


def test_of_requests_with_one_signature_at_the_same_time_one_is_accepted() -> None:
    """Two threads that verify at once do not both find it unused."""
    verifier, header, start = Verifier([OLD]), sign(b"body", OLD, NOW), Barrier(8)

    def attempt(_: int) -> bool:
        start.wait()
        try:
            verifier.verify(header, b"body", NOW)
        except Rejected:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
