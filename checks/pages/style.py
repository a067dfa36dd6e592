"""How pages are written: without the phrases of `phrases.toml`, and with code that fits the page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from checks.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Page

PHRASES = tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))
COLUMNS = 88
TYPED: dict[str, str | tuple[str, ...]] = {"python": "", "console": ("$ ", "> ")}
UNEVEN = re.compile(r"^\s*\n(?: {4})*(?: {1,3}|\t+)(?=\S)", re.MULTILINE)
EVENLY = "indent by four blanks per level: the site draws this outside of its list"
# No built page shows what the README draws.
OTHER = re.compile(r"^(?: {4}|\t)|<[a-z/!?]", re.IGNORECASE | re.MULTILINE)
FENCED = "indented code and HTML are not checked here: write a labelled fence, or Markdown"
REFUSED = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b".replace(" ", r"\s+"), re.IGNORECASE)


def problems(page: Page) -> Iterator[Failure]:
    """Each phrase in the prose of a page, and each line of its code or commands that is too long."""
    inner = page.fenced - {fence.line for fence in page.fences}
    prose = "\n".join("" if number in inner else line for number, line in enumerate(page.lines, 1))
    for found in REFUSED.finditer(prose):
        instead = PHRASES[" ".join(found[0].lower().split())]
        yield Failure(page.path, prose.count("\n", 0, found.start()) + 1, f"{found[0]!r}: write {instead}")
    pattern, message = (UNEVEN, EVENLY) if page.path.startswith("docs/") else (OTHER, FENCED)
    for found in pattern.finditer(prose):
        yield Failure(page.path, prose.count("\n", 0, found.end()) + 1, message)
    for fence in page.fences:
        for offset, line in enumerate(fence.lines, 1):
            if len(line) > COLUMNS and line.startswith(TYPED.get(fence.language, ())):
                message = f"{len(line)} columns: code on a page has at most {COLUMNS}"
                yield fence.failure(message, offset=offset)
