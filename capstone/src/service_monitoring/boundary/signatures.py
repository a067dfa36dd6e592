"""Signatures of requests: who holds the key wrote this body, just now, and once."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from service_monitoring.boundary.rejections import Reason, Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service_monitoring.boundary.secrets import Secret

_HEADER = re.compile(r"t=(0|[1-9][0-9]{0,10}),v1=([0-9a-f]{64})").fullmatch


def sign(body: bytes, key: Secret, at: datetime) -> str:
    """The text of the signature header for a body: HMAC-SHA256 over the time, a point and the body.

    The same body signed again in the same second has the same signature, and is refused as a replay.

    Args:
        body: Exactly the bytes that are sent.
        key: What client and service share.
        at: Now: the signature is good for the replay window around it.
    """
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(seconds, body, key)}"


class Verifier:
    """Verifies signatures, and remembers the good ones for as long as they could be sent again.

    A signature counts as used as soon as it is verified: whoever tries a request again signs it again.

    Args:
        keys: All that count; while a key is replaced that is the old one and the new one.
        window: How far the time of a signature may lie from now, either way; more than nothing.
        max_remembered: How many signatures are remembered at most; further ones are refused.
    """

    def __init__(
        self,
        keys: Sequence[Secret],
        *,
        window: timedelta = timedelta(minutes=5),
        max_remembered: int = 100_000,
    ) -> None:
        self._keys = tuple(keys)
        self._window = window.total_seconds()
        self._max_remembered = max_remembered
        self._used: dict[int, set[bytes]] = {}
        self._forgotten_until = 0.0
        self._turn = Lock()

    def verify(self, header: str | bytes, body: bytes, now: datetime) -> None:
        """Accept a signed body once.

        Args:
            header: The signature header as it came; empty if there was none.
            body: The bytes that came.
            now: Tells how old the signature is. A clock that goes back makes no used signature good again.

        Raises:
            Rejected: The signature is not good for this body now; nothing else is ever raised.
        """
        text = header.decode("ascii", "replace") if isinstance(header, bytes) else header
        match = _HEADER(text)
        if match is None:
            raise Rejected(
                Reason.BAD_SIGNATURE, "the header must be like t=<unix seconds>,v1=<64 hex digits>"
            )
        seconds, given = match.groups()
        signed_at, present = int(seconds), now.timestamp()
        # Every key is tried, so that time does not tell which one was right.
        good = [hmac.compare_digest(_digest(seconds, body, key), given) for key in self._keys]
        if True not in good:
            raise Rejected(Reason.BAD_SIGNATURE, "not the signature of this body with a known key")
        with self._turn:
            oldest = max(present - self._window, self._forgotten_until)
            if not oldest <= signed_at <= present + self._window:
                raise Rejected(
                    Reason.STALE_SIGNATURE,
                    f"signed {abs(present - signed_at):.0f} s from now: must be at most {self._window:.0f} s",
                )
            self._forget(present - self._window)
            self._use(signed_at, bytes.fromhex(given))

    def _forget(self, until: float) -> None:
        # One set for each stretch of time as long as the window: it goes when all in it are too old.
        for stretch in list(self._used):
            end = (stretch + 1) * self._window
            if end <= until:
                del self._used[stretch]
                self._forgotten_until = max(self._forgotten_until, end)

    def _use(self, signed_at: int, signature: bytes) -> None:
        used = self._used.setdefault(int(signed_at // self._window), set())
        if signature in used:
            raise Rejected(Reason.REPLAYED_SIGNATURE, "used before: sign every request anew")
        if sum(map(len, self._used.values())) >= self._max_remembered:
            raise Rejected(
                Reason.TOO_MANY_SIGNATURES,
                f"{self._max_remembered} are remembered already: try again in {self._window:.0f} s",
            )
        used.add(signature)


def _digest(seconds: str, body: bytes, key: Secret) -> str:
    mac = hmac.new(key.reveal().encode("utf-8", "surrogatepass"), f"{seconds}.".encode(), sha256)
    mac.update(body)
    return mac.hexdigest()
