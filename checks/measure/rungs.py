"""Which rung of the capstone's suite notices a change first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from checks.measure.evidence import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

RUNGS = ("shape", "domain", "contract", "artifact")
"""The rungs that the capstone has, the cheapest first."""


def climb(diff: str, progress: Callable[[str], None]) -> tuple[dict[str, str], str]:
    """Apply a diff to a copy of the capstone and run every rung.

    Returns:
        `green` or `red` for each rung, and the first test that went red.

    Raises:
        subprocess.CalledProcessError: The diff does not apply.
    """
    with tempfile.TemporaryDirectory() as folder:
        capstone = Path(folder) / "capstone"
        shutil.copytree(ROOT / "capstone", capstone, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        subprocess.run(["git", "apply", "-p1", "-"], cwd=folder, input=diff, text=True, check=True)  # noqa: S607 - the developer's git
        verdicts, first_red = {}, ""
        for rung in RUNGS:
            progress(f"rung {rung}")
            run = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{rung}"],
                cwd=capstone,
                env={**os.environ, "PYTHONPATH": str(capstone / "src")},
                capture_output=True,
                text=True,
                check=False,
            )
            verdicts[rung] = "red" if run.returncode else "green"
            if run.returncode and not first_red:
                failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED ")]
                first_red = failed[0].split()[1] if failed else run.stdout.splitlines()[-1]
        return verdicts, first_red
