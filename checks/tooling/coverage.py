"""Which branches of domain, application and boundary the capstone's suites take: `invoke coverage`."""

from __future__ import annotations

import sys

from checks.memory import ROOT
from checks.tooling.long import run_each

COVERAGE = (sys.executable, "-m", "coverage")


def main() -> int:
    """Run the suites, then report; the exit status is 1 when a suite is red or the report under its limit."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    suites = (*COVERAGE, "run", "-m", "pytest", "--quiet", "--ignore=tests/drill", "tests")
    commands = {"the suites": suites, "the report": (*COVERAGE, "report")}
    return run_each("coverage", commands, ROOT / "capstone")


if __name__ == "__main__":
    sys.exit(main())
