"""A page's Python blocks as one program, to download or to run: `python -m checks.pages.program NAME`."""

from __future__ import annotations

import sys
from contextlib import closing
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING

from checks.failure import Failure, command
from checks.memory import ROOT, digest, environment, repository_files
from checks.pages import interpreter
from checks.pages.page import Page
from checks.pages.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

    from checks.memory import Memory
    from checks.pages.page import Fence

SHOWN = "Enter runs this block, q stops: "
FOLDED = "The next block is folded on the page: Enter skips it, r shows and runs it: "
LAST_LINES = 8


def programs(docs: Path) -> dict[str, Page]:
    """Every page with Python blocks, by its name: that of its file, or of its folder for an `index.md`."""
    files = [file for file in docs.rglob("*.md") if "```python" in file.read_text(encoding="utf-8")]
    return {name_of(file): Page(docs.parent, file) for file in files}


def name_of(file: PurePath) -> str:
    """The name of a page."""
    return file.parent.name if file.stem == "index" else file.stem


def source(page: Page) -> str:
    """The blocks that are not folded, in order, below the headings that they stand under."""
    parts = [f"# {page.path}: run it in the folder of the repository, with `python -i`.\n"]
    shown = (block for block in _blocks(page) if not block[1].indent)
    for heading, blocks in groupby(shown, key=lambda block: block[0]):
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


def problems(page: Page, remembered: Memory) -> Iterator[Failure]:
    """What is wrong with a page's program: without the folded blocks too, it runs to its end."""
    program = source(page)
    # It may read any file that is no page: the capstone, the checks, a recorded profile.
    names = [name for name in repository_files(page.root) if not name.endswith(".md")]
    now = digest(page.root, names, program, environment())
    if not remembered.known(page.path, now):
        with closing(Scratch(page.root, page.file)) as scratch:
            (scratch.work.parent / "program.py").write_text(program, encoding="utf-8")
            said = scratch.run_command("python -i ../program.py < /dev/null")
        if said.error or any(line.startswith(("Traceback", "SyntaxError")) for line in said.lines):
            message = "without the folded blocks, the blocks of this page do not run to their end"
            yield Failure(page.path, 1, message, said.error or "\n".join(said.lines[-LAST_LINES:]))
        else:
            remembered.keep(page.path, now, lambda: now)


def walk(page: Page) -> int:
    """Show each block, wait for Enter on a terminal, and run it; 1 where a block fails.

    A block that is folded on the page, such as an answer, is neither shown nor run unless it is asked for.
    """
    namespace = interpreter.begin(page.path, page.text)
    for heading, fence in _blocks(page):
        place = f"\n{page.path}:{fence.line}: {heading}"
        if fence.indent and not (sys.stdin.isatty() and input(f"{place}\n{FOLDED}").strip() == "r"):
            continue
        print(f"{place}\n\n{fence.content}", flush=True)
        if not fence.indent and sys.stdin.isatty() and input(SHOWN).strip() == "q":
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
