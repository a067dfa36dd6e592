"""One suite for every sink, and what each of them adds: at least once, in order, and no secret shown."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import traceback
from base64 import b64encode
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from service_monitoring.application.delivery import LAST_RETRY, MAX_ATTEMPTS, backoff
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import Notification
from service_monitoring.application.replay import TraceClock
from service_monitoring.application.signals import NotificationFailed
from service_monitoring.boundary.secrets import Secret
from service_monitoring.boundary.signatures import Verifier
from service_monitoring.domain.incidents import Incident, Resolution
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.signals.fan_out import FanOut
from service_monitoring.signals.log import JsonFormatter, LogSignals
from service_monitoring.signals.testing import CapturedSignals
from service_monitoring.sinks.file import FileSink
from service_monitoring.sinks.log import LogSink
from service_monitoring.sinks.webhook import WebhookError, WebhookSink
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from service_monitoring.application.ports import Sink

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARY = "canary-7f3a9e5d"


def news(number: int, correlation: str = TRACE) -> list[Notification]:
    """One incident that opens, and is resolved."""
    begun = AT + timedelta(minutes=number)
    opened = Incident("busy", MetricName("cpu_busy_ratio"), Severity.CRITICAL, begun).open(begun)
    resolved = opened.resolve(begun + timedelta(seconds=30), Resolution.CLEARED)
    return [Notification("machine", incident, correlation) for incident in (opened, resolved)]


NEWS = [*news(1), *news(2)]
FIRST = {
    "key": "machine/busy@20261123T090100.000000Z/open",
    "policy": "machine",
    "correlation": TRACE,
    "incident": {
        "id": "busy@20261123T090100.000000Z",
        "rule": "busy",
        "metric": "cpu_busy_ratio",
        "severity": "critical",
        "state": "open",
        "pending_since": "2026-11-23T09:01:00Z",
        "opened_at": "2026-11-23T09:01:00Z",
        "resolved_at": None,
        "resolution": None,
    },
}


@dataclass
class Receiver:
    """A web server on loopback that remembers what it was sent, and answers as it is told."""

    status: int = 204
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list, repr=False)
    url: str = ""

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Listen in a thread."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((self.path, headers, body))
                self.send_response(receiver.status, f"{CANARY} comes back")
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - a redirect that is followed comes as this

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
                """Keep quiet."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that listens."""
    with Receiver().listening() as receiver:
        yield receiver


@dataclass
class Kind:
    """A sink of one kind: what it has told, and how to break and mend what it writes to."""

    sink: Sink
    told: Callable[[], list[dict[str, Any]]]
    broken: Callable[[], object]
    mended: Callable[[], object]


@pytest.fixture(params=["log", "file", "webhook"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Every sink."""
    if request.param == "webhook":
        receiver: Receiver = request.getfixturevalue("receiver")

        def mended() -> None:
            receiver.requests.clear()
            receiver.status = 204

        return Kind(
            WebhookSink(Secret(receiver.url), TraceClock()),
            lambda: [json.loads(body) for _, _, body in receiver.requests if receiver.status == 204],
            lambda: setattr(receiver, "status", 503),
            mended,
        )
    if request.param == "file":
        path = tmp_path / "folder" / "notifications.jsonl"
        path.parent.mkdir()
        return Kind(
            FileSink(path),
            lambda: [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else [],
            lambda: path.parent.rename(tmp_path / "gone"),
            lambda: (tmp_path / "gone").rename(path.parent),
        )
    lines = StringIO()
    logger = logging.Logger("sink")  # noqa: LOG001 - its own: not configured by others
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)

    def fail(_: logging.LogRecord) -> bool:
        raise OSError("no space left")

    def told() -> list[dict[str, Any]]:
        records = [json.loads(line) for line in lines.getvalue().splitlines()]
        return [{key: record[key] for key in FIRST} for record in records]

    return Kind(LogSink(logger), told, lambda: logger.addFilter(fail), lambda: logger.removeFilter(fail))


@dataclass
class Scene:
    """A monitor whose outbox is filled by hand, with a clock that is set by hand."""

    kind: Kind

    def __post_init__(self) -> None:
        self.clock = TraceClock()
        self.clock.instant = AT
        self.store = MemoryStore()
        self.captured = CapturedSignals()
        self.monitor = Monitor("machine", self.store, self.clock, [self.kind.sink], self.captured)

    def put(self, *notifications: Notification) -> None:
        """As a commit does."""
        self.store.outbox.put([(self.kind.sink.name, notification) for notification in notifications])

    def deliver(self, after: timedelta = timedelta()) -> None:
        """What is due later."""
        self.clock.instant += after
        self.monitor.deliver_due()


def test_every_sink_tells_the_same_in_commit_order(kind: Kind) -> None:
    """One shape, which holds the key, the correlation and the incident."""
    scene = Scene(kind)
    scene.put(*NEWS)
    scene.deliver()
    assert kind.told()[0] == FIRST
    assert [told["key"] for told in kind.told()] == [notification.key for notification in NEWS]
    assert kind.told()[1]["incident"]["resolution"] == "condition cleared"


def test_a_repeated_delivery_has_the_same_key_and_the_same_text(kind: Kind) -> None:
    """So that a receiver can tell that it knows the news."""
    for notification in (NEWS[0], NEWS[0]):
        kind.sink.deliver(notification)
    assert kind.told() == [FIRST, FIRST]


def test_a_failure_is_tried_again_after_its_backoff_and_nothing_overtakes_it(kind: Kind) -> None:
    """Later news wait behind it; after the failure is mended all come, in order."""
    scene = Scene(kind)
    scene.put(*NEWS)
    kind.broken()
    for attempts in range(1, 4):
        scene.deliver()
        scene.deliver(backoff(attempts) - timedelta(microseconds=1))
        assert len(scene.captured.of(NotificationFailed)) == attempts
        scene.clock.instant += timedelta(microseconds=1)
    kind.mended()
    assert kind.told() == []
    scene.deliver()
    assert [told["key"] for told in kind.told()] == [notification.key for notification in NEWS]
    assert scene.store.outbox.counts() == (0, 0)


def test_after_twenty_failed_attempts_a_notification_is_dead_and_counted(kind: Kind) -> None:
    """Then the next one has its turn."""
    scene = Scene(kind)
    scene.put(*NEWS[:2])
    kind.broken()
    for _ in range(MAX_ATTEMPTS):
        scene.deliver(LAST_RETRY)
    kind.mended()
    scene.deliver(LAST_RETRY)
    assert MAX_ATTEMPTS == 20
    assert [told["key"] for told in kind.told()] == [NEWS[1].key]
    assert scene.store.outbox.counts() == (0, 1)
    assert Counter(signal.dead for signal in scene.captured.of(NotificationFailed)) == {False: 20, True: 1}


def test_a_planted_secret_is_told_by_no_sink(kind: Kind) -> None:
    """Even where the policy, or whoever named the correlation, put one."""
    secret = Secret(CANARY)
    incident = NEWS[0].incident
    kind.sink.deliver(Notification(f"machine {secret.reveal()}", incident, secret.reveal()))
    assert CANARY not in json.dumps(kind.told())
    assert kind.told()[0]["key"] == f"machine [redacted]/{incident.id}/open"


def test_a_log_line_says_with_any_formatter_what_opened() -> None:
    """An open incident is a warning; a resolved one is information."""
    lines = StringIO()
    logger = logging.Logger("sink")  # noqa: LOG001 - its own: not configured by others
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    for notification in NEWS[:2]:
        LogSink(logger).deliver(notification)
    assert lines.getvalue().splitlines() == [
        "WARNING incident open: machine/busy@20261123T090100.000000Z/open",
        "INFO incident resolved: machine/busy@20261123T090100.000000Z/resolved",
    ]


def test_a_file_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    """As a log that is rotated."""
    path = tmp_path / "notifications.jsonl"
    sink = FileSink(path)
    sink.deliver(NEWS[0])
    path.rename(tmp_path / "old")
    sink.deliver(NEWS[1])
    assert [json.loads(file.read_bytes())["key"] for file in (tmp_path / "old", path)] == [
        notification.key for notification in NEWS[:2]
    ]


def test_a_torn_line_does_not_tear_the_next(tmp_path: Path) -> None:
    """A full disk may leave half of a line."""
    path = tmp_path / "notifications.jsonl"
    path.write_bytes(b'{"key":"mach')
    FileSink(path).deliver(NEWS[0])
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"key":"mach'
    assert json.loads(whole) == FIRST


def test_a_file_is_handed_to_the_disk_before_the_delivery_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox forgets what the sink has taken."""
    path = tmp_path / "notifications.jsonl"
    synced: list[bytes] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(path.read_bytes()))
    FileSink(path).deliver(NEWS[0])
    assert [json.loads(text) for text in synced] == [FIRST]


@pytest.mark.parametrize("name", ["", "missing/notifications.jsonl"])
def test_a_file_that_can_not_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    """The error names the file."""
    with pytest.raises(OSError, match=r"directory") as caught:
        FileSink(tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)


def test_a_webhook_carries_key_trace_and_signature(receiver: Receiver) -> None:
    """What the receiver needs to tell repeats, to follow the trace and to trust the body."""
    clock, key = TraceClock(), Secret("a signing key of thirty-two chars")
    clock.instant = AT
    sink = WebhookSink(Secret(f"{receiver.url}?to=pager"), clock, signing_key=key)
    sink.deliver(NEWS[0])
    [(path, headers, body)] = receiver.requests
    assert path == "/hook?to=pager"
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == FIRST["key"]
    assert headers["traceparent"] == f"00-{TRACE}-a3ce929d0e0e4736-01"
    Verifier([key]).verify(headers["x-signature"], body, AT)
    seconds = str(int(AT.timestamp()))
    mac = hmac.new(key.reveal().encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
    assert headers["x-signature"] == f"t={seconds},v1={mac}"


@pytest.mark.parametrize(
    ("correlation", "traceparent"),
    [
        ("4bf92f3577b34da60000000000000000", "00-4bf92f3577b34da60000000000000000-0000000000000001-01"),
        ("0" * 32, None),
        ("request 7\r\nX-Evil: 1", None),
    ],
)
def test_a_correlation_that_is_no_trace_id_makes_no_trace(
    receiver: Receiver, correlation: str, traceparent: str | None
) -> None:
    """No header is better than a wrong one; a span id is never zero."""
    WebhookSink(Secret(receiver.url), TraceClock()).deliver(news(1, correlation)[0])
    [(_, headers, _)] = receiver.requests
    assert headers.get("traceparent") == traceparent
    assert "x-evil" not in headers


def test_a_key_that_no_header_can_hold_is_written_as_a_url_writes_it(receiver: Receiver) -> None:
    """A policy may have any printable name."""
    notification = Notification("m\u00fcller \u2192 \u4e2d", NEWS[0].incident, TRACE)
    WebhookSink(Secret(receiver.url), TraceClock()).deliver(notification)
    [(_, headers, body)] = receiver.requests
    assert headers["idempotency-key"].startswith("m%C3%BCller%20%E2%86%92%20%E4%B8%AD/busy@")
    assert json.loads(body)["key"] == notification.key


def test_what_stands_before_the_at_sign_is_sent_as_basic_authentication(receiver: Receiver) -> None:
    """Decoded first, as a URL writes it."""
    url = Secret(receiver.url.replace("//", "//user:p%40ss@"))
    WebhookSink(url, TraceClock()).deliver(NEWS[0])
    [(_, headers, _)] = receiver.requests
    assert headers["authorization"] == "Basic " + b64encode(b"user:p@ss").decode()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
def test_no_answer_but_success_counts(receiver: Receiver, status: int) -> None:
    """A redirect is not followed: it could lead anywhere."""
    receiver.status = status
    with pytest.raises(WebhookError, match=f"^webhook: answered {status}$"):
        WebhookSink(Secret(receiver.url), TraceClock()).deliver(NEWS[0])
    assert len(receiver.requests) == 1


def test_a_receiver_that_does_not_answer_is_given_up(receiver: Receiver) -> None:
    """The wait has an end."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        url = Secret(receiver.url.replace(receiver.url.split(":")[2], f"{silent.server_port}/hook"))
        with pytest.raises(WebhookError, match=r"^webhook: TimeoutError$"):
            WebhookSink(url, TraceClock(), timeout_seconds=0.05).deliver(NEWS[0])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/hook",
        "/hook/without/host",
        "http:///hook",
        "http://host:0/hook",
        "http://host:port/hook",
        "http://[::1/hook",
        "http://host/a b",
        "http://host/a\r\nb",
        "http://host/\u00e9",
    ],
)
def test_a_webhook_needs_a_web_address(url: str) -> None:
    """Anything else is refused at once, and not shown."""
    with pytest.raises(ValueError, match="not the URL of a webhook") as caught:
        WebhookSink(Secret(url), TraceClock())
    assert url not in str(caught.value)


def unknown_host(host: str, *_: object) -> None:
    """As a resolver that quotes what it does not know."""
    raise socket.gaierror(f"{host} is not known")


@pytest.mark.parametrize("place", ["path", "query", "user", "host"])
@pytest.mark.parametrize("status", [0, 302, 500])
def test_the_address_of_a_webhook_is_in_no_error_no_log_line_and_no_signal(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, place: str, status: int
) -> None:
    """Whole or in part: such addresses carry tokens, and a receiver may send one back."""
    receiver.status = status
    if place == "host":
        monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    base = receiver.url if status else "http://127.0.0.1:1/hook"
    url = Secret(
        {
            "path": f"{base}/{CANARY}",
            "query": f"{base}?token={CANARY}",
            "user": base.replace("//", f"//user:{CANARY}@"),
            "host": f"http://{CANARY}.invalid/hook",
        }[place]
    )
    sink = WebhookSink(url, TraceClock())
    with pytest.raises(WebhookError) as caught:
        sink.deliver(NEWS[0])
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    chain = (caught.value.__cause__, caught.value.__context__)
    lines = StringIO()
    logger = logging.Logger("signals", logging.DEBUG)  # noqa: LOG001 - its own: not configured by others
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    store, captured, fan_out = MemoryStore(), CapturedSignals(), FanOut()
    fan_out.add(captured, LogSignals(logger))
    store.outbox.put([(sink.name, NEWS[0])])
    Monitor("machine", store, TraceClock(), [sink], fan_out).deliver_due()
    assert captured.of(NotificationFailed)
    assert chain == (None, None)
    assert CANARY not in shown + lines.getvalue() + repr(captured.signals) + repr(sink) + repr(vars(sink))
