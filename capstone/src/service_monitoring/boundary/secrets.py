"""Secrets that do not show, and the one place where text is rid of them."""

from __future__ import annotations

import json
import re
from hmac import compare_digest
from typing import NoReturn
from urllib.parse import quote
from weakref import WeakValueDictionary

MIN_SECRET_CHARACTERS = 8
REDACTED = "[redacted]"


class Secret:
    """A text that is shown nowhere: not by `repr`, `str` or a format, not by JSON, `pickle` or a copy.

    Where a traceback shows the variables of a frame it shows their `repr`: hand the secret on, and call
    `reveal` inside the one expression that needs the text.

    While a secret lives, `redact` knows it. One that is no longer referenced is no longer known.

    Args:
        value: At least eight characters: a shorter text would be found, and hidden, inside ordinary words.

    Raises:
        ValueError: It is shorter.

    Examples:
        >>> token = Secret("correct horse")
        >>> token, f"{token}", token == "correct horse"
        (Secret('[redacted]'), '[redacted]', True)
    """

    __slots__ = ("__weakref__", "_forms", "_value")

    def __init__(self, value: str) -> None:
        if len(value) < MIN_SECRET_CHARACTERS:
            raise ValueError(f"a secret needs at least {MIN_SECRET_CHARACTERS} characters")
        self._value = value
        # As it is, and as Python, JSON and a URL write it.
        self._forms = {value, ascii(value)[1:-1], json.dumps(value)[1:-1], quote(_encoded(value), safe="")}
        _live[id(self)] = self

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        """Whether another secret, or a text, is the same; the time that takes tells its length at most."""
        text = other._value if isinstance(other, Secret) else other
        if not isinstance(text, str):
            return NotImplemented
        return compare_digest(_encoded(self._value), _encoded(text))

    # What can be a key can be found by trying: a secret has no hash.
    __hash__ = None  # type: ignore[assignment] # the data model's way to say so

    def __repr__(self) -> str:
        return f"Secret({REDACTED!r})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied and not pickled")


_live: WeakValueDictionary[int, Secret] = WeakValueDictionary()

# Every repetition is bounded or can match in one way only: the time is linear in the text.
_SECRET_PLACES = (
    re.compile(r"(?i)(\bauthorization['\"]?\s{0,9}[:=,]\s{0,9}(?:b?['\"])?)[^\r\n'\"]+"),
    re.compile(r"(?i)(\bbearer\s{1,9})[^\s'\",;]+"),
    re.compile(r"(?i)(\bpassword['\"]?\s{0,9}[:=]\s{0,9}(?:b?['\"])?)[^\s&'\",;]+"),
    re.compile(r"(://[^\s:/?#@'\"]{0,256}:)[^\s'\"]{1,256}@"),
)


def conceal(text: str) -> str:
    """The text without the secrets that live.

    Each is found as it is, and as `ascii`, JSON and a URL write it. Only a whole secret is found: conceal
    first, cut later. The time grows with the length of the text times the number of secrets.
    """
    secrets = [ref() for ref in _live.valuerefs()]
    forms = {form for secret in secrets if secret is not None for form in secret._forms}  # noqa: SLF001 - a friend
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def redact(text: str) -> str:
    """The text without secrets: those that live, and what stands where secrets stand.

    That is an `Authorization` header, a bearer token, `password=`, and the password of a URL of at most
    256 characters.

    Examples:
        >>> redact("no answer from postgresql://monitor:hunter2@db/metrics")
        'no answer from postgresql://monitor:[redacted]@db/metrics'
    """
    text = conceal(text)
    for place in _SECRET_PLACES[:-1]:
        text = place.sub(rf"\g<1>{REDACTED}", text)
    return _SECRET_PLACES[-1].sub(rf"\g<1>{REDACTED}@", text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
