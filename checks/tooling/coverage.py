"""Which branches of domain, application and boundary the capstone's suites take: `invoke coverage`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CAPSTONE = Path(__file__).resolve().parents[2] / "capstone"


def main() -> int:
    """Run the suites, then report; the exit status is 1 when a suite is red or the report under its limit."""
    suites = "-m coverage run -m pytest --quiet --ignore=tests/drill tests"
    report = "-m coverage report"
    (CAPSTONE.parent / ".cache").mkdir(exist_ok=True)
    return any(
        subprocess.run([sys.executable, *command.split()], cwd=CAPSTONE, check=False).returncode
        for command in (suites, report)
    )


if __name__ == "__main__":
    sys.exit(main())
