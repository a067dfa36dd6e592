"""Open every built page in Chromium, as its readers do: `python -m checks.site.browser [PAGE…]`.

The accessibility rules take seconds on a long page, so a page that passed is opened again only when
it, anything that it may load, the browser or this check has changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

from checks.failure import Failure
from checks.pages.page import Page
from checks.site.links import Site

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from playwright.sync_api import ConsoleMessage, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
PASSED = Path(".cache") / "browser.json"
NOT_INSTALLED = 3
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    # What a page asks of another origin is a failure, and is never sent.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DRAW_PATIENCE_MS = 10_000
FAILED_PATIENCE_MS = 1_000
STEP_MS = 50
GRAVE = {"serious", "critical"}
DIAGRAMS = """
() => [...document.querySelectorAll('pre.mermaid, div.mermaid')].map(
    element => element.matches('div') && element.getBoundingClientRect().height > 0)
"""


# Contrast is a matter of style: of all texts that look the same in the same place, one is measured.
STYLES = """
() => {
  const seen = new Set();
  for (const element of document.querySelectorAll('body *')) {
    delete element.dataset.contrast;
    if (![...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    const style = getComputedStyle(element);
    const look = [style.color, style.backgroundColor, style.fontSize, style.fontWeight, style.opacity];
    for (let at = element; at; at = at.parentElement) look.push(at.tagName, at.className);
    const key = look.join();
    if (!seen.has(key)) element.dataset.contrast = '';
    seen.add(key);
  }
}
"""


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: what fails to load is a failure of its page."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free loopback port; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


class Visit:
    """One page in one tab: everything that went wrong while it was open."""

    def __init__(self, tab: Tab, origin: str, source: Page) -> None:
        self.tab = tab
        self.origin = origin
        self.source = source
        self.diagrams = [fence for fence in source.fences if fence.language == "mermaid"]
        self.failures: list[Failure] = []
        tab.on("request", lambda request: self._requested(request.url))
        tab.on("console", self._said)
        tab.on("pageerror", lambda error: self._fail(f"script error: {error}"))

    def check(self, address: str) -> None:
        """Look at the page on a desktop, in light and dark, and on a phone."""
        self.tab.goto(address, wait_until="load")
        self._drawn()
        self._accessible({"rules": {"color-contrast": {"enabled": False}}})
        for scheme in SCHEMES:
            self.tab.emulate_media(color_scheme=scheme)
            self.tab.evaluate(STYLES)
            self._accessible({"runOnly": ["color-contrast"]}, "[data-contrast]", f" ({scheme})")
        self.tab.set_viewport_size(PHONE)
        width = self.tab.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            self._fail(f"scrolls sideways on a phone: {width} of {PHONE['width']} pixels")

    def _fail(self, message: str, line: int = 1) -> None:
        self.failures.append(Failure(self.source.path, line, message))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._fail(f"console: {message.text} ({message.location['url']})")

    def _requested(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            self._fail(f"requests {url} from another origin")

    def _drawn(self) -> None:
        if not self.diagrams:
            return
        waited_ms = 0
        # A page that has already failed gets no more than the patience for a script that did not load.
        while waited_ms < (FAILED_PATIENCE_MS if self.failures else DRAW_PATIENCE_MS):
            if all(self.tab.evaluate(DIAGRAMS)):
                return
            self.tab.wait_for_timeout(STEP_MS)
            waited_ms += STEP_MS
        drawn = self.tab.evaluate(DIAGRAMS)
        for fence, done in zip(self.diagrams, drawn, strict=True):
            if not done:
                self._fail("the browser did not draw this diagram", fence.line)

    def _accessible(self, rules: dict[str, Any], within: str = "html", where: str = "") -> None:
        results = Axe().run(self.tab, context=within, options={"resultTypes": ["violations"], **rules})
        for violation in results.response["violations"]:
            if violation["impact"] in GRAVE:
                nodes = violation["nodes"]
                self._fail(f"{violation['id']}{where}, {len(nodes)} places: {nodes[0]['html'][:160]}")


def fingerprints(site: Site, browser_version: str) -> dict[str, str]:
    """For each page, a digest of everything that decides how it looks and behaves."""
    shared = hashlib.sha256(browser_version.encode())
    shared.update(Path(__file__).read_bytes())
    for file in sorted(site.folder.rglob("*")):
        if file.suffix in {".css", ".js", ".mjs", ".svg"}:
            shared.update(file.read_bytes())
    return {
        name: hashlib.sha256(shared.digest() + page.file.read_bytes()).hexdigest()
        for name, page in site.pages.items()
    }


def visit_changed(site: Site, names: Collection[str], chromium: str) -> tuple[int, list[Failure]]:
    """Open each of the pages that has not passed as it is now; gives their number and the failures."""
    record = ROOT / PASSED
    passed = set(json.loads(record.read_text())) if record.is_file() else set()
    opened = 0
    failures: list[Failure] = []
    with serve(site.folder) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        prints = fingerprints(site, browser.version)
        passed &= set(prints.values())
        for name, fingerprint in prints.items():
            if name not in names or fingerprint in passed:
                continue
            opened += 1
            context = browser.new_context(viewport=DESKTOP)
            visit = Visit(context.new_page(), origin, Page(ROOT, site.source(name)))
            visit.check(origin + name)
            context.close()
            failures += dict.fromkeys(visit.failures)
            if not visit.failures:
                passed.add(fingerprint)
        browser.close()
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps(sorted(passed)))
    return opened, failures


def main(arguments: list[str]) -> int:
    """Check the named Markdown files, or all; the exit status says whether anything failed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        print("Chromium is not installed (Debian and Ubuntu: apt-get install chromium)")
        return NOT_INSTALLED
    site = Site(ROOT)
    named = [Path(name).resolve() for name in arguments]
    names = [name for name in site.pages if not named or site.source(name) in named]
    opened, failures = visit_changed(site, names, chromium)
    for failure in failures:
        print(failure)
    unchanged = len(names) - opened
    print(f"{opened} pages opened, {unchanged} unchanged since they passed, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
