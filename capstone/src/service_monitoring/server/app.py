"""The HTTP edge as an ASGI application: who may ask, what is read, and how every answer looks.

The event loop only reads and writes bytes. One worker thread does all else, in the order of arrival.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service_monitoring.application.commands import IngestSamples
from service_monitoring.application.ports import PolicyNotFoundError, SamplesRefusedError, StoreError
from service_monitoring.application.queries import describe
from service_monitoring.application.signals import RequestHandled, new_correlation
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.rejections import Reason, Rejected, RequestReason
from service_monitoring.boundary.signatures import Verifier
from service_monitoring.server.problems import Problem
from service_monitoring.server.work import log_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service_monitoring.application.ports import Signals
    from service_monitoring.server.settings import ServerSettings
    from service_monitoring.server.work import Service

OPENAPI = Path(__file__).with_name("openapi.json")
UNMATCHED = "unmatched"
"""The route of a request whose path is none of ours."""
MAX_READS = 8
BODY_SECONDS = 10.0

_is_json = re.compile(r'application/json\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE).fullmatch
# Versions after 00 begin alike and may go on; ff is none.
_traceparent = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch

_T = TypeVar("_T")


def create_app(settings: ServerSettings, service: Service, exposition: Callable[[], bytes]) -> Starlette:
    """The application.

    Args:
        settings: Who may ask, and how much.
        service: Does the work.
        exposition: Gives the metrics, in a job.
    """
    endpoints = _Endpoints(settings, service, exposition)
    app = Starlette(
        routes=[
            Route("/v1/samples", endpoints.post_samples, methods=["POST"]),
            Route("/v1/incidents", endpoints.get_incidents),
            Route("/metrics", endpoints.get_metrics),
            Route("/healthz", endpoints.get_health),
            Route("/readyz", endpoints.get_readiness),
            Route("/openapi.json", endpoints.get_openapi),
        ],
        middleware=[Middleware(_Edge, signals=settings.signals)],
        exception_handlers={HTTPException: _no_route},
    )
    app.router.redirect_slashes = False
    return app


def correlation_of(traceparents: list[str]) -> str:
    """The trace id of the one `traceparent` header that is right, else a new correlation.

    Examples:
        >>> correlation_of(["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
        '4bf92f3577b34da6a3ce929d0e0e4736'

    Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.
    """
    found = _traceparent(traceparents[0]) if len(traceparents) == 1 else None
    return new_correlation() if found is None else found[1]


class _Places:
    """So many may be inside at once; it is used by the event loop alone."""

    def __init__(self, count: int) -> None:
        self._free = count

    def __enter__(self) -> None:
        if not self._free:
            raise Problem(RequestReason.QUEUE_FULL, "too many requests wait already")
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


class _Endpoints:
    def __init__(self, settings: ServerSettings, service: Service, exposition: Callable[[], bytes]) -> None:
        self._token = settings.token
        self._clock = settings.clock
        self._limits = settings.limits
        self._service = service
        self._exposition = exposition
        self._verifier = Verifier(settings.signing_keys) if settings.signing_keys else None
        self._decoder = SampleDecoder()
        self._writes = _Places(settings.queue)
        self._reads = _Places(MAX_READS)
        self._openapi = OPENAPI.read_bytes()

    async def post_samples(self, request: Request) -> Response:
        self._authorize(request)
        if not _is_json(request.headers.get("content-type", "")) or "content-encoding" in request.headers:
            raise Problem(
                RequestReason.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json, not compressed"
            )
        with self._writes:
            body = await self._body(request)
            signature = request.headers.get("x-signature", "")
            correlation = request.state.correlation
            answer = await self._done(lambda: self._ingest(body, signature, correlation))
            request.state.rejected = Counter(str(rejection["reason"]) for rejection in answer["rejected"])
        return JSONResponse(answer, HTTPStatus.ACCEPTED)

    async def get_incidents(self, request: Request) -> Response:
        self._authorize(request)
        with self._reads:
            return JSONResponse(await self._done(self._incidents))

    async def get_metrics(self, _: Request) -> Response:
        with self._reads:
            text = await self._done(self._exposition)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def get_health(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def get_readiness(self, _: Request) -> Response:
        with self._reads:
            await self._done(self._service.check)
        return JSONResponse({"status": "ready"})

    async def get_openapi(self, _: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._token != token:
            raise Problem(RequestReason.UNAUTHORIZED, "send the header Authorization: Bearer <token>")

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._limits.payload_bytes:
                        raise Rejected(Reason.TOO_LARGE, f"more than {self._limits.payload_bytes} bytes")
        except (TimeoutError, ClientDisconnect):
            raise Problem(
                RequestReason.INCOMPLETE, f"the body must come whole within {BODY_SECONDS:.0f} s"
            ) from None
        return bytes(body)

    async def _done(self, job: Callable[[], _T]) -> _T:
        if self._service.stopping:
            raise Problem(RequestReason.STOPPING, "the service is shutting down")
        return await asyncio.wrap_future(self._service.submit(job))

    def _ingest(self, body: bytes, signature: str, correlation: str) -> dict[str, Any]:
        now = self._clock.now()
        if self._verifier is not None:
            self._verifier.verify(signature, body, now)
        batch = decode_batch(body, now=now, limits=self._limits, decoder=self._decoder)
        commit = self._service.handle(IngestSamples(batch.samples, whole=batch.whole), correlation)
        return {
            "accepted": commit.kept,
            "rejected": [
                {"position": rejection.position, "reason": rejection.reason, "detail": rejection.detail}
                for rejection in batch.rejections
            ],
            "refused": commit.refused,
        }

    def _incidents(self) -> dict[str, Any]:
        ledger = self._service.projections().incidents
        return {
            "current": [describe(incident) for incident in ledger.current.values()],
            "resolved": [describe(incident) for incident in ledger.resolved],
        }


class _Edge:
    """Around every request: names it, answers what was raised, adds headers, tells the signals."""

    def __init__(self, app: ASGIApp, signals: Signals) -> None:
        self._app = app
        self._signals = signals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, status, reason = perf_counter(), 0, ""
        correlation = correlation_of(Headers(scope=scope).getlist("traceparent"))
        scope.setdefault("state", {})["correlation"] = correlation

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message).update(
                    {
                        "Cache-Control": "no-store",
                        "X-Content-Type-Options": "nosniff",
                        "X-Correlation-Id": correlation,
                    }
                )
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer of one shape
            problem = _problem(error)
            reason = str(problem.reason)
            await problem.response()(scope, receive, answer)
        route = scope["route"].path if "route" in scope else UNMATCHED
        rejected = scope["state"].get("rejected", Counter())
        self._signals.emit(
            RequestHandled(route, status, reason, correlation, perf_counter() - began, rejected)
        )


async def _no_route(_: Request, error: Exception) -> NoReturn:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        raise Problem(
            RequestReason.METHOD_NOT_ALLOWED, "this path does not know the method", error.headers
        ) from None
    raise Problem(RequestReason.NOT_FOUND, "nothing is at this path: see /openapi.json") from None


def _problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case Rejected(reason=reason, detail=detail, position=position):
            return Problem(reason, detail, position=position)
        case SamplesRefusedError(refused=refused):
            [(most, _)] = refused.most_common(1)
            return Problem(most, f"nothing was kept: {error}", refused=refused)
        case StoreError() | PolicyNotFoundError():
            return Problem(RequestReason.STORE, "the store can not be read or written now")
    log_fault(error)
    return Problem(RequestReason.INTERNAL, "a fault of the service")
