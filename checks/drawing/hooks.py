"""MkDocs hooks: the glossary as tooltips, and Mermaid served from the site itself."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from checks.drawing import console
from checks.drawing.glossary import GLOSSARY, abbreviations, focusable, read_terms
from checks.drawing.proofs import PROPOSALS, Proofs
from checks.drawing.record import DRAWN, recorded
from checks.pages.program import name_of, programs, source

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page
    from mkdocs.structure.toc import AnchorLink

NOT_FOUND = Path(__file__).with_name("404.html")
MERMAID = Path("node_modules/mermaid/dist")
ESM = "mermaid.esm.min.mjs"
CHUNKS = "chunks/mermaid.esm.min"
SEARCH = 'class="md-search" data-md-component="search" role="dialog"'
# Listings, hints, answers, verdicts, and the headings of questions, which begin with a number.
NOT_SEARCHED = re.compile(r'<details class="(?:mkdocstrings-source|tip|success|abstract)"|<h4(?= id="\d)')
PROGRAM = """
In your clone, run this page block by block: `invoke page {name}`. To use the page's objects afterwards, save
[{name}.py]({name}.py) in the clone and run `python -i {name}.py` there, which prints all outputs at once.
{{ .program data-search-exclude="" }}
"""


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the program of each page with Python blocks, to download; begin to record what is drawn."""
    DRAWN.clear()
    handler = config.plugins["mkdocstrings"].get_handler("python")  # type: ignore[attr-defined] # no plugin has types
    handler.render = recorded(handler.render)
    for name, page in programs(Path(config.docs_dir)).items():
        beside = page.file.relative_to(config.docs_dir).with_name(f"{name}.py")
        files.append(File.generated(config, beside.as_posix(), content=source(page)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give a proposal its verdict, a page with blocks its program, all but the glossary abbreviations."""
    path = PurePosixPath(page.file.src_uri)
    if path.match(f"{PROPOSALS}/*/index.md"):
        root = Path(config.config_file_path).parent
        judged = Proofs(root, lambda: page.file.src_uri).judged(path.parent.name)
        markdown = f"{markdown}\n\n{judged}\n"
    name = name_of(path)
    if (program := files.src_uris.get(f"{path.parent / name}.py")) and program.generated_by:
        markdown = re.sub(r"^# .*\n", lambda title: title[0] + PROGRAM.format(name=name), markdown, count=1)
    if page.file.src_uri == GLOSSARY:
        return markdown
    terms = read_terms(Path(config.docs_dir) / GLOSSARY)
    return f"{markdown}\n\n{abbreviations(terms, markdown)}\n"


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw console blocks, keep tooltips out of headings, and what answers a question out of the search."""
    del config, files
    _leave_out_questions(page.toc.items)
    html = NOT_SEARCHED.sub(r"\g<0> data-search-exclude", console.draw(html))
    return focusable(html)


def _leave_out_questions(items: list[AnchorLink]) -> None:
    for item in items:
        item.children = [
            child for child in item.children if not NOT_SEARCHED.match(f'<h{child.level} id="{child.id}')
        ]
        _leave_out_questions(item.children)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the theme's search dialog for screen readers; the theme leaves it nameless."""
    del page, config
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"')


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Put our own page in the place of the theme's 404, whose assets are lost below a path."""
    if template_name != NOT_FOUND.name:
        return output
    return NOT_FOUND.read_text(encoding="utf-8").replace("SITE", config.site_url or "./")


def on_post_build(config: MkDocsConfig) -> None:
    """Copy Mermaid's module and its chunks beside the script that imports it."""
    source = Path(config.config_file_path).parent / MERMAID
    target = Path(config.site_dir) / "assets" / "mermaid"
    maps = shutil.ignore_patterns("*.map")
    shutil.copytree(source / CHUNKS, target / CHUNKS, ignore=maps, dirs_exist_ok=True)
    shutil.copy2(source / ESM, target / ESM)
