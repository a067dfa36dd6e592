"""Change the capstone's inside in every small way and see whether a test notices: `invoke mutate`.

mutmut makes the changes in a copy and shows its progress. A change that no test notices is a survivor, and
each survivor must stand in `capstone/survivors.toml` with the reason why it may; one that stands there
and is noticed by now must go.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CAPSTONE = ROOT / "capstone"
SURVIVORS = CAPSTONE / "survivors.toml"
MIN_SCORE = 0.9


def run_mutmut(folder: Path) -> dict[str, str]:
    """Every mutant and what became of it; mutmut names them by module, function and number."""
    for name in ("src", "tests"):
        shutil.copytree(CAPSTONE / name, folder / name)
    shutil.copy(CAPSTONE / "pyproject.toml", folder)
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    subprocess.run([mutmut, "run", "--max-children", "2"], cwd=folder, check=True)
    shown = subprocess.run(
        [mutmut, "results", "--all", "true"], cwd=folder, check=True, capture_output=True, text=True
    )
    return dict(re.findall(r"^\s+(\S+__mutmut_\d+): (.+)$", shown.stdout, re.MULTILINE))


def change(folder: Path, mutant: str) -> str:
    """The lines that a mutant changes, before and after."""
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    shown = subprocess.run([mutmut, "show", mutant], cwd=folder, check=False, capture_output=True, text=True)
    lines = re.findall(r"^[-+](?![-+]{2} ).*$", shown.stdout, re.MULTILINE)
    return "\n".join(line[0] + " " + line[1:].strip() for line in lines)


def main() -> int:
    """Print the score, and what the list of survivors and the run do not agree on."""
    argparse.ArgumentParser(prog="invoke mutate", description=__doc__).parse_args()
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
