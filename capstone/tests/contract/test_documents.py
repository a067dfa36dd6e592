"""Stored documents: what any release ever wrote loads, and nothing else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.documents import ENCODERS, EVENTS, FOLDER, VALUES, encoded, policy

from service_monitoring.boundary import documents
from service_monitoring.boundary.documents import DocumentError
from service_monitoring.domain.events import Event
from service_monitoring.domain.policy import MonitoringPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSIONS = range(1, documents.SCHEMA + 1)
FIXTURES = sorted(FOLDER.glob("v*/*.json"))


def state_of(policy: MonitoringPolicy) -> dict[str, Any]:
    """Everything that a policy is."""
    return {**vars(policy), "_events": None, "_shares_incidents": None}


def load(kind: str, text: str) -> Any:
    """What a document of this kind holds."""
    whole = policy()
    loaders: dict[str, Callable[[str], Any]] = {
        "definition": lambda text: documents.decode_policy("machine", 7, text, documents.encode_state(whole)),
        "state": lambda text: documents.decode_policy("machine", 7, documents.encode_definition(whole), text),
        "projections": documents.decode_projections,
        "event": documents.decode_event,
        "incident": documents.decode_incident,
    }
    return loaders[kind](text)


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_document_ever_written_loads_to_what_it_said(file: Path) -> None:
    """Of every schema version."""
    loaded, expected = load(file.stem.partition("-")[0], file.read_text()), VALUES[file.stem]
    if isinstance(loaded, MonitoringPolicy):
        loaded, expected = state_of(loaded), state_of(expected)
    assert loaded == expected


def test_there_are_fixtures_of_every_version_and_of_every_kind() -> None:
    """And of no version that this release does not read."""
    assert {file.parent.name for file in FIXTURES} == {f"v{version}" for version in VERSIONS}
    for version in VERSIONS:
        names = {file.stem for file in FIXTURES if file.parent.name == f"v{version}"}
        assert names == set(VALUES)
    assert {name.partition("-")[0] for name in VALUES} == set(ENCODERS)
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize(("name", "text"), encoded().items(), ids=lambda text: text[:14])
def test_what_is_written_changes_with_the_schema_version_only(name: str, text: str) -> None:
    """Another form under the same number could not be told apart by an older release."""
    assert text + "\n" == (FOLDER / f"v{documents.SCHEMA}/{name}.json").read_text()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([[], {}, "draft", 10**400, [[]], {"is": "threshold"}, "\ud800"]),
)


@given(name=st.sampled_from(sorted(VALUES)), data=st.data(), nonsense=NONSENSE)
def test_a_changed_document_is_refused_or_loads_and_nothing_else_happens(
    name: str, data: st.DataObject, nonsense: object
) -> None:
    """A value replaced, a key lost, a key more: the error is one line that names the kind."""
    document = json.loads(encoded()[name])
    path = data.draw(st.sampled_from(places(document)[1:]))
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    change = data.draw(st.sampled_from(["replace", "lose", "add"]))
    if change == "replace":
        inside[path[-1]] = nonsense
    elif change == "lose":
        del inside[path[-1]]
    elif isinstance(inside, dict):
        inside["surprise"] = nonsense
    kind = name.partition("-")[0]
    refusal = ""
    try:
        load(kind, json.dumps(document))
    except DocumentError as error:
        refusal = str(error)
    if refusal or (change != "replace" and isinstance(inside, dict)):
        assert refusal.startswith(f"{kind}: ")
        assert len(refusal.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        "[" * 100_000,
        '{"schema": NaN}',
        "9" * 5_000,
        '{"schema": 1, "kind": []}',
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("kind", ENCODERS)
def test_text_that_is_no_document_is_refused(kind: str, text: str) -> None:
    """In one line."""
    with pytest.raises(DocumentError, match=rf"\A{kind}: .+\Z"):
        load(kind, text)


@pytest.mark.parametrize("schema", [0, -1, documents.SCHEMA + 1, "1", 1.0, True, None])
def test_a_schema_version_that_nobody_wrote_is_refused(schema: object) -> None:
    """With the versions that are read."""
    document = {**json.loads(encoded()["incident-0"]), "schema": schema}
    with pytest.raises(DocumentError, match=f"this release reads 1 to {documents.SCHEMA}"):
        documents.decode_incident(json.dumps(document))
