"""What the `serve` command assembles: settings from its arguments, secrets from files and the environment."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from service_monitoring.boundary.secrets import Secret
from service_monitoring.server.run import run
from service_monitoring.server.settings import MIN_TOKEN_CHARACTERS, ServerSettings, SettingsError
from service_monitoring.signals.catalogue import State
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.log import JsonFormatter, LogSignals
from service_monitoring.sinks.file import FileSink
from service_monitoring.sinks.log import LogSink
from service_monitoring.sinks.webhook import WebhookSink
from service_monitoring.sources.clock import SystemClock
from service_monitoring.storage.address import open_store
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from service_monitoring.application.ports import Sink
    from service_monitoring.boundary.policy_file import PolicyFile

TOKEN_VARIABLE = "SERVICE_MONITORING_TOKEN"  # noqa: S105 - the variable's name
_ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def serve(options: argparse.Namespace, policy: PolicyFile, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; log lines go to the standard error, JSON each.

    Args:
        options: The parsed arguments of the command line.
        policy: What is decided.
        started: Called with the server's URL as soon as it listens.

    Raises:
        SettingsError: A secret is missing or too simple, or the server may not start like this.
        StoreError: The store can not be opened.
        OSError: A file can not be read, or the address not listened on.
    """
    logger = logging.getLogger("service_monitoring")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    clock, signals = SystemClock(), FanOut()
    key = _secret_file(options.signing_key_file)
    webhook = _secret_file(options.webhook_file)
    sinks: list[Sink] = [LogSink(logging.getLogger("service_monitoring.incidents"))]
    if options.notify_file is not None:
        sinks.append(FileSink(options.notify_file))
    if webhook is not None:
        sinks.append(_webhook(webhook, clock, key))
    token = _secret_file(options.token_file) or _secret(os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE)
    if token is None:
        raise SettingsError(
            f"there is no token: put one of at least {MIN_TOKEN_CHARACTERS} characters into "
            f"{TOKEN_VARIABLE} or a --token-file"
        )
    # Checked before the store is opened, which would make a new one.
    settings = ServerSettings(
        policy=policy,
        store=MemoryStore(),
        token=token,
        signing_keys=[] if key is None else [key],
        sinks=sinks,
        host=options.host,
        port=options.port,
        allow_remote=options.allow_remote,
        clock=clock,
        signals=signals,
    )
    with ExitStack() as stack:
        store = open_store(options.store)
        stack.callback(store.close)
        logger.addHandler(handler)
        stack.callback(logger.removeHandler, handler)
        logger.setLevel(logging.INFO)
        signals.add(LogSignals(logging.getLogger("service_monitoring.signals")))
        if os.environ.get(_ENDPOINT_VARIABLE):
            from service_monitoring.signals.otel import over_http  # noqa: PLC0415 - an optional adapter

            telemetry = over_http(State(store, signals), clock)
            signals.add(telemetry)
            stack.callback(telemetry.close)
        run(replace(settings, store=store), started=started)


def _webhook(url: Secret, clock: SystemClock, key: Secret | None) -> WebhookSink:
    try:
        return WebhookSink(url, clock, signing_key=key)
    except ValueError as error:
        raise SettingsError(f"--webhook-file: {error}") from None


def _secret_file(path: Path | None) -> Secret | None:
    return None if path is None else _secret(path.read_text(encoding="utf-8").strip(), str(path))


def _secret(text: str, where: str) -> Secret | None:
    try:
        return Secret(text) if text else None
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None
