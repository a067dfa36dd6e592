"""Commands that take long: what runs is said while it runs, and its output is printed when it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from checks import child
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run_each(what: str, commands: Mapping[str, Sequence[str]], cwd: Path) -> int:
    """Run commands by name, also after one that failed; the exit status is 1 when one failed."""
    failed = 0
    try:
        with Progress(len(commands), what) as progress:
            for name, command in commands.items():
                progress.begin(name)
                ended = child.run(command, cwd=cwd)
                progress.step(name, f"{ended.output}{ended.cut}".strip())
                failed |= not ended.good
    except KeyboardInterrupt:
        print(f"{what} interrupted", file=sys.stderr)
        return 130
    return failed
