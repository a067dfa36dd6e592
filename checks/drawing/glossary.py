"""The glossary page as data: its terms, in page order, with their definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown.extensions.toc import slugify  # type: ignore[import-untyped]  # ships no types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

GLOSSARY = "module-10-performance-observability-security-review/glossary.md"

TERM = re.compile(r"^## (.+?)(?: \{((?: \.\w+)+) \})?\s*$((?:\n(?!## ).*)*)", re.MULTILINE)
QUIET = "quiet"
"""The class of a term that is an everyday word too, so that a tooltip would often be wrong."""
LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
ABBREVIATION = re.compile(r'<abbr( title="[^"]*")>(.*?)</abbr>', re.DOTALL)
HEADING_OR_LINK = re.compile(r"<(h[1-6]|a)\b([^>]*)>.*?</\1>", re.DOTALL)
TOOLTIP = re.compile(r'<(abbr|a [^>]*glossary\.html#[^>]*")( title="[^"]*")')
SENTENCE_END = re.compile(r"(?<=[.!?])\s")


@dataclass(frozen=True)
class Term:
    """One `## term { .class }` of the glossary.

    Attributes:
        name: The term.
        line: The line of its heading.
        definition: The Markdown that defines it.
        classes: `quiet`: it has no tooltip. `contract`, `rung`, `package`: a command asks for it.
    """

    name: str
    line: int
    definition: str
    classes: frozenset[str] = frozenset()

    @property
    def anchor(self) -> str:
        """Where links to the term lead."""
        return str(slugify(self.name, "-"))

    @property
    def tooltip(self) -> str:
        """The first sentence of the definition as plain text."""
        text = LINK.sub(r"\1", " ".join(self.definition.split()))
        return SENTENCE_END.split(re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text), maxsplit=1)[0]

    def forms(self) -> Iterator[str]:
        """How prose writes the term: with a capital, in the plural, in both; none if it is quiet."""
        if QUIET in self.classes:
            return
        for form in (self.name, _plural(self.name)):
            yield form
            if form[0].islower():
                yield form[0].upper() + form[1:]


def read_terms(page: Path) -> list[Term]:
    """All terms of the glossary page."""
    text, terms = page.read_text(encoding="utf-8"), []
    for found in TERM.finditer(text):
        classes = frozenset((found[2] or "").replace(".", "").split())
        terms.append(Term(found[1], text.count("\n", 0, found.start()) + 1, found[3].strip(), classes))
    return terms


def abbreviations(terms: Iterable[Term], text: str) -> str:
    """The terms that a text may hold, in the syntax of Python-Markdown's abbreviations."""
    forms = ((form, term.tooltip) for term in terms for form in term.forms() if form in text)
    return "\n\n".join(f"*[{form}]: {tooltip}" for form, tooltip in forms)


def focusable(html: str) -> str:
    """Let the keyboard reach each tooltip once a section, in a link to the term or in the text."""
    # A drawing shows no element of HTML: a word inside one would be lost.
    text = DRAWING.sub(lambda found: ABBREVIATION.sub(r"\2", found[0]), html)
    sections = re.split(r"(?=<h[1-6]\b)", HEADING_OR_LINK.sub(_outermost, text))
    return "".join(map(_with_tab_stops, sections))


def _outermost(found: re.Match[str]) -> str:
    term = ABBREVIATION.search(found[0])
    plain = ABBREVIATION.sub(r"\2", found[0])
    return plain.replace(">", f"{term[1]}>", 1) if term and "glossary.html#" in found[2] else plain


def _with_tab_stops(section: str) -> str:
    seen: set[str] = set()

    def stop(found: re.Match[str]) -> str:
        first = found[2] not in seen
        seen.add(found[2])
        return found[0] + ' tabindex="0"' * (first and found[1] == "abbr")

    return TOOLTIP.sub(stop, section)


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"
