"""The page for a wrong address leads back to the site, below any path."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # ships no types
from mkdocs.config.defaults import MkDocsConfig

from checks.drawing import hooks
from checks.site.browser import opened
from checks.tests.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
GRAVE = "async () => (await axe.run()).violations.map(({ id }) => id)"


class Host(SimpleHTTPRequestHandler):
    """Answers a wrong address as static hosts do: with the site's own page."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send `404.html`."""
        del message, explain
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write((Path(self.directory) / "below" / "404.html").read_bytes())


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """Serve a folder; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_wrong_address_leads_back_to_the_site(tmp_path: Path) -> None:
    """Served two folders below the host, asked for a page two folders further down."""
    html = hooks.on_post_template("", hooks.NOT_FOUND.name, MkDocsConfig())
    links = re.findall(r'<a href="(.*?)"', html)
    for name in ("404.html", "assets/favicon.svg", *links):
        file = tmp_path / "below" / "site" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("found", encoding="utf-8")
    (tmp_path / "below" / "404.html").write_text(html, encoding="utf-8")
    assert all((ROOT / "docs" / link).with_suffix(".md").is_file() for link in links)
    assert CHROMIUM
    with hosted(tmp_path) as origin, opened(CHROMIUM) as tab:
        tab.goto(f"{origin}/below/site/not/here.html", wait_until="networkidle")
        assert tab.evaluate("[...document.links].map(({ href }) => href)") == [
            f"{origin}/below/site/{link}" for link in links
        ]
        tab.evaluate(AXE_SCRIPT)
        assert tab.evaluate(GRAVE) == []
