"""Change the capstone's inside in every small way and see whether a test notices: `invoke mutate`.

mutmut makes the changes in a copy and shows its progress. A change that no test notices is a survivor, and
each survivor must stand in `capstone/survivors.toml` with the reason why it may; one that stands there
and is noticed by now must go.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from checks import child
from checks.failure import command
from checks.memory import ROOT
from checks.progress import Progress

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
        shutil.copytree(CAPSTONE / name, folder / name)
    shutil.copy(CAPSTONE / "pyproject.toml", folder)
    with Progress(1, "mutants tried"):
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


@command("mutate", "mutate interrupted", child.UnfinishedError)
def main() -> int:
    """Print the score, and what the list of survivors and the run do not agree on."""
    listed = {
        f"{entry['function']}__mutmut_{number}"
        for entry in tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["survivor"]
        for number in entry["mutants"]
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        outcomes = run_mutmut(folder)
        survived = sorted(name for name, outcome in outcomes.items() if outcome not in ("killed", "timeout"))
        new = [f"{name}\n{change(folder, name)}" for name in survived if name not in listed]
    gone = sorted(listed - set(survived))
    score = 1 - len(survived) / len(outcomes)
    for name in new:
        print(f"survives, and is not in {SURVIVORS.name}: {name}")
    for name in gone:
        print(f"is in {SURVIVORS.name}, and is noticed or gone: {name}")
    print(f"{len(outcomes):,} changes, {len(survived)} survive: score {score:.1%} (at least {MIN_SCORE:.0%})")
    return 1 if new or gone or score < MIN_SCORE else 0


if __name__ == "__main__":
    sys.exit(main())
