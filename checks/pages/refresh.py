"""Rewrite what the pages show from what really happens: `python -m checks.pages.refresh [PAGE…]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checks.pages import blocks
from checks.pages.page import FENCE_LINE, Page
from checks.pages.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.failure import Failure
    from checks.pages.blocks import Outcome
    from checks.pages.page import Fence

ROOT = Path(__file__).resolve().parents[2]


def refresh(page: Page) -> tuple[str, list[Failure]]:
    """The page's text with every recorded output renewed, and the blocks that could not run."""
    lines = page.text.splitlines(keepends=True)
    failures = []
    for fence, outcome in reversed(list(_outcomes(page))):
        if outcome.true_lines is None:
            failures += outcome.failures
        elif any(FENCE_LINE.match(line) for line in outcome.true_lines):
            failures.append(fence.failure("what this wrote holds a fence, which no block can show"))
        elif outcome.recorded:
            block = outcome.recorded
            lines[block.line : block.end - 1] = _indented(block.indent, outcome.true_lines)
        else:
            added = ["", '```text title="Output"', *outcome.true_lines, "```"]
            lines[fence.end : fence.end] = _indented(fence.indent, added)
    return "".join(lines), failures[::-1]


def _outcomes(page: Page) -> Iterator[tuple[Fence, Outcome]]:
    with Scratch(page.root, page.file) as scratch:
        for fence in page.fences:
            if fence.language == "python":
                yield fence, blocks.run_python(page, fence, scratch)
            elif fence.language == "console":
                yield fence, blocks.run_console(fence, scratch)


def _indented(indent: str, lines: list[str]) -> list[str]:
    return [f"{indent}{line}\n" if line else "\n" for line in lines]


def main(arguments: list[str]) -> int:
    """Refresh the named pages, or all of them; say which ones changed."""
    files = [Path(name).resolve() for name in arguments]
    status = 0
    for file in files or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        page = Page(ROOT, file)
        text, failures = refresh(page)
        if text != page.text:
            file.write_text(text, encoding="utf-8")
            print(f"{page.path}: changed")
        for failure in failures:
            print(failure)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
