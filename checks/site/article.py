"""What each built page draws as code, output or drawing: a block that was checked, or drawn by our own code.

The HTML is what the reader sees, however it came about. Each block of a page's source is drawn once, in
order, with its language, its title and its text. Whatever else looks like a block is red, except what macros
and mkdocstrings drew, each once. HTML that Markdown does not make is red too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from checks.drawing.record import DRAWN
from checks.failure import Failure, failure_at
from checks.pages.blocks import steps_of
from checks.pages.page import Page, read_fences
from checks.proof.reach import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.pages.page import Fence
    from checks.site.links import Site

ARTICLE = re.compile(r"<article\b[^>]*>(.*)</article>", re.DOTALL)
DRAWS, VOID = {"pre", "svg", "highlight", "mermaid"}, {"br", "hr", "img", "input", "wbr"}
# What Markdown and mkdocstrings make, and no reader takes for a block.
PLAIN = re.compile(
    r"<(a|abbr|b|blockquote|code|d[dlt]|details|div|em|h[1-6r]|li|[ou]l|p|small|span|strong|su[bp]|summary"
    r"|table|tbody|t[dhr]|thead)(\s+((class|href|id|scope|tabindex|title)=\"[^\"]*\""
    r"|data-search-exclude(=\"\")?|style=\"(text-align: \w+;|--width: \d+; --height: \d+)?\"))*\s*/?>"
)
# What Markdown did not understand is drawn as it was typed.
MARK = re.compile(r"^\s*(===|!!!|\?\?\?|:::|```|~~~|--8<--)", re.MULTILINE)
ADDRESS = re.compile(r"src=\"([^\"]+)\"")
UNSEEN = re.compile(r"^\n+|[ \n]+$|[ ]+(?=\n)")
NOT_DRAWN = "drawn differently or not at all: close the fence with the same marks, at the same indentation"
UNCHECKED = "drawn, but no check reads it: write Markdown that this site knows, and code as a labelled fence"
NO_PAGE = "the site has this page, but only pages whose names end in .md are checked"


@dataclass
class Block:
    """What a reader may take for code, output or a drawing.

    Attributes:
        element: Its name and attributes: its language, and what its button copies.
        text: Its title and its text.
        source: How it begins in the HTML.
    """

    element: list[object]
    text: str = ""
    source: str = field(default="", compare=False)


class Article(HTMLParser):
    """The blocks that HTML draws; HTML that is not plain is one too."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self._depth, self._code = 0, False
        self.feed(html)
        self.close()
        for block in self.blocks:
            block.text = UNSEEN.sub("", block.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or go deeper into one."""
        names, source = {tag, *(dict(attrs).get("class") or "").split()}, self.get_starttag_text() or ""
        begins = not self._depth and (names & DRAWS or not PLAIN.fullmatch(source))
        if begins:
            self.blocks.append(Block([tag, *attrs], source=source))
        if begins or self._depth:
            self._depth += tag not in VOID
        self._code = tag == "code"

    def handle_endtag(self, tag: str) -> None:
        """Come back."""
        self._depth = max(self._depth - (tag not in VOID), 0)
        self._code &= tag != "code"

    def handle_data(self, data: str) -> None:
        """Read a block; code that spans lines is one, and so is a mark of Markdown."""
        if self._depth:
            self.blocks[-1].text += data
        elif "\n" in data if self._code else MARK.search(data):
            self.blocks.append(Block([], data))

    def handle_comment(self, data: str) -> None:
        """Keep it: a browser may end it before this parser does."""
        self.blocks.append(Block([], data))

    handle_decl = handle_pi = unknown_decl = handle_comment  # type: ignore[assignment] # other names


def article_failures(site: Site) -> Iterator[Failure]:
    """Of each page, and of each file that a browser shows as one."""
    known = (text for text in DRAWN if "doc-object" not in text or f'id="{PACKAGE}.' in text)
    ours = [block for text in known for block in Article(text).blocks]
    ours += [drawn(fence) for text in DRAWN if "```" in text for fence in read_fences("", text)]
    for name, file in site.files.items():
        yield from page_failures(Page(site.root, site.source(name)), file.read_text(encoding="utf-8"), ours)
    for file in {*site.folder.rglob("*")} - {*site.files.values(), site.folder / "404.html"}:
        if "ht" in file.suffix.lower():
            named = site.root / "docs" / file.relative_to(site.folder)
            source = min(named.parent.glob(f"{file.stem}.*"), default=named.with_name("README.md"))
            yield Failure(source.relative_to(site.root).as_posix(), 1, NO_PAGE)


def page_failures(page: Page, html: str, ours: list[Block]) -> Iterator[Failure]:
    """Where a page draws something else than was checked.

    Args:
        page: The source.
        html: What was built from it.
        ours: What macros and mkdocstrings drew; what is found on this page is taken out.
    """
    found = ARTICLE.search(html)
    left = [(drawn(fence), fence) for fence in page.fences]
    for block in Article(found[1] if found else "<article>").blocks:
        if at := next((at for at, (expected, _) in enumerate(left, 1) if expected == block), 0):
            yield from (fence.failure(NOT_DRAWN) for _, fence in left[: at - 1])
            left = left[at:]
        elif block in ours:
            ours.remove(block)
        else:
            first, *others = map(str.strip, block.text.split("\n"))
            needles = [block.source + first, block.source, *ADDRESS.findall(block.source), first, *others]
            yield failure_at(page.root, page.file, needles, UNCHECKED, block.text)
    yield from (fence.failure(NOT_DRAWN) for _, fence in left)


def drawn(fence: Fence) -> Block:
    """How a fence is drawn."""
    classes = "mermaid" if fence.language == "mermaid" else f"language-{fence.language} highlight"
    element: list[object] = ["div", ("class", classes)]
    if fence.language == "console":
        element.append(("data-copy", "\n".join(step.command for step in steps_of(fence.lines))))
    return Block(element, UNSEEN.sub("", fence.title + fence.content.lstrip("\n")))
