"""Every address in the built pages: it exists, its anchor exists, and loading it stays here."""

from __future__ import annotations

import re
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from checks.failure import Failure, failure_at

if TYPE_CHECKING:
    from collections.abc import Iterator

NAVIGATED = {"a", "area"}
LINKED_NOT_LOADED = {"canonical", "next", "prev", "alternate", "author", "license"}
STYLE_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""")


class Address(NamedTuple):
    """One address that a built page links to or loads."""

    url: str
    loaded: bool

    @property
    def other_origin(self) -> bool:
        """Whether the address names a host."""
        parts = urlsplit(self.url)
        return bool(parts.netloc) or parts.scheme in {"http", "https"}


class BuiltPage(HTMLParser):
    """The addresses and anchors of one built HTML file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.addresses: list[Address] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the element loads, links to and can be linked by."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        loaded = tag not in NAVIGATED and values.get("rel") not in LINKED_NOT_LOADED
        self.addresses += [Address(values[name], loaded) for name in ("href", "src") if name in values]


class Site:
    """The built site, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "site"

    @cached_property
    def files(self) -> dict[str, Path]:
        """The HTML file of every page that came from Markdown, by its path in the site."""
        docs = self.root / "docs"
        sources = sorted(docs.rglob("*.md"))
        names = [source.relative_to(docs).with_suffix(".html").as_posix() for source in sources]
        return {name: self.folder / name for name in names if (self.folder / name).is_file()}

    @cached_property
    def pages(self) -> dict[str, BuiltPage]:
        """What every page that came from Markdown links to, by its path in the site."""
        return {name: BuiltPage(file) for name, file in self.files.items()}

    def source(self, name: str) -> Path:
        """The Markdown file of a built page."""
        return (self.root / "docs" / name).with_suffix(".md")

    def target(self, name: str, url: str) -> tuple[str, str]:
        """Where an address on a page leads: a path in the site, and an anchor."""
        parts = urlsplit(url)
        if not parts.path:
            return name, unquote(parts.fragment)
        path = normpath(PurePosixPath(name).parent / unquote(parts.path))
        if parts.path.endswith("/") or path == ".":
            path = normpath(PurePosixPath(path) / "index.html")
        return path, unquote(parts.fragment)

    def failures(self) -> Iterator[Failure]:
        """Every address that leads nowhere, or loads something from elsewhere."""
        for name, page in self.pages.items():
            for address in dict.fromkeys(page.addresses):
                if message := self._problem(name, address):
                    yield self._failure(name, address.url, message)
        for style in sorted(self.folder.rglob("*.css")):
            for url in STYLE_ADDRESS.findall(style.read_text(encoding="utf-8")):
                path = style.relative_to(self.folder)
                yield Failure(f"docs/{path.as_posix()}", 1, f"loads {url} from another origin")

    def _problem(self, name: str, address: Address) -> str:
        parts = urlsplit(address.url)
        if address.other_origin:
            return f"loads {address.url} from another origin" if address.loaded else ""
        if parts.scheme:
            return ""
        path, anchor = self.target(name, address.url)
        if path.startswith(".."):
            return f"{address.url} leaves the site"
        if not (self.folder / path).is_file():
            return f"broken link: there is no {path}"
        if anchor and path in self.pages and anchor not in self.pages[path].anchors:
            return f"broken link: {path} has no anchor #{anchor}"
        return ""

    def _failure(self, name: str, url: str, message: str) -> Failure:
        as_written = re.sub(r"\.html(?=#|$)", ".md", url)
        anchor = f"#{urlsplit(url).fragment}" if "#" in url else ""
        needles = [url, as_written, anchor, PurePosixPath(urlsplit(as_written).path).name]
        return failure_at(self.root, self.source(name), needles, message)
