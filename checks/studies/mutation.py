"""Change the capstone's inside in every small way and see whether a test notices: `invoke measure mutation`.

mutmut makes the changes in a copy, one at a time. A change that no test notices is a survivor, and each
survivor must stand in `capstone/survivors.toml` with the reason why it may; one that stands there and is
noticed by now must go. Each check counts the list again and holds the file to it.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import child
from checks.evidence.figures import Evidence, Figure, versions
from checks.evidence.measurement import Measurement, Step
from checks.memory import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPSTONE = ROOT / "capstone"
SURVIVORS = CAPSTONE / "survivors.toml"
MUTMUT = Path(sys.executable).with_name("mutmut")
MIN_SCORE = 0.9


def run_mutmut(folder: Path) -> dict[str, str]:
    """Every mutant and what became of it; mutmut names them by module, function and number.

    Raises:
        UnfinishedError: mutmut did not try every mutant.
    """
    for name in ("src", "tests"):
        shutil.copytree(CAPSTONE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CAPSTONE / "pyproject.toml", folder)
    ended = child.run([MUTMUT, "run", "--max-children", "2"], cwd=folder)
    if not ended.good:
        raise child.UnfinishedError(f"mutmut: {ended.last_line}")
    shown = child.run([MUTMUT, "results", "--all", "true"], cwd=folder)
    return dict(re.findall(r"^\s+(\S+__mutmut_\d+): (.+)$", shown.output, re.MULTILINE))


def change(folder: Path, mutant: str) -> str:
    """The lines that a mutant changes, before and after."""
    shown = child.run([MUTMUT, "show", mutant], cwd=folder)
    lines = re.findall(r"^[-+](?![-+]{2} ).*$", shown.output, re.MULTILINE)
    return "\n".join(line[0] + " " + line[1:].strip() for line in lines)


def listed() -> set[str]:
    """The mutants that may survive, by mutmut's names."""
    return {
        f"{entry['function']}__mutmut_{number}"
        for entry in tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]
        for number in entry["mutants"]
    }


def differences(folder: Path, outcomes: Mapping[str, str]) -> list[str]:
    """What the list of survivors and a run do not agree on."""
    survived = {name for name, outcome in outcomes.items() if outcome not in ("killed", "timeout")}
    new = [f"{name}\n{change(folder, name)}" for name in sorted(survived - listed())]
    score = 1 - len(survived) / len(outcomes)
    return [
        *(f"survives, and is not in {SURVIVORS.name}: {name}" for name in new),
        *(f"is in {SURVIVORS.name}, and is noticed or gone: {name}" for name in sorted(listed() - survived)),
        *([f"score {score:.1%}: at least {MIN_SCORE:.0%}"] if score < MIN_SCORE else []),
    ]


def _mutate(evidence: Evidence) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        outcomes = run_mutmut(folder)
        if found := differences(folder, outcomes):
            raise child.UnfinishedError("\n".join(found))
    evidence.figures["changes"] = Figure(len(outcomes), "changes")
    evidence.versions |= versions("mutmut")


def _count(evidence: Evidence) -> None:
    evidence.figures["survivors"] = Figure(len(listed()), "changes", tolerance=0)


def _score(figures: Mapping[str, Any]) -> dict[str, Any]:
    share = 1 - figures["survivors"].value / figures["changes"].value
    return {"score": Figure(round(100 * share, 1), "percent", follows_from="survivors")}


MEASUREMENT = Measurement(
    (
        Step("every small change of the capstone's inside", _mutate),
        Step("the changes that may survive", _count, again=True),
    ),
    derive=_score,
    once=("changes",),
    long=True,
    reads=("capstone/src", "capstone/tests"),
)
