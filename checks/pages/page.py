"""A page as its fences, and what is wrong with the way they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from checks.failure import Failure, lines_of
from checks.pages import masks
from checks.pages.parsers import PARSERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = ("python", "console", "mermaid", *PARSERS)

FENCE_LINE = re.compile(r"^\s*(?:[-*+>]\s+|\d+\.\s+)*(`{3,}|~{3,})")
LANGUAGE = re.compile(r"\{?\s*\.?([^\s{}]+)")
TITLE = re.compile(r'title="([^"]*)"')
PROSE = re.compile(r"\s*(?:[^\W\d]|[`\[]|[*_]+\w)")
# Folds the Output of a block that the reader is asked to predict.
FOLDED = '??? example "Output"'
NO_ALTERNATIVE = "say in a sentence directly after the diagram what it shows: that is its text alternative"


def parser() -> MarkdownIt:
    """CommonMark without indented code: what is indented here is inside an admonition or a tab."""
    return MarkdownIt("commonmark").disable("code")


@dataclass(frozen=True)
class Fence:
    """One fenced block; lines count from one and include the fence itself."""

    path: str
    line: int
    end: int
    indent: str
    info: str
    content: str

    @property
    def language(self) -> str:
        """The first word after the backticks; empty where there is none."""
        match = LANGUAGE.match(self.info)
        return match[1] if match else ""

    @property
    def title(self) -> str:
        """What stands above the block on the page."""
        match = TITLE.search(self.info)
        return match[1] if match else ""

    @property
    def is_output(self) -> bool:
        """Whether this shows what a python block printed."""
        return self.language == "text" and self.title.split("(")[0].strip() == "Output"

    @property
    def kind(self) -> str:
        """The name under which the closing summary counts this block."""
        return "output" if self.is_output else self.language

    @property
    def lines(self) -> list[str]:
        """What is between the fence's own two lines."""
        return lines_of(self.content)

    def failure(self, message: str, detail: str = "", *, offset: int = 0) -> Failure:
        """A failure ``offset`` lines below the opening fence."""
        return Failure(self.path, min(self.line + offset, self.end), message, detail)


def read_fences(path: str, text: str) -> list[Fence]:
    """Every fenced block of a text, from top to bottom."""
    fences, lines = [], lines_of(text)
    for token in parser().parse(text):
        if token.type == "fence" and token.map:
            first, last = token.map
            indent = lines[first].partition(lines[first].lstrip())[0]
            fences.append(Fence(path, first + 1, last, indent, token.info.strip(), token.content))
    return fences


class Page:
    """One Markdown file, read once."""

    def __init__(self, root: Path, file: Path) -> None:
        self.root = root
        self.file = file
        self.path = file.relative_to(root).as_posix()
        self.text = file.read_text(encoding="utf-8")
        self.lines = lines_of(self.text)

    @cached_property
    def fences(self) -> list[Fence]:
        """Every fenced block, from top to bottom."""
        return read_fences(self.path, self.text)

    @cached_property
    def fenced(self) -> set[int]:
        """The numbers of all lines of its blocks, fences too."""
        return {number for fence in self.fences for number in range(fence.line, fence.end + 1)}

    def output_of(self, fence: Fence) -> Fence | None:
        """The Output block that directly follows, folded or not: nothing but blank lines between."""
        following = next((other for other in self.fences if other.line > fence.end), None)
        if following and following.is_output:
            between = {line.strip() for line in self.lines[fence.end : following.line - 1]}
            return None if between - {"", FOLDED if following.indent else ""} else following
        return None

    def problems(self) -> Iterator[Failure]:
        """Everything that is wrong before anything is run, from top to bottom."""
        outputs = [self.output_of(fence) for fence in self.fences if fence.language == "python"]
        for fence in self.fences:
            yield from _label_problems(fence)
            if fence.is_output or fence.language == "console":
                yield from masks.problems(fence)
            if fence.is_output and fence not in outputs:
                yield fence.failure("this Output block does not directly follow a python block")
            following = next(filter(str.strip, self.lines[fence.end :]), "")
            if fence.language == "mermaid" and not PROSE.match(following):
                yield fence.failure(NO_ALTERNATIVE)


def _label_problems(fence: Fence) -> Iterator[Failure]:
    languages = ", ".join(LANGUAGES)
    if fence.language == "text" and not fence.is_output:
        instead = "make it one, or prose, or a console block"
        yield fence.failure(f'a text fence is checked only as title="Output" after a python block: {instead}')
    elif fence.language not in {*LANGUAGES, "text"}:
        yield fence.failure(f"nothing checks a fence of language {fence.language!r}: use one of {languages}")
