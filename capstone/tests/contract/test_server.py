"""The HTTP edge: each answer has its status and reason; what is acknowledged is kept; no secret shows."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from queue import SimpleQueue
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest
from oracle.hostile import corpus
from support.server import (
    AT,
    BEARER,
    BUSY,
    CANARY,
    INTERVAL,
    JSON,
    ON_LOOPBACK,
    PATIENCE_S,
    POLICY,
    Edge,
    batch,
    sample,
)

from service_monitoring.application.commands import CreatePolicy, DraftRule, Evaluate
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import PolicyNotFoundError, StoreError
from service_monitoring.application.replay import TraceClock
from service_monitoring.application.signals import CommandCommitted, CommandRefused, RequestHandled
from service_monitoring.boundary.rejections import Reason, RequestReason
from service_monitoring.boundary.secrets import Secret
from service_monitoring.boundary.signatures import Verifier, sign
from service_monitoring.domain.rules import RuleStatus
from service_monitoring.domain.values import MetricName
from service_monitoring.domain.window import MAX_SAMPLES_PER_SERIES, MAX_SERIES, Refusal
from service_monitoring.server import app as app_module
from service_monitoring.server import run as run_module
from service_monitoring.server import work
from service_monitoring.server.app import UNMATCHED, correlation_of
from service_monitoring.server.problems import Code, status_of
from service_monitoring.server.run import Server
from service_monitoring.server.settings import ServerSettings, SettingsError
from service_monitoring.sinks.file import FileSink
from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.sqlite import open_sqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from service_monitoring.application.ports import Notification

KEY = Secret("canary-7f3a9e5d-signing-key-of-32")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECOND = timedelta(seconds=1)
NEVER_BY_REQUEST = {Reason.BAD_HEADER}
"""Of a trace file."""


@pytest.fixture
def edge() -> Iterator[Edge]:
    """The application over a store that can be broken, at a clock that stands."""
    edge = Edge()
    edge.begin()
    yield edge
    edge.store.gate.set()
    edge.service.stop()


@pytest.fixture
def signed() -> Iterator[Edge]:
    """The same; samples must be signed."""
    edge = Edge({"signing_keys": [KEY]})
    edge.begin()
    yield edge
    edge.service.stop()


def signed_at(body: bytes, at: datetime = AT) -> dict[str, str]:
    """The header of a signature."""
    return {"X-Signature": sign(body, KEY, at)}


# Every reason, and a request that is refused for it.

PROVOCATIONS: dict[Code, Callable[[pytest.FixtureRequest], httpx.Response]] = {}


def provokes(reason: Code) -> Callable[[Callable[[Edge], httpx.Response]], None]:
    """Register a request that is refused for this reason."""
    fixture = "signed" if "SIGNATURE" in reason.name else "edge"

    def register(provoke: Callable[[Edge], httpx.Response]) -> None:
        PROVOCATIONS[reason] = lambda request: provoke(request.getfixturevalue(fixture))

    return register


def spoiled(reason: Reason) -> bytes:
    """A body of the hostile corpus that has this outcome."""
    texts = [case.body("all") for case in corpus.samples() if case.reason == reason]
    return [*texts, *(case.text for case in corpus.bodies() if case.reason == reason)][0]


for of_the_body in {*Reason} - NEVER_BY_REQUEST - {reason for reason in Reason if "SIGNATURE" in reason.name}:
    provokes(of_the_body)(lambda edge, reason=of_the_body: edge.post(spoiled(reason)))  # type: ignore[misc] # bound


@provokes(Reason.BAD_SIGNATURE)
def _(edge: Edge) -> httpx.Response:
    return edge.post(batch())


@provokes(Reason.STALE_SIGNATURE)
def _(edge: Edge) -> httpx.Response:
    return edge.post(batch(), signed_at(batch(), AT - timedelta(hours=1)))


@provokes(Reason.REPLAYED_SIGNATURE)
def _(edge: Edge) -> httpx.Response:
    assert edge.post(batch(), signed_at(batch())).status_code == 202
    return edge.post(batch(), signed_at(batch()))


@provokes(Reason.TOO_MANY_SIGNATURES)
def _(edge: Edge) -> httpx.Response:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "Verifier", partial(Verifier, max_remembered=1))
        edge.app = app_module.create_app(edge.settings, edge.service, edge.prometheus.exposition)
    assert edge.post(batch(), signed_at(batch())).status_code == 202
    return edge.post(batch(), signed_at(batch(), AT - SECOND))


@provokes(Refusal.TOO_OLD)
def _(edge: Edge) -> httpx.Response:
    edge.tick(INTERVAL)
    return edge.post(batch(sample(), sample(at=AT - timedelta(days=1))))


@provokes(Refusal.SERIES_LIMIT)
def _(edge: Edge) -> httpx.Response:
    names = [sample(metric=f"m{number}") for number in range(MAX_SERIES)]
    assert edge.post(batch(*names)).status_code == 202
    return edge.post(batch(sample(metric="m0"), sample(metric="one_more")))


@provokes(Refusal.SAMPLE_LIMIT)
def _(edge: Edge) -> httpx.Response:
    series = edge.store.window()
    series.take((MetricName("busy"), number, 0.0) for number in range(MAX_SAMPLES_PER_SERIES))
    return edge.post(batch())


@provokes(RequestReason.UNAUTHORIZED)
def _(edge: Edge) -> httpx.Response:
    return edge.call("POST", "/v1/samples", content=batch(), headers=JSON)


@provokes(RequestReason.NOT_FOUND)
def _(edge: Edge) -> httpx.Response:
    return edge.call("GET", f"/v1/{CANARY}?token={CANARY}", headers=BEARER)


@provokes(RequestReason.METHOD_NOT_ALLOWED)
def _(edge: Edge) -> httpx.Response:
    return edge.call("DELETE", "/v1/samples", headers=BEARER)


@provokes(RequestReason.UNSUPPORTED_MEDIA_TYPE)
def _(edge: Edge) -> httpx.Response:
    return edge.post(batch(), {"Content-Type": f"text/{CANARY}"})


@provokes(RequestReason.INCOMPLETE)
def _(edge: Edge) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"accept":'
        raise TimeoutError  # as if the clock of the loop had run out while nothing came

    return edge.post(body())


@provokes(RequestReason.QUEUE_FULL)
def _(edge: Edge) -> httpx.Response:
    edge.app = app_module.create_app(
        replace(edge.settings, queue=0), edge.service, edge.prometheus.exposition
    )
    return edge.post(batch())


@provokes(RequestReason.STORE)
def _(edge: Edge) -> httpx.Response:
    edge.store.error = StoreError(f"postgresql://user:{CANARY}@host/db: disk full")
    return edge.post(batch())


@provokes(RequestReason.STOPPING)
def _(edge: Edge) -> httpx.Response:
    edge.service.stopping = True
    return edge.post(batch())


@provokes(RequestReason.INTERNAL)
def _(edge: Edge) -> httpx.Response:
    edge.store.error = RuntimeError(f"nobody foresaw {CANARY}")
    return edge.post(batch())


def test_every_reason_is_provoked() -> None:
    """Nothing that can be answered is left untried."""
    every = {reason for enum in get_args(Code) for reason in enum}
    assert PROVOCATIONS.keys() == every - NEVER_BY_REQUEST


@pytest.mark.parametrize("reason", sorted(PROVOCATIONS), ids=str)
def test_each_reason_has_its_status_and_one_shape(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, reason: Code
) -> None:
    """A problem of RFC 9457 with the headers of its status, told by a signal, without secrets."""
    caplog.set_level(logging.DEBUG)
    edge: Edge = request.getfixturevalue("signed" if "SIGNATURE" in reason.name else "edge")
    answer = PROVOCATIONS[reason](request)
    problem = answer.json()
    status = status_of(reason)
    assert (answer.status_code, problem["status"], problem["title"]) == (status, status, status.phrase)
    assert problem["reason"] == reason
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("retry-after" in answer.headers) == (status in {429, 503})
    assert ("allow" in answer.headers) == (status == 405)
    assert problem["detail"].isprintable()
    assert len(problem["detail"]) < 250
    told = edge.captured.of(RequestHandled)[-1]
    assert (told.status, told.reason) == (status, reason)
    assert told.correlation == answer.headers["x-correlation-id"]
    records = [
        vars(record) for record in caplog.records if not record.name.startswith("http")
    ]  # the client's
    shown = answer.text + str(answer.headers) + repr(edge.captured.signals) + repr(records)
    shown += edge.prometheus.exposition().decode()
    assert "canary" not in shown
    assert "Traceback" not in answer.text + str(answer.headers)


def test_the_log_says_why_the_store_failed_and_what_nobody_foresaw(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is not told: it is the operator's business."""
    edge.store.error = StoreError("sqlite:///monitoring.db: disk full")
    assert "disk" not in edge.post(batch()).text
    edge.store.error = ZeroDivisionError(f"by {CANARY}")
    assert "ZeroDivision" not in edge.post(batch()).text
    stored, fault = caplog.messages
    assert stored == "sqlite:///monitoring.db: disk full"
    assert "raise self.error" in fault
    assert fault.endswith("ZeroDivisionError: by [redacted]\n")


BODIES = [
    *((case.name, case.body("all"), case.reason, case.position) for case in corpus.samples()),
    *((case.name, case.text, case.reason, case.position) for case in corpus.bodies()),
]


def test_each_body_of_the_hostile_corpus_has_the_answer_of_the_decoder() -> None:
    """Whatever is in a body, the answer is the outcome of the corpus; nothing refused is kept."""
    assert len(BODIES) > 100
    edge, headers = Edge(), {**BEARER, **JSON}
    with edge.listening() as url, httpx.Client(base_url=url, headers=headers, **ON_LOOPBACK) as client:
        for name, body, reason, position in BODIES:
            held = edge.store.held()
            answer = client.post("/v1/samples", content=body)
            if reason == corpus.ACCEPTED:
                assert answer.status_code in {202, 409}, name
                continue
            assert answer.json()["reason"] == reason, name
            assert answer.status_code == status_of(Reason(reason)), name
            if position is not None and "samples[" in answer.json()["position"]:
                assert position in answer.json()["position"], name
            assert edge.store.held() == held, name


# Acknowledged means committed.


def test_an_answer_comes_after_the_commit(edge: Edge) -> None:
    """As long as the store has not committed there is no 202."""
    edge.store.hold()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(edge.post, batch())
        assert edge.store.arrived.acquire(timeout=PATIENCE_S)
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.5)
        assert edge.store.held() == 0
        edge.store.gate.set()
        assert answer.result().status_code == 202
    assert edge.store.held() == 1


def test_a_batch_of_each_tells_what_became_of_every_sample(edge: Edge) -> None:
    """Kept, rejected with its position, or refused by the window."""
    edge.tick(INTERVAL)
    samples = [sample(), {"metric": "busy"}, sample(at=AT - timedelta(days=1)), 7]
    answer = edge.post(batch(*samples, accept="each"))  # type: ignore[arg-type] # 7 is what is wrong
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "rejected": [
            {
                "position": "samples[1]",
                "reason": "missing_field",
                "detail": "samples[1]: observed_at is missing",
            },
            {
                "position": "samples[3]",
                "reason": "not_an_object",
                "detail": "samples[3]: 7: must be an object",
            },
        ],
        "refused": {"too_old": 1},
    }
    assert edge.store.held() == 1
    *_, handled = edge.captured.of(RequestHandled)
    assert handled.rejected == {"missing_field": 1, "not_an_object": 1}


def test_a_whole_batch_that_is_refused_leaves_nothing(edge: Edge) -> None:
    """By the decoder or by the window; the answer counts what the window refused."""
    edge.tick(INTERVAL)
    assert edge.post(batch(sample(), {"metric": "busy"})).status_code == 400
    answer = edge.post(batch(sample(), sample(at=AT - timedelta(days=1))))
    assert (answer.status_code, answer.json()["refused"]) == (409, {"too_old": 1})
    assert edge.store.held() == 0


def test_a_signed_request_is_accepted_once(signed: Edge) -> None:
    """With the token as well."""
    body = batch()
    unknown = signed.post(body, {**signed_at(body), "Authorization": "Bearer another-token-than-that"})
    assert unknown.json()["reason"] == "unauthorized"
    assert signed.post(body, signed_at(body)).status_code == 202
    assert signed.post(body, signed_at(body)).json()["reason"] == "replayed_signature"


def test_only_the_worker_touches_the_store(edge: Edge) -> None:
    """The event loop never waits for it."""
    edge.store.threads.clear()
    edge.post(batch())
    for path in ("/v1/incidents", "/readyz", "/metrics", "/healthz", "/openapi.json"):
        assert edge.call("GET", path, headers=BEARER).status_code == 200
    edge.tick(INTERVAL)
    assert edge.store.threads == {"worker"}


# Who may ask, and how.


@pytest.mark.parametrize("path", ["/v1/samples", "/v1/incidents"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", CANARY, f"Basic {CANARY}", f"Bearer {CANARY}x", f"Bearer  {CANARY}"],
)
def test_without_the_token_nothing_is_told_and_nothing_kept(
    edge: Edge, path: str, authorization: str | None
) -> None:
    """The body is not even read."""
    headers = {**JSON, **({} if authorization is None else {"Authorization": authorization})}
    method = "POST" if path == "/v1/samples" else "GET"
    answer = edge.call(method, path, content=b"no json", headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (401, "unauthorized")


def test_the_token_is_compared_in_constant_time(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the comparison that is made for it."""
    asked: list[bytes] = []

    def compare(_: bytes, given: bytes) -> bool:
        asked.append(given)
        return True

    monkeypatch.setattr("service_monitoring.boundary.secrets.compare_digest", compare)
    assert edge.call("GET", "/v1/incidents", headers={"Authorization": "bearer guess"}).status_code == 200
    assert asked == [b"guess"]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/openapi.json"])
def test_what_tells_nothing_of_clients_needs_no_token(edge: Edge, path: str) -> None:
    """A scraper that held the token could write samples."""
    assert edge.call("GET", path).status_code == 200
    assert edge.call("HEAD", path).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 202),
        ({"Content-Type": "Application/JSON; charset=UTF-8"}, 202),
        ({"Content-Type": 'application/json;charset="utf-8"'}, 202),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ],
)
def test_the_body_must_be_said_to_be_json(edge: Edge, headers: dict[str, str], status: int) -> None:
    """A form that a browser posts from any page is not."""
    assert edge.post(batch(), headers).status_code == status


def test_every_answer_has_the_headers_that_keep_it_private(edge: Edge) -> None:
    """Nobody stores it, guesses its type, or learns what serves it."""
    for path in ("/healthz", "/metrics", "/nowhere", "/v1/incidents"):
        headers = edge.call("GET", path).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    with edge_listening() as url:
        assert "server" not in httpx.get(f"{url}/healthz", **ON_LOOPBACK).headers
        assert httpx.get(f"{url}/healthz/", **ON_LOOPBACK).status_code == 404


def edge_listening() -> Any:
    """A live server."""
    return Edge().listening()


@pytest.mark.parametrize(
    ("traceparents", "right"),
    [
        ([f"00-{TRACE}-00f067aa0ba902b7-01"], True),
        ([f"00-{TRACE}-00f067aa0ba902b7-00"], True),
        ([f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like"], True),
        ([f"cc-{TRACE}-00f067aa0ba902b7-01"], True),
        ([f"cc-{TRACE}-00f067aa0ba902b7-01."], False),
        ([f"00-{TRACE}-00f067aa0ba902b7-01-more"], False),
        ([f"ff-{TRACE}-00f067aa0ba902b7-01"], False),
        ([f"00-{TRACE.upper()}-00f067aa0ba902b7-01"], False),
        ([f"00-{'0' * 32}-00f067aa0ba902b7-01"], False),
        ([f"00-{TRACE}-{'0' * 16}-01"], False),
        ([f"00-{TRACE}-00f067aa0ba902b7"], False),
        ([f"00-{TRACE}-00f067aa0ba902b7-01"] * 2, False),
        ([""], False),
        ([], False),
    ],
)
def test_a_valid_traceparent_names_the_work(traceparents: list[str], right: bool) -> None:  # noqa: FBT001 - a row
    """Anything else gets a new name, of the same form."""
    correlation = correlation_of(traceparents)
    assert (correlation == TRACE) is right
    assert re.fullmatch("[0-9a-f]{32}", correlation)


def test_one_correlation_goes_from_the_request_to_the_notification(tmp_path: Path) -> None:
    """Through the signals, the answer, the outbox and the sink."""
    path = tmp_path / "notifications.jsonl"
    edge = Edge({"sinks": [FileSink(path)]})
    edge.begin()
    answer = edge.post(batch(sample(0.99)), {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    edge.tick(INTERVAL)
    edge.monitor.deliver_due()
    edge.service.stop()
    assert answer.headers["x-correlation-id"] == TRACE
    assert edge.captured.of(CommandCommitted)[0].correlation == TRACE
    assert edge.captured.of(RequestHandled)[0].correlation == TRACE
    notification = json.loads(path.read_bytes())
    assert (notification["correlation"], notification["incident"]["state"]) == (TRACE, "open")


def test_incidents_are_told_while_they_last_and_after(edge: Edge) -> None:
    """The current ones, and those that were resolved."""
    url = partial(edge.call, "GET", "/v1/incidents", headers=BEARER)
    assert url().json() == {"current": [], "resolved": []}
    edge.post(batch(sample(0.99)))
    edge.tick(INTERVAL)
    [incident] = url().json()["current"]
    assert (incident["rule"], incident["state"], incident["severity"]) == ("busy", "open", "critical")
    edge.post(batch(sample(0.1, AT + INTERVAL)))
    edge.tick(INTERVAL)
    assert url().json()["current"] == []
    assert [incident["state"] for incident in url().json()["resolved"]] == ["resolved"]


def test_metrics_count_requests_by_route_and_status(edge: Edge) -> None:
    """In the text format of Prometheus."""
    edge.post(batch())
    answer = edge.call("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'service_monitoring_http_requests_total{route="/v1/samples",status="202"} 1.0' in answer.text
    assert "service_monitoring_samples_held 1.0" in answer.text


def test_made_up_paths_and_methods_make_no_new_series(edge: Edge) -> None:
    """A signal carries the template of the route, never the path."""

    def series() -> int:
        return len(edge.prometheus.exposition().splitlines())

    for number in range(3):
        edge.call(f"M{number}", "/v1/samples")
        edge.call("GET", f"/a{number}")
    before = series()
    for number in range(150):
        edge.call(f"N{number}", "/v1/samples")
        edge.call("GET", f"/v1/samples/{number}")
        edge.call("GET", f"/{CANARY}/{number}?q={number}")
    assert series() == before
    assert {told.route for told in edge.captured.of(RequestHandled)} == {"/v1/samples", UNMATCHED}


# Decisions.


def decided(edge: Edge) -> list[str]:
    """What became of the decisions."""
    return [
        "decided" if isinstance(told, CommandCommitted) else str(told.why)
        for told in edge.captured.signals
        if isinstance(told, CommandCommitted | CommandRefused) and told.command == "Evaluate"
    ]


def test_a_decision_falls_on_each_multiple_of_the_interval_once(edge: Edge) -> None:
    """However often somebody looks at the clock."""
    for _ in range(45):
        edge.tick(SECOND)
    assert decided(edge) == ["decided"] * 3
    with edge.store.unit_of_work() as unit:
        assert unit.policies.get("machine").decided_at == AT + 3 * INTERVAL


def test_missed_multiples_are_left_out(edge: Edge) -> None:
    """A machine that slept does not decide about its sleep."""
    edge.tick(timedelta(hours=1, seconds=7))
    assert decided(edge) == ["decided"]
    with edge.store.unit_of_work() as unit:
        assert unit.policies.get("machine").decided_at == AT + timedelta(hours=1)


def test_a_clock_that_goes_back_decides_nothing_twice(edge: Edge) -> None:
    """Until the time of the last decision has come again."""
    edge.tick(2 * INTERVAL)
    for _ in range(3):
        edge.tick(-SECOND)
    edge.tick(3 * SECOND)
    assert decided(edge) == ["decided"]
    edge.tick(INTERVAL)
    assert decided(edge) == ["decided"] * 2


def test_decisions_do_not_pile_up_behind_a_slow_store(edge: Edge) -> None:
    """One waits at most; when the store is back the newest multiple is decided."""
    edge.store.gate.clear()
    for _ in range(5):
        edge.clock.instant += INTERVAL
        edge.service.tick()
    edge.store.gate.set()
    edge.service.submit(lambda: None).result(PATIENCE_S)
    assert decided(edge) == ["decided"]
    edge.tick()
    assert decided(edge) == ["decided"] * 2
    with edge.store.unit_of_work() as unit:
        assert unit.policies.get("machine").decided_at == AT + 5 * INTERVAL


def test_a_decision_that_fails_does_not_stop_the_next(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """Whether the store failed, somebody else decided first, or nobody knows."""
    edge.store.error = StoreError("disk full")
    edge.tick(INTERVAL)
    edge.store.error = ZeroDivisionError(CANARY)
    edge.tick(INTERVAL)
    edge.store.error = None
    edge.monitor.handle(Evaluate(edge.clock.now() + INTERVAL))
    edge.tick(INTERVAL)
    edge.tick(INTERVAL)
    assert decided(edge) == ["store", "decided", "policy", "decided"]
    assert "ZeroDivisionError: [redacted]" in caplog.text


def test_samples_that_came_before_a_decision_are_part_of_it(edge: Edge) -> None:
    """Commands are handled in the order in which they came."""
    edge.store.hold()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(edge.post, batch(sample(0.99, AT + SECOND)))
        assert edge.store.arrived.acquire(timeout=PATIENCE_S)
        edge.clock.instant += INTERVAL
        edge.service.tick()
        edge.store.gate.set()
        assert answer.result().status_code == 202
    edge.tick()
    assert len(edge.store.projections("machine").incidents.current) == 1


# Readiness.


def ready(edge: Edge) -> tuple[int, str]:
    """What the readiness probe says."""
    answer = edge.call("GET", "/readyz")
    return answer.status_code, answer.json().get("reason", answer.json()["status"])


def test_a_store_that_can_not_be_written_is_not_ready_until_it_can(edge: Edge) -> None:
    """The process is alive all the while."""
    assert ready(edge) == (200, "ready")
    edge.store.error = StoreError("read-only")
    assert ready(edge) == (503, "store")
    assert edge.call("GET", "/healthz").json() == {"status": "alive"}
    edge.store.error = None
    assert ready(edge) == (200, "ready")


@pytest.mark.parametrize("error", [StoreError("gone"), PolicyNotFoundError("machine")])
def test_a_store_that_can_not_be_read_is_not_ready(edge: Edge, error: Exception) -> None:
    """Neither is one without the policy."""
    edge.store.unreadable = error
    assert ready(edge) == (503, "store")
    assert edge.call("GET", "/v1/incidents", headers=BEARER).json()["reason"] == "store"


def test_a_disk_that_is_full_is_not_ready_though_its_lock_can_be_taken(edge: Edge) -> None:
    """The last command tells: it had something to write."""
    edge.store.error = StoreError("disk full")
    edge.post(batch())
    edge.store.error = None
    assert ready(edge) == (503, "store")
    edge.tick(INTERVAL)
    assert ready(edge) == (200, "ready")


def test_a_service_that_stops_is_not_ready(edge: Edge) -> None:
    """So that nobody sends it more."""
    edge.service.stopping = True
    assert ready(edge) == (503, "stopping")


def test_the_process_is_alive_while_the_store_hangs(edge: Edge) -> None:
    """Liveness asks nobody."""
    edge.store.gate.clear()
    edge.clock.instant += INTERVAL
    edge.service.tick()
    assert edge.call("GET", "/healthz").json() == {"status": "alive"}


# Backpressure and shutdown, over a real socket.


def posted(url: str, number: int, value: float = 0.5) -> httpx.Response:
    """One sample of its own."""
    body = batch(sample(value, AT + number * timedelta(milliseconds=1)))
    return httpx.post(f"{url}/v1/samples", content=body, headers={**BEARER, **JSON}, **ON_LOOPBACK)


def test_a_full_queue_sends_clients_away_and_loses_nothing_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the store is held up as many wait as may; everybody who then gets 202 is in the store."""
    outcomes: SimpleQueue[str] = SimpleQueue()
    submit = work.Service.submit

    def taken(service: work.Service, job: Callable[[], Any]) -> Any:
        outcomes.put("taken")
        return submit(service, job)

    monkeypatch.setattr(work.Service, "submit", taken)
    edge = Edge({"queue": 2})
    with edge.listening() as url, ThreadPoolExecutor(12) as pool:
        edge.store.gate.clear()
        answers = [pool.submit(posted, url, number) for number in range(12)]
        for answer in answers:
            answer.add_done_callback(lambda _: outcomes.put("turned away"))
        counts = Counter(outcomes.get(timeout=PATIENCE_S) for _ in answers)
        turned_away = [answer.result() for answer in answers if answer.done()]
        edge.store.gate.set()
        statuses = [answer.result().status_code for answer in answers]
    assert counts == {"taken": 2, "turned away": 10}
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in turned_away} == {(429, "1")}
    assert (statuses.count(202), statuses.count(429)) == (2, 10)
    assert edge.store.held() == 2


def test_a_queue_that_was_full_has_room_again() -> None:
    """Whatever became of the requests that were in it."""
    edge = Edge({"queue": 1})
    edge.begin()
    for body, status in ((b"", 400), (batch(), 202), (b"x" * 2_000_000, 413), (batch(), 202)):
        assert edge.post(body).status_code == status
    edge.store.error = RuntimeError()
    assert edge.post(batch()).status_code == 500
    edge.store.error = None
    assert edge.post(batch()).status_code == 202
    edge.service.stop()


def test_a_body_is_refused_as_soon_as_it_is_too_large(edge: Edge) -> None:
    """It is not read to its end, and its length need not be known."""
    sent = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4_000):
            sent.append(65_536)
            yield b" " * 65_536

    assert edge.post(chunks()).json()["reason"] == "too_large"
    assert sum(sent) == edge.settings.limits.payload_bytes + 65_536


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place in the queue is free again."""
    monkeypatch.setattr(app_module, "BODY_SECONDS", 0.05)
    head = f"POST /v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CANARY}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    edge = Edge({"queue": 1})
    with edge.listening() as url:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
                connection.sendall(head.encode())
                assert connection.recv(4_096).startswith(b"HTTP/1.1 408 ")
        monkeypatch.setattr(app_module, "BODY_SECONDS", PATIENCE_S)  # this body comes, sooner or later
        assert posted(url, 1).status_code == 202


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told that the service is unavailable."""
    monkeypatch.setattr(run_module, "MAX_CONNECTIONS", 4)
    with edge_listening() as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        idle = [socket.create_connection(address) for _ in range(4)]
        try:
            assert httpx.get(f"{url}/healthz", **ON_LOOPBACK).status_code == 503
        finally:
            for connection in idle:
                connection.close()


def test_answers_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TCP_NODELAY an answer waits 40 milliseconds for the client's acknowledgement."""
    made, create = [], socket.create_server

    def remember(*arguments: Any, **options: Any) -> socket.socket:
        made.append(create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(socket, "create_server", remember)
    with edge_listening():
        assert made[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_server_that_ended_leaves_nothing_behind() -> None:
    """No thread, and nobody listens at its address."""
    before = set(threading.enumerate())
    with edge_listening() as url:
        assert httpx.get(f"{url}/healthz", **ON_LOOPBACK).status_code == 200
        assert {thread.name for thread in set(threading.enumerate()) - before} >= {
            "worker",
            "decisions",
            "deliveries",
        }
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz", **ON_LOOPBACK)


def test_a_slow_sink_blocks_neither_samples_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries have their own thread, and shutdown does not wait for it for ever."""
    monkeypatch.setattr(work, "_STOP_SECONDS", 0.05)
    monkeypatch.setattr(work, "_PAUSE_SECONDS", 0.01)
    entered, leave = Event(), Event()

    class Slow:
        name = "slow"

        def deliver(self, _: Notification) -> None:
            entered.set()
            leave.wait(PATIENCE_S)

    edge = Edge({"sinks": [Slow()]})
    with edge.listening() as url:
        assert posted(url, 0, 0.99).status_code == 202
        edge.clock.instant += INTERVAL
        assert entered.wait(PATIENCE_S)
        assert posted(url, 1).status_code == 202
    assert edge.store.outbox.counts().waiting == 1
    leave.set()


def test_what_the_last_commands_decided_is_delivered_before_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The queue is emptied first, then comes one more attempt."""
    monkeypatch.setattr(work, "_PAUSE_SECONDS", 60.0)
    path = tmp_path / "notifications.jsonl"
    edge = Edge({"sinks": [FileSink(path)]})
    edge.begin()
    edge.service.start()
    edge.post(batch(sample(0.99)))
    edge.store.gate.clear()
    edge.clock.instant += INTERVAL
    edge.service.tick()
    opener = Timer(0.05, edge.store.gate.set)
    opener.start()
    edge.service.stop()
    assert [json.loads(line)["incident"]["state"] for line in path.read_bytes().splitlines()] == ["open"]


def test_a_repeater_takes_one_more_step_at_the_end() -> None:
    """After the step that was going on, if there was one."""
    steps: list[int] = []
    entered, leave = Event(), Event()

    def step() -> None:
        steps.append(len(steps))
        entered.set()
        assert leave.wait(PATIENCE_S)

    repeater = work.Repeater(step, 60.0, "steps")
    repeater.start()
    assert entered.wait(PATIENCE_S)
    Timer(0.01, leave.set).start()
    repeater.stop(PATIENCE_S)
    assert steps == [0, 1]


def test_a_delivery_that_fails_in_a_new_way_does_not_end_the_deliveries(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A store that fails is said in one line, anything else with where it was."""
    errors, done = [StoreError("locked"), ZeroDivisionError(CANARY)], Event()
    token = Secret(CANARY)

    def step() -> None:
        if errors:
            raise errors.pop(0)
        done.set()

    repeater = work.Repeater(step, 0.001, "steps")
    repeater.start()
    assert done.wait(PATIENCE_S)
    repeater.stop(PATIENCE_S)
    assert caplog.messages[0] == "locked"
    assert caplog.messages[1].endswith("ZeroDivisionError: [redacted]\n")
    assert token.reveal() not in caplog.text


SERVE = """
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from service_monitoring.boundary.secrets import Secret
from service_monitoring.server.run import run
from service_monitoring.server.settings import ServerSettings
from service_monitoring.storage.sqlite import open_sqlite
from support.server import CANARY, POLICY
store = open_sqlite(Path(sys.argv[1]))
# The samples are of one morning and the clock is real: a decision must not forget them.
policy = replace(POLICY, lookback=timedelta(days=3650))
settings = ServerSettings(policy=policy, store=store, token=Secret(CANARY), port=0)
run(settings, started=lambda url: print(url, flush=True))
store.close()
print("closed")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_before_the_first_request_ends_the_server(number: signal.Signals) -> None:
    """It is not lost while the server starts; afterwards signals are whose they were."""
    before = signal.getsignal(number)
    urls: list[str] = []

    def started(url: str) -> None:
        urls.append(url)
        signal.raise_signal(number)

    run_module.run(Edge().settings, started=started)
    assert urls
    assert signal.getsignal(number) == before


def test_a_process_that_is_terminated_under_load_finishes_and_exits_with_0(tmp_path: Path) -> None:
    """Every sample that was acknowledged is in the store; no more were kept than were sent."""
    path = tmp_path / "store.db"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()

    def load(client: int) -> list[int]:
        acknowledged = []
        for count in range(client, 100_000, 4):
            try:
                if posted(url, count).status_code == 202:
                    acknowledged.append(count)
            except httpx.TransportError:
                break
            if client == 0 and count == 40:
                process.terminate()
        return acknowledged

    with ThreadPoolExecutor(4) as pool:
        acknowledged = {count for counts in pool.map(load, range(4)) for count in counts}
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output, errors) == (0, "closed\n", "")
    assert len(acknowledged) >= 10
    with closing(open_sqlite(path, create=False)) as store:
        window = store.window()
        assert len(acknowledged) <= len(window) <= len(acknowledged) + 4
        kept = {
            count
            for count in acknowledged
            if window.series(MetricName("busy")).holds(
                round((AT + count * timedelta(milliseconds=1)).timestamp() * 1e6)
            )
        }
    assert kept == acknowledged


# Before it starts.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token": None}, "there is no token"),
        ({"token": Secret("too-short-token")}, "at least 16"),
        ({"token": Secret("a token with spaces in it")}, "at least 16 letters"),
        ({"token": Secret("a-token-with-a-l\u00f6tter")}, "at least 16 letters"),
        ({"signing_keys": [Secret("shorter than thirty-two")]}, "at least 32 characters"),
        ({"host": "0.0.0.0"}, "not a loopback address"),  # noqa: S104 - refused
        ({"host": "::"}, "not a loopback address"),
        ({"host": "example.org"}, "not a loopback address"),
        ({"host": ""}, "not a loopback address"),
        ({"host": "127.0.0.1\n.example.org"}, "not a loopback address"),
    ],
)
def test_a_server_that_would_not_be_safe_does_not_start(changes: dict[str, Any], message: str) -> None:
    """One line says why, without the secret."""
    with pytest.raises(SettingsError, match=message) as caught:
        ServerSettings(**{"policy": POLICY, "store": MemoryStore(), "token": Secret(CANARY), **changes})
    text = str(caught.value)
    assert text.isprintable()
    assert all(secret not in text for secret in ("too-short-token", "with spaces in it", "shorter than"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_loopback_is_what_stays_on_the_machine(host: str) -> None:
    """Any other host must be asked for."""
    settings = ServerSettings(policy=POLICY, store=MemoryStore(), token=Secret(CANARY), host=host)
    assert CANARY not in repr(settings)
    remote = replace(settings, host="0.0.0.0", allow_remote=True)  # noqa: S104 - asked for
    assert remote.host == "0.0.0.0"  # noqa: S104 - asked for


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    """Before anything was served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            Server(Edge({"port": port}).settings)


def statuses(store: MemoryStore) -> dict[str, RuleStatus]:
    """The rules of the policy."""
    return dict(store.projections("machine").rules.statuses)


def serve_with(store: MemoryStore, **changes: Any) -> None:
    """Start and stop a server over a store, with another policy file."""
    server = Server(Edge({"store": store, "policy": replace(POLICY, **changes)}).settings)
    server.stop()
    server.run()


def test_a_restart_goes_on_with_the_rules_of_the_store() -> None:
    """Also when the first start was killed between two rules, or the file has changed since."""
    store = MemoryStore()
    monitor = Monitor("machine", store, TraceClock())
    monitor.handle(CreatePolicy(POLICY.lookback))
    monitor.handle(DraftRule(BUSY))
    idle = replace(BUSY, id="idle", metric=MetricName("idle"))
    serve_with(store, rules=(BUSY, idle))
    assert statuses(store) == {"busy": RuleStatus.ACTIVE, "idle": RuleStatus.ACTIVE}
    events = store.events("machine")
    serve_with(store, rules=(BUSY, idle))
    assert store.events("machine") == events
    serve_with(store, rules=(idle,))
    assert statuses(store) == {"busy": RuleStatus.RETIRED, "idle": RuleStatus.ACTIVE}


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": (replace(BUSY, hold_for=SECOND),)},
        {"rules": (replace(BUSY, id="gone", metric=MetricName("gone")),)},
        {"lookback": SECOND},
    ],
)
def test_a_file_that_contradicts_the_store_is_refused(changes: dict[str, Any]) -> None:
    """What a rule says never changes, and a retired one stays retired: nothing is done."""
    store = MemoryStore()
    gone = replace(BUSY, id="gone", metric=MetricName("gone"))
    serve_with(store, rules=(BUSY, gone))
    serve_with(store)
    events = store.events("machine")
    with pytest.raises(SettingsError, match=r"a new (id|policy)$"):
        serve_with(store, **changes)
    assert store.events("machine") == events
