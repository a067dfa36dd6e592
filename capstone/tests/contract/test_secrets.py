"""Confidentiality: a secret never shows, whatever is done to it and wherever it comes back from."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import asdict, dataclass
from gc import collect
from string import Template
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.hostile.corpus import NOW, sample

from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.rejections import Rejected, excerpt
from service_monitoring.boundary.secrets import REDACTED, Secret, conceal, redact
from service_monitoring.boundary.signatures import Verifier, sign

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary-7f3a9e5d"
WORD = "canary_7f3a9e5d"
"""A secret that could be the name of a metric."""


@pytest.fixture
def secret() -> Secret:
    """A secret that lives as long as the test."""
    return Secret(CANARY)


@dataclass
class Settings:
    """What somebody would print to see how a service is set up."""

    token: Secret


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": "{}".format,
    "format repr": "{!r}".format,
    "format width": "{:>30}".format,
    "percent": lambda secret: f"{secret!s}" + "%s %r" % (secret, secret),  # noqa: UP031 - both ways
    "template": lambda secret: Template("$secret").substitute(secret=secret),
    "list": lambda secret: str([secret]),
    "dataclass": lambda secret: repr(Settings(secret)),
    "pprint": lambda secret: pprint.pformat({"token": secret}),
    "json as a string": lambda secret: json.dumps({"token": secret}, default=str),
    "exception": lambda secret: repr(ValueError(secret)) + str(ValueError(secret)),
    "key error": lambda secret: str(KeyError(secret)),
    "dir": lambda secret: str(dir(secret)),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_is_shown_as_redacted(secret: Secret, show: Callable[[Secret], str]) -> None:
    """Every way to make text of it says that something was there, and no more."""
    assert CANARY not in show(secret)
    assert REDACTED in show(secret) or show is SHOWN["dir"]


COPIED: dict[str, Callable[[Any], object]] = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda secret: asdict(Settings(secret)),
    "json": json.dumps,
    "vars": vars,
    "iteration": list,
    "length": len,
    "hash": hash,
    "bytes": bytes,
    "write": lambda secret: io.StringIO().write(secret),
}


@pytest.mark.parametrize("take", COPIED.values(), ids=COPIED)
def test_a_secret_is_not_copied_and_not_written(secret: Secret, take: Callable[[Secret], object]) -> None:
    """What could carry the text elsewhere fails, and the failure does not tell it either."""
    with pytest.raises(TypeError) as caught:
        take(secret)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_secret_is_equal_to_its_text_and_to_another_of_the_same() -> None:
    """Texts that are not even text are not equal, and do not fail."""
    secret = Secret(CANARY)
    assert secret == CANARY == secret.reveal()
    assert secret == Secret(CANARY)
    assert secret != Secret(CANARY + "x")
    assert secret != CANARY + "\ud800"
    assert secret != CANARY.encode()
    assert Secret("schl\u00fcssel\ud800") == "schl\u00fcssel\ud800"


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is the one that is made for it, and no other comes before."""
    asked = []

    def compare(*texts: bytes) -> bool:
        asked.append(texts)
        return True

    monkeypatch.setattr("service_monitoring.boundary.secrets.compare_digest", compare)
    assert Secret(CANARY) == "guess"
    assert asked == [(CANARY.encode(), b"guess")]


def test_a_short_secret_is_refused_without_being_shown() -> None:
    """Hiding it would hide ordinary words."""
    with pytest.raises(ValueError, match="at least 8 characters") as caught:
        Secret("hunter2")
    assert "hunter2" not in str(caught.value)
    assert Secret("hunter22") == "hunter22"


def failing(token: Secret) -> None:
    """Fail with a secret among the variables."""
    headers = {"authorization": token}
    raise LookupError(headers)


def test_a_traceback_with_the_variables_of_its_frames_shows_no_secret(secret: Secret) -> None:
    """What holds a secret shows its `repr`."""
    with pytest.raises(LookupError) as caught:
        failing(secret)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "headers = " in told
    assert CANARY not in told


def test_a_log_line_shows_no_secret(secret: Secret) -> None:
    """Neither among the arguments nor with the exception."""
    stream = io.StringIO()
    logger = logging.Logger("test")  # noqa: LOG001 - it must not reach the others
    logger.addHandler(logging.StreamHandler(stream))
    try:
        failing(secret)
    except LookupError:
        logger.exception("refused %s %r", secret, secret)
    assert REDACTED in stream.getvalue()
    assert CANARY not in stream.getvalue()


HOSTILE = {
    "metric": sample({"metric": f'"{CANARY}"'}),
    "metric that is a name": sample({"metric": f'"{WORD}"'}),
    "metric after others": sample({"metric": f'"{"x" * 35}{CANARY}"'}),
    "metric escaped": sample({"metric": '"' + "".join(f"\\u{ord(letter):04x}" for letter in CANARY) + '"'}),
    "value": sample({"value": f'"{CANARY}"'}),
    "value in an array": sample({"value": f'["{CANARY}"]'}),
    "value in an object": sample({"value": f'{{"{CANARY}":"{CANARY}"}}'}),
    "value with a field twice": sample({"value": f'{{"{CANARY}":1,"{CANARY}":1}}'}),
    "time": sample({"observed_at": f'"{CANARY}"'}),
    "time with a bearer token": sample({"observed_at": '"Bearer canary-of-others"'}),
    "time with a url": sample({"observed_at": '"postgresql://u:canary-of-others@h"'}),
    "metric with a url": sample({"metric": f'"{"x" * 20}postgresql://u:canary-of-others@h"'}),
    "field": sample({"metric": f'"up","{CANARY}":1'}),
    "field twice": sample({"metric": f'"up","{CANARY}":1,"{CANARY}":1'}),
    "sample": f'"{CANARY}"'.encode(),
    "sample array": f'["{CANARY}"]'.encode(),
    "syntax": f'{{"{CANARY}" {CANARY}}}'.encode(),
    "no utf-8": f'"{CANARY}'.encode() + b"\xff",
}
BODIES = {
    "accept": b'{"accept":"%b","samples":[]}',
    "samples": b'{"accept":"all","samples":"%b"}',
    "unknown": b'{"%b":1}',
    "twice": b'{"%b":1,"%b":1}',
    "text": b"%b",
    "string": b'"%b"',
    "after": b'{"accept":"all","samples":[]} %b',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_rejection_of_a_sample_shows_a_secret(text: bytes) -> None:
    """Wherever a client put it: what is shown of an input is redacted before it is cut."""
    secrets = Secret(CANARY), Secret(WORD)
    for accept in (b"all", b"each"):
        body = b'{"accept":"%b","samples":[%b]}' % (accept, text)
        try:
            [rejection] = decode_batch(body, now=NOW).rejections
        except Rejected as caught:
            rejection = caught
        assert "canary" not in told(rejection)
    with pytest.raises(Rejected) as caught_again:
        SampleDecoder().decode(text)
    assert "canary" not in told(caught_again.value)
    assert secrets


@pytest.mark.parametrize("form", BODIES.values(), ids=BODIES)
def test_no_rejection_of_a_body_shows_a_secret(form: bytes, secret: Secret) -> None:
    """Neither whole nor in part."""
    body = form.replace(b"%b", CANARY.encode())
    with pytest.raises(Rejected) as caught:
        decode_batch(body, now=NOW)
    assert "canary" not in told(caught.value)
    assert secret == CANARY


def told(rejection: Rejected) -> str:
    """All that a rejection tells whoever prints, logs or serializes it."""
    told = f"{rejection} {rejection!r} {rejection.detail} {rejection.position}"
    return told + "".join(traceback.format_exception(rejection))


def test_no_rejection_of_a_signature_shows_the_key(secret: Secret) -> None:
    """Nor what the right signature would have been."""
    right = sign(b"body", secret, NOW).partition("v1=")[2]
    for header in ("", CANARY, f"t=1,v1={'0' * 64}", sign(b"other", secret, NOW)):
        with pytest.raises(Rejected) as caught:
            Verifier([secret]).verify(header, b"body", NOW)
        assert "canary" not in told(caught.value)
        assert right not in told(caught.value)


def test_an_excerpt_shows_forty_characters_of_a_client_and_no_part_of_a_secret(secret: Secret) -> None:
    """A secret that the cut would halve is found before."""
    assert excerpt("x" * 100) == f"'{'x' * 39}..."
    for before in range(60):
        assert "can" not in excerpt("x" * before + CANARY)
    number = Secret("1234567890")
    assert excerpt(1234567890) == REDACTED
    assert secret == CANARY
    assert number == "1234567890"


REDACTED_TEXTS = [
    ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
    ("authorization=Basic dXNlcjpwYXNz\r\nHost: x", "authorization=[redacted]\r\nHost: x"),
    ("{'authorization': 'Bearer abc', 'a': 1}", "{'authorization': '[redacted]', 'a': 1}"),
    ("(b'authorization', b'Basic dXNlcjpw')", "(b'authorization', b'[redacted]')"),
    ("curl -H 'authorization:token abc' http://h", "curl -H 'authorization:[redacted]' http://h"),
    ("refused BEARER abc-123, tried again", "refused BEARER [redacted], tried again"),
    ("postgresql://user:pass@host/db", "postgresql://user:[redacted]@host/db"),
    ("postgresql://user:p@ss:w/rd@host/db", "postgresql://user:[redacted]@host/db"),
    ("postgresql://:pass@host", "postgresql://:[redacted]@host"),
    ("https://hook:pass@h/a, http://h2", "https://hook:[redacted]@h/a, http://h2"),
    ("postgresql://host/db?password=pass&x=1", "postgresql://host/db?password=[redacted]&x=1"),
    ("host=h password=pass user=u", "host=h password=[redacted] user=u"),
    ("PASSWORD: 'pass'", "PASSWORD: '[redacted]'"),
]


@pytest.mark.parametrize(("text", "redacted"), REDACTED_TEXTS)
def test_what_stands_where_secrets_stand_is_redacted(text: str, redacted: str) -> None:
    """Also when nobody said that it is a secret; once redacted, it stays as it is."""
    assert redact(text) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user@host/db",
        "sqlite:////var/lib/monitor.db",
        "http://127.0.0.1:8080/v1/samples",
        "not authorized: no token",
        "the bearer of this",
        "observed at 2026-11-23T09:00:00Z by a@b.example",
    ],
)
def test_text_without_secrets_stays_readable(text: str) -> None:
    """Redaction that hides everything would be switched off by whoever has to read logs."""
    assert redact(text) == (text if "bearer" not in text else "the bearer [redacted] this")


@given(st.text(max_size=20), st.text(min_size=8, max_size=12), st.text(max_size=20))
def test_a_secret_that_lives_is_found_in_any_text(before: str, value: str, after: str) -> None:
    """As it is, and as `repr`, JSON and a URL write it."""
    secret = Secret(value)
    for text in (value, json.dumps({before: value}), ascii([value])):
        assert value not in conceal(before + text + after).replace(REDACTED, "")
    assert ascii(value)[1:-1] not in conceal(ascii([value]))
    assert json.dumps(value)[1:-1] not in conceal(json.dumps({"a": value}))
    assert quote(value, safe="") not in conceal(f"http://h/?a={quote(value, safe='')}")
    assert secret == value


def test_one_secret_inside_another_does_not_uncover_the_rest() -> None:
    """The longer one is hidden first."""
    secrets = Secret("longpassword"), Secret("password")
    assert conceal("longpassword password") == f"{REDACTED} {REDACTED}"
    assert len(secrets) == 2


def test_a_secret_that_nobody_holds_is_forgotten() -> None:
    """The memory of what to redact does not grow."""
    secret = Secret(CANARY)
    assert conceal(CANARY) == REDACTED
    del secret
    collect()
    assert conceal(CANARY) == CANARY


@pytest.mark.parametrize(
    "hostile", ["://" * 300_000, "://a:" * 200_000, "authorization " * 70_000, "a" * 1_000_000]
)
def test_redaction_takes_time_in_proportion_to_its_text(hostile: str) -> None:
    """A client can not make it slow: of a quadratic pattern, this test would not come back today."""
    assert len(redact(hostile)) <= len(hostile)
