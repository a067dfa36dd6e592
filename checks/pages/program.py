"""A page's Python blocks as one program, to download or to run: `python -m checks.pages.program NAME`."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING

from checks.failure import Failure, command
from checks.memory import ROOT
from checks.pages import interpreter
from checks.pages.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

    from checks.pages.page import Fence


def programs(docs: Path) -> dict[str, Page]:
    """Every page with Python blocks, by its name: that of its file, or of its folder for an `index.md`."""
    files = [file for file in docs.rglob("*.md") if "```python" in file.read_text(encoding="utf-8")]
    return {name_of(file): Page(docs.parent, file) for file in files}


def name_of(file: PurePath) -> str:
    """The name of a page."""
    return file.parent.name if file.stem == "index" else file.stem


def source(page: Page) -> str:
    """The blocks in order, below the headings that they stand under."""
    parts = [f"# {page.path}: run it in the folder of the repository, with `python -i`.\n"]
    for heading, blocks in groupby(_blocks(page), key=lambda block: block[0]):
        parts += [f"# {heading}\n", *(fence.content for _, fence in blocks)]
    return "\n".join(parts)


def _blocks(page: Page) -> Iterator[tuple[str, Fence]]:
    headings = {0: page.path} | {
        number: line.lstrip("# ")
        for number, line in enumerate(page.lines, 1)
        if line.startswith("#") and number not in page.fenced
    }
    for fence in page.fences:
        if fence.language == "python":
            yield headings[max(number for number in headings if number < fence.line)], fence


def problems(page: Page) -> Iterator[Failure]:
    """What is wrong with the blocks as one program."""
    try:
        compile(source(page), page.path, "exec", dont_inherit=True)
    except SyntaxError as error:
        yield Failure(page.path, 1, f"the blocks of this page are not one program: {error.msg}")


def walk(page: Page) -> int:
    """Show each block, wait for Enter on a terminal, and run it; 1 where a block fails."""
    namespace = interpreter.begin(page.path, page.text)
    for heading, fence in _blocks(page):
        print(f"\n{page.path}:{fence.line}: {heading}\n\n{fence.content}", flush=True)
        if sys.stdin.isatty() and input("Enter runs this block, q stops: ").strip() == "q":
            break
        reply = interpreter.run("\n" * fence.line + fence.content, page.path, namespace)
        if reply["error"]:
            print(reply["text"], file=sys.stderr)
            return 1
    return 0


@command("page", "page stopped", LookupError)
def main(name: str) -> int:
    """Run a page; the exit status is 2 for a name that no page has."""
    pages = programs(ROOT / "docs")
    if name not in pages:
        near = ", ".join(get_close_matches(name, pages, cutoff=0))
        raise LookupError(f"there is no page {name!r} with Python blocks; the nearest names are: {near}")
    return walk(pages[name])


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
