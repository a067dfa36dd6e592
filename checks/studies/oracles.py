"""The long runs of the capstone's oracles and drills: its own commands, with provenance and a smaller check.

Each check decides the differential's series again, but without promtool; it lets the fuzzer run for a second;
and the drills are tests of the capstone, with fewer kills.
"""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import tempfile
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from checks.evidence.figures import Evidence, Figure, nested, versions
from checks.evidence.measurement import Measurement, Step, record_of, script

if TYPE_CHECKING:
    from collections.abc import Mapping

DIFFERENTIAL = "capstone/tests/oracle/differential.py"
FUZZER = "capstone/fuzz/fuzz_batch.py"
DRILL = "capstone/tests/drill/kill.py"
SERIES = 5_000
EXECUTIONS = 1_000_000
EXECUTIONS_AGAIN = 1_500
KILLS = 200
SEED = 1
EDGES_MOVE = 0.05  # with every branch that the boundary gains; a blind fuzzer would lose far more
DECIDED_BY = (
    "capstone/tests/oracle/test_prometheus_decisions.py::test_every_decision_is_the_one_that_prometheus_makes"
)
SURVIVED = {
    "sqlite": "capstone/tests/drill/test_kill.py::test_what_sqlite_acknowledged_survives_being_killed",
    "postgres": "capstone/tests/drill/test_kill.py::test_what_postgres_acknowledged_survives_being_killed",
}


def _compare(evidence: Evidence) -> None:
    figures = _figures(record_of(DIFFERENTIAL, f"--series={SERIES}", f"--seed={SEED}"), evidence)
    evidence.figures |= figures
    evidence.figures["disagreements"] = replace(figures["disagreements"], tested_by=DECIDED_BY)
    promtool = re.search(r"version (\S+)", evidence.facts["promtool"])
    evidence.versions["promtool"] = promtool[1] if promtool else evidence.facts["promtool"]


def _decide(evidence: Evidence) -> None:
    """All that the comparison compares, decided by this service alone."""
    oracle = script(DIFFERENTIAL)
    rng = random.Random(SEED)  # noqa: S311 - the series that the comparison makes of the same seed
    decided, rules = Counter[str](), 0
    for start in range(0, SERIES, oracle["SERIES_A_FILE"]):
        cases = [oracle["make_case"](start + place, rng) for place in range(oracle["SERIES_A_FILE"])]
        decided.update(state for states in oracle["decide"](cases) for state in states.values())
        rules += sum(len(case.rules) for case in cases)
    compared = rules * oracle["INSTANTS"]
    counts = {"series": SERIES, "decisions compared": compared, "inactive": compared - decided.total()}
    evidence.figures |= {
        name: Figure(count, name, tolerance=0) for name, count in {**counts, **decided}.items()
    }


def _fuzz(executions: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return record_of(FUZZER, f"--runs={executions}", f"--seed={SEED}", f"--folder={folder}")


def _fuzz_long(evidence: Evidence) -> None:
    # Its seed fixes the short run; in a long one the fuzzer's own clock decides along.
    steady = ("executions", "seed inputs", "findings")
    for name, figure in _figures(_fuzz(EXECUTIONS), evidence).items():
        evidence.figures[name] = replace(figure, repeats=name in steady)
    evidence.versions |= versions("atheris")


def _fuzz_again(evidence: Evidence) -> None:
    figures = nested(_fuzz(EXECUTIONS_AGAIN)["figures"])
    moves = {"edges": EDGES_MOVE, "features": EDGES_MOVE}
    evidence.figures["a short run"] = {
        name: replace(figures[name], tolerance=moves.get(name, 0))
        for name in ("executions", "seed inputs", "edges", "features", "findings")
    }


def _kill(store: str, evidence: Evidence) -> None:
    document = record_of(DRILL, f"--kills={KILLS}", f"--store={store}", f"--seed={SEED}")
    for name, figure in _figures(document, evidence).items():
        evidence.figures[name] = replace(figure, tested_by=SURVIVED[store]) if figure.repeats else figure
    if store == "postgres":
        server = script("capstone/tests/support/postgres.py")["bin_folder"]() / "postgres"
        said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True)
        evidence.versions["postgresql"] = said.stdout.split()[2]
    else:
        evidence.versions["sqlite"] = sqlite3.sqlite_version
    evidence.versions |= versions("starlette", "uvicorn", *(["psycopg"] if store == "postgres" else []))


def _figures(document: Mapping[str, Any], evidence: Evidence) -> dict[str, Figure]:
    """The figures that a command recorded; its facts become the evidence's."""
    evidence.facts |= {"program": document["command"], **document["facts"]}
    return nested(document["figures"])


COMPARISON = Measurement(
    (
        Step("every decision beside promtool's", _compare),
        Step("the same decisions without promtool", _decide, again=True),
    )
)
FUZZING = Measurement(
    (
        Step("a short run of the fuzzer", _fuzz_again, again=True),
        Step("a long run of the fuzzer", _fuzz_long),
    ),
    once=("executions", "findings", "seed inputs"),  # a million executions are a minute
    long=True,
)
KILLING = {
    store: Measurement((Step(f"kills of a server on {store}", partial(_kill, store)),), long=True)
    for store in SURVIVED
}
