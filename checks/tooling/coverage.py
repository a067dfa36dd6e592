"""Which branches of domain, application and boundary the capstone's suites take: `invoke coverage`."""

from __future__ import annotations

import sys
from pathlib import Path

from checks.tooling.long import run_each

CAPSTONE = Path(__file__).resolve().parents[2] / "capstone"
COVERAGE = (sys.executable, "-m", "coverage")


def main() -> int:
    """Run the suites, then report; the exit status is 1 when a suite is red or the report under its limit."""
    (CAPSTONE.parent / ".cache").mkdir(exist_ok=True)
    suites = (*COVERAGE, "run", "-m", "pytest", "--quiet", "--ignore=tests/drill", "tests")
    return run_each("coverage", {"the suites": suites, "the report": (*COVERAGE, "report")}, CAPSTONE)


if __name__ == "__main__":
    sys.exit(main())
