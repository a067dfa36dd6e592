"""The OpenAPI document and the service say the same: enumerated both ways, and tried by schemathesis.

To try more: OPENAPI_EXAMPLES=1000 python -m pytest capstone/tests/oracle/test_openapi.py
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import schemathesis
from contract.test_server import NEVER_BY_REQUEST
from jsonschema_rs import Draft202012Validator, meta
from schemathesis.engine import Status, events, from_schema
from starlette.routing import Route
from support.server import BEARER, INTERVAL, Edge, batch, sample

from service_monitoring.application.projections import MAX_RESOLVED
from service_monitoring.application.signals import RequestHandled
from service_monitoring.boundary.limits import Limits
from service_monitoring.boundary.rejections import RequestReason
from service_monitoring.domain.incidents import IncidentState, Resolution
from service_monitoring.domain.values import Severity
from service_monitoring.domain.window import Refusal
from service_monitoring.server.app import BODY_SECONDS, OPENAPI
from service_monitoring.server.problems import Code, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

DOCUMENT = json.loads(OPENAPI.read_bytes())
SCHEMAS = DOCUMENT["components"]["schemas"]
CODES = {reason for enum in get_args(Code) for reason in enum} - NEVER_BY_REQUEST
OF_NO_OPERATION = {RequestReason.NOT_FOUND, RequestReason.METHOD_NOT_ALLOWED}
"""The answers to requests that are for no operation of the document."""
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "8"))


@pytest.fixture
def edge() -> Iterator[Edge]:
    """The application over a memory store."""
    edge = Edge()
    edge.begin()
    yield edge
    edge.service.stop()


def resolved(part: Any) -> Any:
    """A part of the document with every reference replaced by what it names."""
    if isinstance(part, list):
        return [resolved(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found: Any = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(found)
    return {key: resolved(value) for key, value in part.items()}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The operations of the document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), resolved(operation)


def reasons(response: dict[str, Any]) -> set[str]:
    """The reasons that a response is documented with."""
    content = response["content"].get("application/problem+json")
    return set() if content is None else set(content["schema"]["allOf"][1]["properties"]["reason"]["enum"])


def sentences(enum: type[StrEnum]) -> dict[str, str]:
    """What the code says below each member of an enumeration."""
    [definition] = ast.parse(inspect.getsource(enum)).body
    assert isinstance(definition, ast.ClassDef)
    said = [
        ast.literal_eval(line.value)
        for line in definition.body[1:]
        if isinstance(line, ast.Assign | ast.Expr)
    ]
    return dict(zip(said[::2], said[1::2], strict=True))


def test_the_document_has_every_route_and_no_other(edge: Edge) -> None:
    """With its methods; HEAD comes with GET."""
    served = {
        (route.path, method)
        for route in edge.app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in operations()} == served


def test_the_document_has_every_reason_and_no_other() -> None:
    """Each with the sentence that the code has."""
    documented = {item["const"]: item["description"] for item in SCHEMAS["Reason"]["oneOf"]}
    said = {code: text for enum in get_args(Code) for code, text in sentences(enum).items()}
    assert documented == {code: said[code] for code in CODES}


def test_each_reason_is_documented_with_the_status_that_it_has() -> None:
    """In some operation; what is for no operation stands beside them."""
    of_operations = {
        (reason, int(status))
        for _, _, operation in operations()
        for status, response in operation["responses"].items()
        for reason in reasons(response)
    }
    assert of_operations == {(code, status_of(code)) for code in CODES - OF_NO_OPERATION}
    beside = resolved(DOCUMENT["components"]["responses"])
    assert {reason for response in beside.values() for reason in reasons(response)} == CODES


def test_every_operation_documents_what_can_happen_to_it() -> None:
    """The token, the queue and the store are those of each operation that needs them."""
    for path, _, operation in operations():
        documented = {reason for response in operation["responses"].values() for reason in reasons(response)}
        needs_token = operation.get("security", DOCUMENT["security"]) != []
        needs_store = path not in {"/healthz", "/openapi.json"}
        assert ("unauthorized" in documented) == needs_token
        assert ({"queue_full", "store", "stopping"} <= documented) == needs_store
        assert "internal" in documented


def test_the_document_has_the_numbers_and_words_of_the_code() -> None:
    """Limits, refusals, and the words for incidents."""
    capstone = Path(__file__).parents[2]
    project = tomllib.loads((capstone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert DOCUMENT["info"]["version"] == project["version"]
    post = DOCUMENT["paths"]["/v1/samples"]["post"]["description"]
    assert f"{Limits().payload_bytes >> 20} MiB and {Limits().samples:,} samples" in post
    for shape in SCHEMAS["Batch"]["oneOf"]:
        assert shape["properties"]["samples"]["maxItems"] == Limits().samples
    assert (
        f"within {BODY_SECONDS:.0f} seconds"
        in resolved(DOCUMENT["components"])["responses"]["Incomplete"]["description"]
    )
    assert SCHEMAS["Refused"]["properties"].keys() == set(Refusal)
    incident = SCHEMAS["Incident"]["properties"]
    assert incident["severity"]["enum"] == [severity.name.lower() for severity in Severity]
    assert incident["state"]["enum"] == list(IncidentState)
    assert incident["resolution"]["enum"] == [*Resolution, None]
    assert SCHEMAS["Incidents"]["properties"]["resolved"]["maxItems"] == MAX_RESOLVED


def test_the_document_and_its_schemas_are_valid() -> None:
    """By OpenAPI 3.1 and JSON Schema 2020-12."""
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    for schema in SCHEMAS.values():
        meta.validate(resolved({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}))


def test_an_incident_is_what_the_document_says(edge: Edge) -> None:
    """In every state, since schemathesis makes none."""
    validator = Draft202012Validator(resolved(SCHEMAS["Incidents"]))
    for value in (0.99, 0.1, 0.99):
        edge.post(batch(sample(value, edge.clock.now())))
        edge.tick(INTERVAL)
    incidents = edge.call("GET", "/v1/incidents", headers=BEARER).json()
    validator.validate(incidents)
    assert (len(incidents["current"]), len(incidents["resolved"])) == (1, 1)


def test_schemathesis_finds_nothing_that_contradicts_the_document(edge: Edge) -> None:
    """All of its checks, on requests that are right, wrong, without the token, or for another method."""
    configuration = schemathesis.Config.from_dict(
        {
            "seed": 20261123,
            "headers": BEARER,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            # No operation leads to another.
            "phases": {"stateful": {"enabled": False}},
            # What JSON Schema can not say of a batch: when it comes, and what is held already.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "409"]}},
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", edge.app, config=configuration)
    failures, tried = [], Counter[str]()
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            for check in (check for checks in event.recorder.checks.values() for check in checks):
                tried[check.name] += 1
                if check.status is not Status.SUCCESS:
                    failures.append(check)
    assert failures == []
    checks = {"status_code_conformance", "content_type_conformance", "response_schema_conformance"}
    checks |= {"negative_data_rejection", "positive_data_acceptance", "ignored_auth", "unsupported_method"}
    checks |= {"not_a_server_error", "response_headers_conformance", "allow_header_conformance"}
    assert checks <= tried.keys()
    seen = {(told.route, told.status) for told in edge.captured.of(RequestHandled)}
    assert {("/v1/samples", status) for status in (202, 400, 401, 405, 415)} <= seen
