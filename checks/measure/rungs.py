"""Which rung of the capstone's suite notices a change first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checks.measure.evidence import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNGS = ("shape", "domain", "contract", "artifact")
"""The rungs that the capstone has, the cheapest first."""


@contextmanager
def drifted(diff: str) -> Iterator[Path]:
    """A copy of the capstone with a diff applied, for as long as it is needed.

    Raises:
        subprocess.CalledProcessError: The diff does not apply.
    """
    with tempfile.TemporaryDirectory() as folder:
        capstone = Path(folder) / "capstone"
        shutil.copytree(ROOT / "capstone", capstone, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        command = ["git", "apply", "-p1", "-"]
        subprocess.run(command, cwd=folder, input=diff, text=True, check=True)
        yield capstone


def run_tests(capstone: Path, target: str) -> str:
    """The first test of a target that fails on that copy, or an empty text when all pass."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", target],
        cwd=capstone,
        env={**os.environ, "PYTHONPATH": str(capstone / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if not run.returncode:
        return ""
    failed = [line.split()[1] for line in run.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0] if failed else run.stdout + run.stderr


def climb(diff: str, progress: Callable[[str], None]) -> tuple[dict[str, str], str]:
    """Run every rung on the capstone with a diff applied.

    Returns:
        `green` or `red` for each rung, and the first test that went red.
    """
    verdicts, first_red = {}, ""
    with drifted(diff) as capstone:
        for rung in RUNGS:
            progress(f"rung {rung}")
            red = run_tests(capstone, f"tests/{rung}")
            verdicts[rung] = "red" if red else "green"
            first_red = first_red or red
    return verdicts, first_red
