"""The record of the ladder and the claims of this repository: a few of them are run again."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from checks.drawing import diagrams
from checks.memory import ROOT
from checks.pages.page import Page
from checks.proof.changes import read_changes
from checks.proof.claims import ProofData
from checks.proof.ladder import Ladder, contradictions, dull_rungs, read_record
from checks.proof.proof import PROVED, prove
from checks.proof.reach import Reach
from checks.proof.trial import DEMO, Trial, Trials, capstone_digest
from checks.proof.verdicts import rung_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS = 2
FAST, SLOW = "domain", "drill"


def said(failures: Any) -> list[str]:  # noqa: ANN401 - an iterator of failures
    """Each failure as a check shows it."""
    return [str(failure) for failure in failures]


def drawn(names: Sequence[str]) -> list[str]:
    """Two names, others for each state of the capstone."""
    start = int(capstone_digest(), 16)
    return [names[(start + step * 7) % len(names)] for step in range(ROWS)] if names else []


def test_rows_of_the_record_are_what_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that are drawn: all of a fast rung, and each test that the row calls red, but for the slow rung.

    Of a row that is older than what it was run with, the part `claims` says so.
    """
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    data, recorded, changes = ProofData.read(), read_record(), read_changes(ROOT)
    whole = Ladder(data, changes, ROOT, capstone_digest())
    rows = whole.known(recorded)
    red, trials = {}, {}
    for name in drawn(list(rows)):
        cells = rows[name]["rungs"].items()
        red[name] = {cell["test"] for rung, cell in cells if cell["red"] and rung != SLOW}
        asked = tuple(sorted({test.partition("[")[0] for test in red[name]}))
        fast = (file for file in whole.trials[name].targets if rung_of(file) == FAST)
        trials[name] = Trial(name, whole.trials[name].diff, (*fast, *asked), asked)
    found = Trials().run(list(trials.values()), "rows run again") if trials else {}
    for name, trial in trials.items():
        failed = found[trial].failed
        assert bool(failed.get(FAST)) == rows[name]["rungs"][FAST]["red"], name
        assert red[name] <= {test for tests in failed.values() for test in tests}, name


@pytest.fixture(scope="module")
def data() -> ProofData:
    """The claims of this repository."""
    return ProofData.read()


def test_a_record_that_denies_a_claim_is_red(data: ProofData) -> None:
    """A drift that was not seen, a safe change that is red, a rung that is red by itself, a broken demo."""
    recorded = read_record()
    assert said(contradictions(recorded, data)) == []
    safe = next(name for name, entry in recorded["changes"].items() if not entry["first"])
    drift, named = next(iter(data.drifts().items()))
    broken = json.loads(json.dumps(recorded))
    broken["rungs"]["domain"]["red"] = 1
    broken["changes"][drift]["claims"] = []
    broken["changes"][safe]["first"] = "shape"
    broken["changes"][safe]["rungs"]["shape"] = {
        "red": True,
        "test": "tests/shape/test_x.py::test_y",
        "message": "no",
    }
    lines = said(contradictions(broken, data))
    assert any(line.endswith("rung domain is red on the capstone as it is") for line in lines)
    page = f"docs/proposals/{safe}/index.md:1:"
    assert f"{page} no claim names it, but tests/shape/test_x.py::test_y is red: no" in lines
    assert any(f"claim {named[0].id}: its drift was not seen: {named[0].check}" in line for line in lines)
    assert all(line.startswith(("capstone/claims.toml:", "docs/proposals/")) for line in lines)
    broken["changes"][safe]["first"] = DEMO
    assert any(
        line.startswith(f"{page} it does not even pass") for line in said(contradictions(broken, data))
    )


def test_a_matrix_that_teaches_nothing_is_red() -> None:
    """A rung that is never first, one that is always first, and no drift for the shape rung alone."""
    recorded = read_record()
    assert list(dull_rungs(recorded)) == []
    dull = json.loads(json.dumps(recorded))
    for entry in dull["changes"].values():
        entry["first"] = entry["first"] and "drill"
    lines = list(dull_rungs(dull))
    assert "rung drill is the first to see every drift" in lines
    assert "rung shape is the first to see no drift" in lines
    assert "no drift is seen by the rung shape alone" in lines


def test_the_record_names_no_folder_of_the_machine_that_made_it() -> None:
    """A reader of a message has no such folder."""
    messages = [
        cell["message"] for row in read_record()["changes"].values() for cell in row["rungs"].values()
    ]
    assert not [message for message in messages if "/tmp/" in message or "trial-" in message]  # noqa: S108 - looked for


def test_a_few_claims_are_proved_of_the_capstone_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the record: each check green as it is, red with each of its drifts."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    data = ProofData.read()
    cheap = [claim for claim in data.claims if claim.rung in {"shape", "domain", "artifact", "oracle"}]
    start = int(capstone_digest(), 16)
    for proof in prove([cheap[(start + step * 7) % len(cheap)] for step in range(2)]):
        assert (proof.verdict, proof.reason) == (PROVED, "")
        assert [one.drift for one in proof.seen] == list(proof.claim.drifts)


def test_a_change_is_tried_where_it_can_be_noticed(tmp_path: Path) -> None:
    """By what imports it at any depth, by what starts the service, and by the shape of the sources."""
    capstone = tmp_path / "capstone"
    shutil.copytree(ROOT / "capstone", capstone, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    window, postgres, new = (
        f"--- a/capstone/src/service_monitoring/{path}.py\n+++ b/capstone/src/service_monitoring/{path}.py\n"
        for path in ("domain/window", "storage/postgres", "domain/new")
    )
    by_import = "tests/domain/test_policy_model.py"  # of the policy, which imports the window
    by_fixture, by_process = "tests/contract/test_outbox.py", "tests/drill/test_kill.py"
    by_reading, never = "tests/shape/test_layers.py", "tests/artifact/test_durations.py"
    reach = Reach(capstone)
    found = reach.test_files(window)
    assert {by_import, by_process, by_reading} <= set(found)
    assert never not in found
    found = reach.test_files(postgres)
    assert {by_fixture, by_process, by_reading} <= set(found)
    assert not {by_import, never} & set(found)
    assert by_reading in reach.test_files(new)
    assert never in reach.test_files(postgres.replace(".py", ".json"))
    file = capstone / never
    file.write_text(f"def later():\n    from service_monitoring.storage import postgres\n{file.read_text()}")
    assert never in Reach(capstone).test_files(postgres)


def test_every_diagram_of_the_pages_has_its_room() -> None:
    """The committed sizes are those of the diagrams that there are, each by a title of its own."""
    pages = [Page(ROOT, file) for file in sorted((ROOT / "docs").rglob("*.md"))]
    fences = [fence for page in pages for fence in page.fences if fence.language == "mermaid"]
    titles = [diagrams.title(fence.content) for fence in fences]
    assert sorted(titles) == sorted(json.loads(diagrams.ROOMS.read_text(encoding="utf-8")))
