"""The glossary as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.drawing.glossary import abbreviations, focusable, read_terms

if TYPE_CHECKING:
    from pathlib import Path

TERMS = """\
# Glossary

## start { .quiet }

The step before samples come in.

## storage { .quiet .package }

The package with the [stores](x.md). More.

## unit of work

The changes of `one` command. More.
"""


def test_a_term_has_a_name_classes_and_a_first_sentence(tmp_path: Path) -> None:
    """The classes are no part of the name, nor of the anchor."""
    page = tmp_path / "glossary.md"
    page.write_text(TERMS, encoding="utf-8")
    start, storage, unit = read_terms(page)
    assert (start.name, start.line, start.anchor) == ("start", 3, "start")
    assert storage.classes == {"quiet", "package"}
    assert storage.tooltip == "The package with the stores."
    assert (unit.anchor, unit.classes) == ("unit-of-work", frozenset())


def test_an_everyday_word_has_no_tooltip(tmp_path: Path) -> None:
    """A quiet term is for looking up; wherever a page has it in another sense, a tooltip would be wrong."""
    page = tmp_path / "glossary.md"
    page.write_text(TERMS, encoding="utf-8")
    made = abbreviations(read_terms(page), "Start with storage, then one unit of work.")
    assert made == "*[unit of work]: The changes of one command."


def test_a_drawing_keeps_its_words() -> None:
    """A tooltip inside of an SVG would hide the word that it explains."""
    word = '<abbr title="A view.">projections</abbr>'
    html = focusable(f"<p>{word}</p><svg><text>encode_{word}</text></svg>")
    assert "<svg><text>encode_projections</text></svg>" in html
    assert html.count("<abbr") == 1
