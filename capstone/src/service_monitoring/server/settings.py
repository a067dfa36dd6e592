"""Settings: what a server needs to know before it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from service_monitoring.boundary.limits import Limits
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.sources.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_monitoring.application.ports import Clock, Sink, Store
    from service_monitoring.boundary.policy_file import PolicyFile
    from service_monitoring.boundary.secrets import Secret

MIN_TOKEN_CHARACTERS = 16
MIN_KEY_CHARACTERS = 32

_is_token = re.compile(r"[A-Za-z0-9._~+/-]+=*").fullmatch  # RFC 6750


class SettingsError(ValueError):
    """The server can not start like this; the message is one clear line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What a server needs to know.

    Attributes:
        policy: What it decides by.
        store: Where the policy lives; the server does not close it.
        token: What clients must show; at least 16 letters, digits and `-._~+/`.
        signing_keys: When there are any, requests with samples must be signed with one; at least 32
            characters each.
        sinks: Are told of incidents.
        host: The address to listen on.
        port: The port to listen on; 0: any that is free.
        allow_remote: Whether the host may be other than loopback. The token then goes over the network as it
            is, and whoever comes may read the metrics: have a proxy in front that speaks TLS.
        queue: How many requests with samples may be in work at once, from their first byte to their commit;
            each holds at most `limits.payload_bytes`. More are told to try again.
        limits: How much of one request is read.
        clock: Dates requests, and tells when a decision is due.
        signals: Told of everything; the server adds its Prometheus metrics to it.

    Raises:
        SettingsError: The token is missing or too simple, a key is too short, or the host is not loopback.
    """

    policy: PolicyFile
    store: Store
    token: Secret | None
    signing_keys: Sequence[Secret] = ()
    sinks: Sequence[Sink] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    allow_remote: bool = False
    queue: int = 64
    limits: Limits = field(default_factory=Limits)
    clock: Clock = field(default_factory=SystemClock)
    signals: FanOut = field(default_factory=FanOut)

    def __post_init__(self) -> None:
        if self.token is None:
            raise SettingsError(
                f"there is no token: one of at least {MIN_TOKEN_CHARACTERS} characters is needed"
            )
        if len(self.token.reveal()) < MIN_TOKEN_CHARACTERS or not _is_token(self.token.reveal()):
            raise SettingsError(
                f"the token must be at least {MIN_TOKEN_CHARACTERS} letters, digits and -._~+/ in a row"
            )
        if any(len(key.reveal()) < MIN_KEY_CHARACTERS for key in self.signing_keys):
            raise SettingsError(f"a signing key needs at least {MIN_KEY_CHARACTERS} characters")
        if not self.allow_remote and not _is_loopback(self.host):
            raise SettingsError(
                f"{self.host[:70]!a} is not a loopback address: allow remote clients, or use 127.0.0.1"
            )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
