"""Rewrite what the pages show from what really happens: `python -m checks.pages.refresh [PAGE…]`.

Without names it runs the pages that have not passed as they are now.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from checks.child import UnfinishedError
from checks.failure import Failure, command
from checks.memory import ROOT, Memory, write_whole
from checks.pages import blocks
from checks.pages.page import Page
from checks.pages.plugin import page_digests
from checks.pages.scratch import Scratch
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.pages.blocks import Outcome
    from checks.pages.page import Fence


def refresh(page: Page, stop: threading.Event | None = None) -> tuple[str, list[Failure]]:
    """The page's text with every recorded output renewed, and what is wrong with the page or its blocks.

    A page that is written wrongly is not run: what looks like an output of it need not be one.
    """
    failures = list(page.problems())
    for fence in page.fences:
        first, last = (page.lines[line - 1].lstrip()[:3] for line in (fence.line, fence.end))
        if first != last or last not in {"```", "~~~"} or fence.line == fence.end:
            failures.append(fence.failure("close the fence, and begin it on a line of its own"))
    if failures:
        return page.text, failures
    lines = list(io.StringIO(page.text))
    for fence, outcome in reversed(list(_outcomes(page, stop))):
        if outcome.true_lines is None:
            failures += outcome.failures
        elif block := outcome.recorded:
            lines[block.line : block.end - 1] = _indented(block.indent, outcome.true_lines)
        else:
            added = ["", '```text title="Output"', *outcome.true_lines, "```"]
            lines[fence.end : fence.end] = _indented(fence.indent, added)
    return "".join(lines), failures[::-1]


def _outcomes(page: Page, stop: threading.Event | None) -> Iterator[tuple[Fence, Outcome]]:
    with closing(Scratch(page.root, page.file, stop)) as scratch:
        for fence in page.fences:
            if stop and stop.is_set():
                return
            if fence.language == "python":
                yield fence, blocks.run_python(page, fence, scratch)
            elif fence.language == "console":
                yield fence, blocks.run_console(fence, scratch)


def _indented(indent: str, lines: list[str]) -> list[str]:
    return [f"{indent}{line}\n" if line else "\n" for line in lines]


def write(page: Page, text: str) -> None:
    """Write a page, whole or not at all.

    Raises:
        UnfinishedError: It is no longer the page that was run.
    """
    with page.file.open("r+b") as opened:  # what cannot be written is not replaced either
        if opened.read() != page.text.encode():
            raise UnfinishedError("it was saved while it was run, or has line ends other than \\n")
    write_whole(page.file.resolve(), text)


def to_run(root: Path) -> list[Page]:
    """The pages with blocks that run, without those that passed as they are now."""
    memory, digest = Memory("pages", root), page_digests(root)
    pages = [Page(root, file) for file in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]]
    return [
        page
        for page in pages
        if any(fence.language in {"python", "console"} for fence in page.fences)
        and not memory.known(page.path, digest(page.path))
    ]


@command("refresh", "refresh interrupted: every page is whole, as it was or refreshed", OSError, ValueError)
def main(arguments: Sequence[str]) -> int:
    """Refresh the named pages, or all that may show something else; say which ones changed."""
    pages = [Page(ROOT, Path(name).resolve()) for name in arguments] or to_run(ROOT)
    stop, status = threading.Event(), 0
    with Progress(len(pages), "pages run") as progress, ThreadPoolExecutor(os.cpu_count()) as pool:

        def renew(page: Page) -> tuple[Page, bool, list[Failure]]:
            progress.begin(page.path)
            try:
                text, failures = refresh(page, stop)
                if changed := text != page.text and not stop.is_set():
                    write(page, text)
            except (OSError, UnfinishedError) as error:
                changed, failures = False, [Failure(page.path, 1, f"left as it is: {error}")]
            return page, changed, failures

        running = [pool.submit(renew, page) for page in pages]
        try:
            for future in as_completed(running):
                page, changed, failures = future.result()
                progress.step(page.path)
                status |= bool(failures)
                for line in [f"{page.path}: changed"] * changed + failures:
                    print(line, flush=True)
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    if not pages:
        print("every page passed as it is: there is nothing to refresh")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
