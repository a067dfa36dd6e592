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

    from markdown_it.token import Token

LANGUAGES = ("python", "console", "mermaid", *PARSERS)

FENCE_LINE = re.compile(r"^\s*(?:[-*+>]\s+|\d+\.\s+)*(`{3,}|~{3,})")
INFO = re.compile(r"""[\w-]+(?:\s+(?:title|hl_lines|linenums)="[^"]*")*""")
LANGUAGE = re.compile(r"\{?\s*\.?([^\s{}]+)")
TITLE = re.compile(r'title="([^"]*)"')
# Lines that may hold four-space indented Markdown below them.
CONTAINER = re.compile(r"^\s*(?:!!!|\?\?\?|===|:\s|\[\^|[-*+]\s|\d+\.\s|<)")
CODE_INDENT = 4
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


class Page:
    """One Markdown file, read once."""

    def __init__(self, root: Path, file: Path) -> None:
        self.root = root
        self.file = file
        self.path = file.relative_to(root).as_posix()
        self.text = file.read_text(encoding="utf-8")
        self.lines = lines_of(self.text)

    @cached_property
    def _tokens(self) -> list[Token]:
        return parser().parse(self.text)

    @cached_property
    def fences(self) -> list[Fence]:
        """Every fenced block, from top to bottom."""
        fences = []
        for token in self._tokens:
            if token.type == "fence" and token.map:
                first, last = token.map
                indent = self.lines[first][: _indent(self.lines[first])]
                fences.append(Fence(self.path, first + 1, last, indent, token.info.strip(), token.content))
        return fences

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

    def problems(self) -> list[Failure]:
        """Everything that is wrong before anything is run, from top to bottom."""
        return sorted(self._problems())

    def _problems(self) -> Iterator[Failure]:
        yield from self._unseen_fences()
        yield from self._indented_code()
        outputs = [self.output_of(fence) for fence in self.fences if fence.language == "python"]
        for fence in self.fences:
            yield from _label_problems(fence)
            if fence.is_output or fence.language == "console":
                yield from masks.problems(fence)
            if fence.is_output and fence not in outputs:
                yield fence.failure("this Output block does not directly follow a python block")
            if fence.language == "mermaid" and not self._prose_after(fence):
                yield fence.failure(NO_ALTERNATIVE)

    def _prose_after(self, fence: Fence) -> bool:
        return any(
            token.type == "paragraph_open"
            and token.map is not None
            and token.map[0] >= fence.end
            and not any(line.strip() for line in self.lines[fence.end : token.map[0]])
            for token in self._tokens
        )

    def _unseen_fences(self) -> Iterator[Failure]:
        number = 0
        by_line = {fence.line: fence for fence in self.fences}
        while number < len(self.lines):
            number += 1
            if fence := by_line.get(number):
                if not self.lines[number - 1].lstrip().startswith(("```", "~~~")):
                    yield fence.failure("put the fence on a line of its own")
                if fence.end == number or not FENCE_LINE.match(self.lines[fence.end - 1]):
                    yield fence.failure("this fence is never closed")
                number = fence.end
            elif FENCE_LINE.match(self.lines[number - 1]):
                message = "this fence is not a block: leave a blank line before it and indent it evenly"
                yield Failure(self.path, number, message)

    def _indented_code(self) -> Iterator[Failure]:
        previous = ""
        outer: list[str] = []
        for number, line in enumerate(self.lines, 1):
            if line.strip() and number not in self.fenced:
                indent = _indent(line)
                outer = [other for other in outer if _indent(other) < indent]
                parent = outer[-1] if outer else ""
                depth = indent - _indent(parent)
                in_container = CONTAINER.match(parent) and depth < 2 * CODE_INDENT
                if depth >= CODE_INDENT and not in_container and not previous.strip():
                    message = "indented code is not checked: put it in a labelled fence"
                    yield Failure(self.path, number, message)
                outer.append(line)
            previous = line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _label_problems(fence: Fence) -> Iterator[Failure]:
    languages = ", ".join(LANGUAGES)
    if not fence.language:
        yield fence.failure(f"a fence without a language is not checked: label it ({languages})")
    elif fence.language == "text" and not fence.is_output:
        instead = "make it one, or prose, or a console block"
        yield fence.failure(f'a text fence is checked only as title="Output" after a python block: {instead}')
    elif fence.language not in {*LANGUAGES, "text"}:
        yield fence.failure(f"nothing checks {fence.language!r} fences: use one of {languages}")
    elif not INFO.fullmatch(fence.info):
        options = 'title, hl_lines and linenums, each as name="value"'
        yield fence.failure(f"no fence is exempt or special: {fence.info!r} may only add {options}")
