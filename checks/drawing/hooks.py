"""MkDocs hooks: the glossary as tooltips, and Mermaid served from the site itself."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from checks.drawing.glossary import GLOSSARY, abbreviations, read_terms
from checks.drawing.proofs import PROPOSALS, Proofs

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

MERMAID = Path("node_modules/mermaid/dist")
ESM = "mermaid.esm.min.mjs"
CHUNKS = "chunks/mermaid.esm.min"
ABBREVIATION = re.compile(r"<abbr[^>]*>(.*?)</abbr>", re.DOTALL)
SEARCH = 'class="md-search" data-md-component="search" role="dialog"'
LISTING = '<details class="mkdocstrings-source"'
HEADING = re.compile(r"<h[1-6][ >].*?</h[1-6]>", re.DOTALL)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give a change proposal its verdict, and every page but the glossary its terms as abbreviations."""
    del files
    source = PurePosixPath(page.file.src_uri)
    if source.match(f"{PROPOSALS}/*/index.md"):
        root = Path(config.config_file_path).parent
        judged = Proofs(root, lambda: page.file.src_uri).judged(source.parent.name)
        markdown = f"{markdown}\n\n{judged}\n"
    if page.file.src_uri == GLOSSARY:
        return markdown
    terms = read_terms(Path(config.docs_dir) / GLOSSARY)
    return f"{markdown}\n\n{abbreviations(terms, markdown)}\n"


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep tooltips out of headings, and so out of the table of contents, and listings out of the search."""
    del page, config, files
    html = html.replace(LISTING, f"{LISTING} data-search-exclude")
    return HEADING.sub(lambda heading: ABBREVIATION.sub(r"\1", heading[0]), html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the theme's search dialog for screen readers; the theme leaves it nameless."""
    del page, config
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"')


def on_post_build(config: MkDocsConfig) -> None:
    """Copy Mermaid's module and its chunks beside the script that imports it."""
    source = Path(config.config_file_path).parent / MERMAID
    target = Path(config.site_dir) / "assets" / "mermaid"
    shutil.copytree(
        source / CHUNKS,
        target / CHUNKS,
        ignore=shutil.ignore_patterns("*.map"),
        dirs_exist_ok=True,
    )
    shutil.copy2(source / ESM, target / ESM)
