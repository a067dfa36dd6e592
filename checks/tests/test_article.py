"""Each way to draw what nothing checked is red, at the line of its source, in the Markdown of the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import markdown  # type: ignore[import-untyped]  # ships no types
import pytest
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.utils.yaml import yaml_load

from checks.drawing import console, record
from checks.pages.page import Page
from checks.site.article import NO_PAGE, NOT_DRAWN, UNCHECKED, article_failures, page_failures
from checks.site.links import Site
from checks.tests.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PYTHON = ("```python", "print(6 * 7)", "```")
OUTPUT = ('```text title="Output (… = a <b>)"', "42 <…>", "", "  43", "```")
CONSOLE = ("```console", "$ echo '\"<' \\", "> 1", '"< 1', "```")
DIAGRAM = ("```mermaid", "flowchart LR", 'a["1<br>2"] --> b', "```")
RIGHT = {
    "one after the other": (*PYTHON, "", *OUTPUT, "", *CONSOLE, "", *DIAGRAM, "", "Words."),
    "twice": (*PYTHON, "", *PYTHON),
    "in a list": ("1. One", "", *(f"    {line}" for line in PYTHON), "", "2. Two"),
    "folded": ('??? example "Output"', "", *(f"    {line}" for line in OUTPUT)),
    "in an admonition": ("!!! note", "", *(f"    {line}" for line in DIAGRAM)),
    "in HTML for details": (
        '<details class="note" markdown="1">',
        "<summary>x</summary>",
        "",
        *PYTHON,
        "",
        "</details>",
    ),
    "longer fences, tildes": ("````python", "x = '''", "```", "'''", "````", "", "~~~json", "1", "~~~"),
    "highlighted lines": ('```python hl_lines="1 2"', "x = 1", "y = 2", "```"),
    "blanks that nobody sees": ("```diff", "--- a/x", "+++ b/x", " ", "-1", "+2 ", "```"),
    "a block of blank lines": ('```yaml title="x"', "", "a: 1", "", "```"),
    "other separators": ("One\u2028two\u0085three\x0c four\x0bfive.", "", "```json", '"\u2028\u0085"', "```"),
    "prose": (
        "# *A* `title` {.x}",
        "",
        "- `a < b` [link](x.md){ .y }",
        "",
        "| a | b |",
        "| --- | ---: |",
        "| `1` | 2 |",
    ),
}
MADE = (
    '<figure class="plot"><svg><text>1</text></svg></figure>',
    "",
    "```diff",
    "+ 1",
    "```",
    "",
    "| a |",
    "| - |",
    "| b<br>c |",
)
WRONG = {
    # what is tried: the lines of a page, the line that is named, and what is said of it
    "raw pre": (
        ("It prints 3:", "", "<pre><code>print(1)", "</code></pre>", "", "<pre>3</pre>"),
        3,
        UNCHECKED,
    ),
    "second raw pre": (("It prints 3:", "", "<pre>4", "</pre>", "", "<pre>3</pre>"), 6, UNCHECKED),
    "pre in a line": (("Words <pre>3</pre> words.",), 1, UNCHECKED),
    "pre in HTML for Markdown": (('<div markdown="1">', "", "<pre>3</pre>", "", "</div>"), 3, UNCHECKED),
    "copy of a checked block": (
        (*PYTHON, "", '<div class="language-python highlight"><pre>print(6 * 7)</pre></div>'),
        5,
        UNCHECKED,
    ),
    "class of a block": (("Words", "{: .highlight }"), 1, UNCHECKED),
    "code that spans lines": (
        (
            "Words `code that",
            "goes on` words.",
        ),
        1,
        UNCHECKED,
    ),
    "raw code that spans lines": (
        (
            "Words <code>code",
            "that goes on</code>.",
        ),
        1,
        UNCHECKED,
    ),
    "code and a break": (("`>>> 1`<br>", "`2`"), 1, UNCHECKED),
    "code and a break of Markdown": (("Words,", "`>>> 1`  ", "`2`"), 1, UNCHECKED),
    "highlighted code in a line": (("Words `#!python print(1)`.",), 1, UNCHECKED),
    "indented code": (("Words.", "", "    x = 1"), 3, UNCHECKED),
    "indented code in a list": (("- Item", "", "        x = 1"), 3, UNCHECKED),
    "raw diagram": (('<div class="mermaid">', "flowchart LR", "</div>"), 1, UNCHECKED),
    "raw drawing": (("Words.", "", "<svg><text>42</text></svg>"), 3, UNCHECKED),
    "raw plot": (('<figure class="plot"><svg><text>42</text></svg></figure>',), 1, UNCHECKED),
    "image": (("Words.", "", "![x](x.png)"), 3, UNCHECKED),
    "frame": (("Words.", "", '<iframe src="x.html"></iframe>'), 3, UNCHECKED),
    "text area": (("Words.", "", "<textarea>3</textarea>"), 3, UNCHECKED),
    "style": (("Words.", "", '<p style="white-space: pre">3</p>'), 3, UNCHECKED),
    "style by attributes": (("Words", '{: style="white-space: pre" }'), 1, UNCHECKED),
    "script": (("Words.", "", "<script>document.write('3')</script>"), 3, UNCHECKED),
    "hidden": (("<div hidden markdown>", "", *PYTHON, "", "</div>"), 4, UNCHECKED),
    "comment": (("Words.", "", "<!-- --!><pre>3</pre><!-- -->"), 3, UNCHECKED),
    "other markup": (("Words.", "", "<![CDATA[ > <pre>3</pre> ]]>"), 3, UNCHECKED),
    "end of the article": (("Words.", "", "</article></div>", "", "<pre>3</pre>"), 5, UNCHECKED),
    "tabs": (("Words.", "", '=== "Linux"', "", *(f"    {line}" for line in PYTHON)), 3, UNCHECKED),
    "snippet": (("Words.", "", '--8<-- "other.md"'), 3, UNCHECKED),
    "longer end": (("```python", "1", "````", "", *CONSOLE), 1, NOT_DRAWN),
    "end of less indent": (("!!! note", "", "    ```python", "    1", "```", "", "    Words."), 3, NOT_DRAWN),
    "no end": (("Words.", "", "```python", "1"), 3, NOT_DRAWN),
    "fence in an item's line": (
        (
            "- ```python",
            "  1",
            "  ```",
        ),
        1,
        NOT_DRAWN,
    ),
    "fence without a language": (("```", "1", "```"), 1, NOT_DRAWN),
    "attributes in braces": (("```{.python .hidden}", "1", "```"), 1, NOT_DRAWN),
    "line numbers": (('```python linenums="1"', "1", "```"), 1, NOT_DRAWN),
    "tab": (("```python", "x = '\t'", "```"), 1, NOT_DRAWN),
}


@pytest.fixture(scope="module")
def config() -> MkDocsConfig:
    """The Markdown of the site, from its configuration."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    extensions = re.search(r"^markdown_extensions:.*?(?=^# Plugins)", text, re.MULTILINE | re.DOTALL)
    assert extensions
    config = MkDocsConfig()
    config.load_dict({"site_name": "x", "docs_dir": str(ROOT / "docs"), **yaml_load(extensions[0])})
    assert config.validate() == ([], [])
    return config


def built(config: MkDocsConfig, text: str) -> str:
    """A page as the site draws it, in short."""
    drawn = markdown.markdown(
        text, extensions=config.markdown_extensions, extension_configs=config.mdx_configs
    )
    return f"<html><article class='x'>{console.draw(drawn)}</article></html>"


def written(root: Path, name: str, lines: Sequence[str]) -> Page:
    """A page of a repository."""
    file = root / "docs" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Page(root, file)


@pytest.mark.parametrize("name", RIGHT)
def test_a_page_that_draws_its_blocks_is_green(config: MkDocsConfig, tmp_path: Path, name: str) -> None:
    """Each once, in order, with its language, its title and its text."""
    page = written(tmp_path, "page.md", RIGHT[name])
    assert list(page_failures(page, built(config, page.text), [])) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_drawn_unchecked_is_named_by_page_and_line(
    config: MkDocsConfig, tmp_path: Path, name: str
) -> None:
    """Whatever way it took to the page."""
    lines, line, message = WRONG[name]
    page = written(tmp_path, "page.md", lines)
    found = [(f.path, f.line, f.message) for f in page_failures(page, built(config, page.text), [])]
    assert ("docs/page.md", line, message) in found, found


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (">42", ">41", 5),
        ("Output", "Outputs", 5),
        ("language-text", "language-console", 5),
        ('data-copy="true"', 'data-copy="false"', 9),
        ("b\n</div>", "c\n</div>", 13),
        ("<article", "<section", 1),
    ],
)
def test_a_block_that_is_drawn_differently_is_named(
    config: MkDocsConfig, tmp_path: Path, old: str, new: str, line: int
) -> None:
    """Its text, its title, its language, what its button copies; or its whole page."""
    output = ('```text title="Output"', "42", "```", "")
    page = written(tmp_path, "page.md", (*PYTHON, "", *output, "```console", "$ true", "```", "", *DIAGRAM))
    html = built(config, page.text)
    assert html.count(old) == 1
    found = [(f.line, f.message) for f in page_failures(page, html.replace(old, new), [])]
    assert (line, NOT_DRAWN) in found, found


def test_a_page_without_an_article_is_named(tmp_path: Path) -> None:
    """Its template is another one, and what it draws is not compared."""
    page = written(tmp_path, "page.md", ("Words.",))
    found = [(failure.line, failure.message) for failure in page_failures(page, "<pre>3</pre>", [])]
    assert found == [(1, UNCHECKED)]


def test_blocks_in_another_order_are_named(config: MkDocsConfig, tmp_path: Path) -> None:
    """The first one is not drawn where it stands, and is drawn where nothing stands."""
    page = written(tmp_path, "page.md", (*PYTHON, "", *CONSOLE))
    html = built(config, "\n".join((*CONSOLE, "", *PYTHON)))
    found = [(failure.line, failure.message) for failure in page_failures(page, html, [])]
    assert found == [(1, NOT_DRAWN), (2, UNCHECKED)]


@pytest.fixture
def site(config: MkDocsConfig, tmp_path: Path) -> Site:
    """A built site with a page whose plot, fence and break were drawn by macros."""
    record.DRAWN.clear()
    made = record.recorded("\n".join)(MADE)
    page = written(tmp_path, "page.md", ("{$ made() $}",))
    (tmp_path / "site").mkdir()
    (tmp_path / "site/page.html").write_text(built(config, made), encoding="utf-8")
    return Site(page.root)


def test_what_our_own_code_drew_is_green_once(site: Site, config: MkDocsConfig) -> None:
    """The same, written by hand on another page, is red."""
    assert list(article_failures(site)) == []
    written(site.root, "raw.md", MADE[:2])
    (site.folder / "raw.html").write_text(built(config, "\n".join(MADE[:2])), encoding="utf-8")
    assert [str(failure).split("\n")[0] for failure in article_failures(Site(site.root))] == [
        f"docs/raw.md:1: {UNCHECKED}"
    ]


@pytest.mark.parametrize(("module", "found"), [("service_monitoring.cli", 0), ("json", 1)])
def test_what_mkdocstrings_drew_of_another_package_is_red(
    site: Site, config: MkDocsConfig, module: str, found: int
) -> None:
    """Only the capstone's examples are run, as doctests."""
    example = f'<div class="doc doc-object"><h2 id="{module}.x">x</h2><pre>&gt;&gt;&gt; 1</pre></div>'
    written(site.root, "api.md", (f"::: {module}",))
    drawn = record.recorded(str)(example)
    (site.folder / "api.html").write_text(built(config, drawn), encoding="utf-8")
    assert len(list(article_failures(site))) == found


@pytest.mark.parametrize(
    "source", ["a/q.markdown", "q.mkd", "Q.MD", "q.html", "q.xht", "q.HTML", "a/README.md"]
)
def test_a_page_that_is_no_page_of_the_check_is_named(site: Site, source: str) -> None:
    """A file that MkDocs takes for a page, or copies, and no other check reads."""
    page = written(site.root, source, PYTHON).file
    suffix = page.suffix if "ht" in page.suffix.lower() else ".html"
    name = page.with_suffix(suffix).relative_to(site.root / "docs")
    file = site.folder / (name.with_name("index.html") if source.endswith("README.md") else name)
    file.parent.mkdir(exist_ok=True)
    file.write_text("<pre>3</pre>", encoding="utf-8")
    assert list(map(str, article_failures(site))) == [f"docs/{source}:1: {NO_PAGE}"]
