"""Open every built page in Chromium, as its readers do: `python -m checks.site.browser [PAGE…]`.

The accessibility rules take seconds on a long page, so a page that passed is opened again only when
it, anything that it may load, the browser or this check has changed. With `--reserve` it writes down
how large each diagram is drawn, which is the room that the next build keeps for it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

from checks.drawing.diagrams import ROOMS, title
from checks.failure import Failure, report
from checks.memory import ROOT, Memory, digest, version
from checks.pages.page import Page
from checks.progress import Progress
from checks.site import drawings
from checks.site.links import Site

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from playwright.sync_api import ConsoleMessage, ViewportSize

    from checks.site.drawings import Look

NOT_INSTALLED = 3
WORKERS = 2
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
ASSETS = {".css", ".js", ".mjs", ".svg"}
HERE = Path(__file__).parent
OWN = ("browser.py", "accessible.js", "drawings.py", "drawings.js", "tooltip.js")


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: what fails to load is a failure of its page."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free loopback port; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def opened(chromium: str) -> Iterator[Tab]:
    """The tab of a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page()
        browser.close()


class Reader:
    """One tab for many pages: the scripts that they share are compiled only once in it."""

    def __init__(self, tab: Tab, origin: str, site: Site) -> None:
        self._tab = tab
        self._origin = origin
        self._site = site
        self._path = ""
        self._failures: list[Failure] = []
        tab.on("request", lambda request: self._requested(request.url))
        tab.on("console", self._said)
        tab.on("pageerror", lambda error: self._fail(f"script error: {error}"))

    def open(self, name: str, size: ViewportSize) -> list[Look]:
        """Open a page, and look at each of its diagrams."""
        page = Page(self._site.root, self._site.source(name))
        self._path, before = page.path, len(self._failures)
        self._tab.set_viewport_size(size)
        self._tab.goto(self._origin + name, wait_until="load")
        # A page that has already failed gets no more than the patience for a script that did not load.
        patience_ms = DRAW_PATIENCE_MS if len(self._failures) == before else FAILED_PATIENCE_MS
        return drawings.look(self._tab, page, patience_ms)

    def check(self, name: str) -> list[Failure]:
        """Look at a page on a desktop, in light and dark, and on a phone."""
        self._failures = []
        self._tab.emulate_media(color_scheme=SCHEMES[0])
        looks = self.open(name, DESKTOP)
        self._failures += [failure for look in looks for failure in look.failures()]
        if not self._tab.evaluate((HERE / "tooltip.js").read_text(encoding="utf-8")):
            self._fail("no glossary term shows its tooltip to the keyboard")
        self._tab.evaluate(AXE_SCRIPT)
        self._accessible()
        for scheme in SCHEMES:
            self._tab.emulate_media(color_scheme=scheme)
            self._accessible(f" ({scheme})")
        if looks:
            self._failures += [failure for look in self.open(name, PHONE) for failure in look.failures()]
        self._tab.set_viewport_size(PHONE)
        width = self._tab.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            self._fail(f"scrolls sideways on a phone: {width} of {PHONE['width']} pixels")
        # The next page finds nothing that this one has kept, and hears nothing that it still says.
        self._tab.evaluate("localStorage.clear(), sessionStorage.clear()")
        self._tab.goto("about:blank")
        return list(dict.fromkeys(self._failures))

    def _fail(self, message: str) -> None:
        self._failures.append(Failure(self._path, 1, message))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._fail(f"console: {message.text} ({message.location['url']})")

    def _requested(self, url: str) -> None:
        if not url.startswith((self._origin, "data:", "blob:", "about:")):
            self._fail(f"requests {url} from another origin")

    def _accessible(self, scheme: str = "") -> None:
        script = (HERE / "accessible.js").read_text(encoding="utf-8")
        for rule, places in self._tab.evaluate(script, bool(scheme)):
            self._fail(f"{rule}{scheme}, {len(places)} places: {places[0][:160]}")


def digests(site: Site, chromium: str) -> dict[str, str]:
    """For each page, a digest of everything that decides how it looks and behaves."""

    def digest_of(files: Iterable[Path], *more: str) -> str:
        return digest(site.root, [file.relative_to(site.root).as_posix() for file in files], *more)

    assets = [file for file in site.folder.rglob("*") if file.suffix in ASSETS]
    versions = [version(chromium), *map(metadata.version, ("playwright", "axe-playwright-python"))]
    shared = digest(HERE, OWN, digest_of(assets), *versions)
    return {name: digest_of([file, site.source(name)], shared) for name, file in site.files.items()}


def check_changed(site: Site, names: Collection[str], chromium: str) -> tuple[str, list[Failure]]:
    """Open each of the pages that has not passed as it is now; gives what was done, and the failures."""
    memory, before = Memory("browser"), digests(site, chromium)
    changed = [name for name in names if not memory.known(name, before[name])]
    waiting = iter(changed)
    failures: dict[str, list[Failure]] = {}

    def work(origin: str, progress: Progress) -> None:
        with opened(chromium) as tab:
            reader = Reader(tab, origin, site)
            for name in waiting:
                progress.begin(name)
                failures[name] = reader.check(name)
                progress.step(name)

    try:
        with (
            serve(site.folder) as origin,
            Progress(len(changed), "browser") as progress,
            ThreadPoolExecutor(WORKERS) as pool,
        ):
            for worker in [pool.submit(work, origin, progress) for _ in changed[:WORKERS]]:
                worker.result()
    finally:
        after = digests(site, chromium)
        for name in (name for name, found in failures.items() if not found):
            memory.keep(name, before[name], partial(after.__getitem__, name))
    done = f"{len(changed)} pages opened, {len(names) - len(changed)} unchanged since they passed"
    return done, [failure for name in changed for failure in failures[name]]


def reserve(site: Site, chromium: str) -> tuple[str, list[Failure]]:
    """Write down how large each diagram is drawn, unless one fails; gives what was done, and the failures."""
    rooms: dict[str, str] = {}
    failures = []
    names = [name for name, file in site.files.items() if b'class="mermaid"' in file.read_bytes()]
    with serve(site.folder) as origin, opened(chromium) as tab, Progress(len(names), "draw") as progress:
        reader = Reader(tab, origin, site)
        for name in names:
            for look in reader.open(name, DESKTOP):
                key = title(look.fence.content)
                if not look.size:
                    failures.append(look.fence.failure(drawings.NOT_DRAWN))
                elif key in rooms:
                    failures.append(look.fence.failure(f"another diagram has the accTitle {key!r} too"))
                else:
                    rooms[key] = "--width: {}; --height: {}".format(*look.size)
            progress.step(name)
    if not failures:
        text = json.dumps(rooms, ensure_ascii=False, indent=2, sort_keys=True)
        ROOMS.write_text(f"{text}\n", encoding="utf-8")
    return f"{len(rooms)} diagrams drawn", failures


def main(arguments: list[str]) -> int:
    """Check the named Markdown files, or all; the exit status says whether anything failed."""
    parser = argparse.ArgumentParser(prog="python -m checks.site.browser")
    parser.add_argument("pages", nargs="*", type=Path, help="only these Markdown files")
    parser.add_argument("--reserve", action="store_true", help="write down how large each diagram is drawn")
    asked = parser.parse_args(arguments)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        print("Chromium is not installed (Debian and Ubuntu: apt-get install chromium)")
        return NOT_INSTALLED
    site = Site(ROOT)
    pages = {site.source(name): name for name in site.files}
    for page in asked.pages:
        if page.resolve() not in pages:
            parser.error(f"{page} is not a page of site/: name a Markdown file, and build the site first")
    names = [pages[page.resolve()] for page in asked.pages] or list(site.files)
    if asked.reserve:
        done, failures = reserve(site, chromium)
    else:
        done, failures = check_changed(site, names, chromium)
    return report(failures, done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
