"""Diagrams are drawn when they come near the view, in a room that is kept, as their source says."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from checks.drawing import diagrams
from checks.drawing.glossary import GLOSSARY
from checks.memory import ROOT, Memory
from checks.pages.page import Page
from checks.site import browser
from checks.site.browser import DESKTOP, PHONE, Reader, check_changed, digests, opened, reserve, serve
from checks.site.drawings import Look
from checks.site.links import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page as Tab

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ROOMS = diagrams.ROOMS
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")

FLOWCHART = """
flowchart LR
    a["one line<br>two lines"] -->|"a #quot;label#quot; & more"| b{{"1. decide"}}
    subgraph s["a group"]
        b -.-> c[("list<Sample>")]
    end
"""
SEQUENCE = """
sequenceDiagram
    autonumber
    actor U as User
    participant S as Service<br>with a store
    box "the store"
        participant D as Database
    end
    U->>+S: ask
    Note over S,D: one unit of work
    loop every minute
        S->>D: write
    end
    alt accepted
        S-->>U: 202
    else refused
        S--xU: 429
    end
    rect rgb(200, 200, 200)
        S-->>-U: done
    end
"""
STATE = """
stateDiagram-v2
    [*] --> Pending: first true
    Pending --> Open: held for 2 m
    state "Resolved for good" as Resolved
    Resolved: false<br>for 1 m
    Open --> Resolved
    state Deep {
        [*] --> Inner
    }
    Resolved --> Deep
    note right of Open
        a note
        of two lines
    end note
"""
SMALL = "\nflowchart LR\n    a --> b\n"
PROSE = "Words.\n\n" * 60


def fenced(title: str, source: str) -> str:
    """A fence with this diagram."""
    kind, _, rest = source.strip().partition("\n")
    return f"```mermaid\n{kind}\n    accTitle: {title}\n    accDescr: d\n{rest}\n```\n\nIt shows that.\n\n"


RIGHT = {
    "index": "# Right\n\n"
    + fenced("flowchart", FLOWCHART)
    + fenced("sequence", SEQUENCE)
    + fenced("state", STATE),
    "below/far": "# Far\n\n" + PROSE * 3 + fenced("far", SMALL),
    "folded": '# Folded\n\n??? note "Deeper"\n\n'
    + "".join(f"    {line}\n" for line in fenced("folded", SMALL).splitlines()),
    "plain": "# No diagram\n\nIt talks about mermaid.\n",
}
WRONG = {
    "error": "# Error\n\n" + fenced("error", "flowchart LR\n    a -->"),
    "label": "# Label\n\n" + fenced("label", 'flowchart LR\n    a["<b>bold</b>"] --> b'),
    "kind": "# Kind\n\n" + fenced("kind", "classDiagram\n    class A"),
    "undrawn": "# Undrawn\n\n" + fenced("undrawn", SMALL),
    "quote": "# Quote\n\n" + fenced("quote", SMALL),
    "none": "# No room\n\n" + fenced("none", STATE) + PROSE,
    "old": "# Old room\n\n" + fenced("old", STATE) + PROSE,
}


def read_all(site: Site) -> dict[str, list[str]]:
    """What is wrong with each page, by its name."""
    with serve(site.folder) as origin, opened(CHROMIUM) as tab:
        reader = Reader(tab, origin, site)
        return {name.removesuffix(".html"): list(map(str, reader.check(name))) for name in site.files}


class Diagrams:
    """A small site of diagrams that is built with the project's own configuration."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rooms = root / "rooms.json"
        self.rooms.write_text("{}", encoding="utf-8")
        self.site = Site(root)
        self.wrong: dict[str, list[str]] = {}
        assets = root / "docs/assets"
        assets.mkdir(parents=True)
        for name in ("mermaid.js", "site.css", "favicon.svg"):
            shutil.copy(ROOT / "docs/assets" / name, assets)

    def build(self, pages: dict[str, str]) -> None:
        """Add these pages and build the site."""
        for name, text in pages.items():
            file = self.root / "docs" / f"{name}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        folders = {"docs_dir": str(self.root / "docs"), "site_dir": str(self.root / "site")}
        config = load_config(str(ROOT / "mkdocs.yml"), **folders, strict=False, watch=[])
        config.nav = config.not_in_nav = None
        build(config)
        self.site = Site(self.root)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a built page."""
        file = self.site.files[f"{name}.html"]
        html = file.read_text(encoding="utf-8")
        assert old in html
        file.write_text(html.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diagrams]:
    """The site, its right diagrams with their room, the wrong ones added, and what the check says."""
    made = Diagrams(tmp_path_factory.mktemp("diagrams"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagrams, "ROOMS", made.rooms)
        patch.setattr(browser, "ROOMS", made.rooms)
        glossary = GLOSSARY.removesuffix(".md")
        made.build({**RIGHT, "old": WRONG["old"], glossary: "# Glossary\n\n## word\n\nA word.\n"})
        assert reserve(made.site, CHROMIUM)[1] == []
        rooms = json.loads(made.rooms.read_text(encoding="utf-8"))
        wide = dict.fromkeys(["label", "undrawn", "quote"], rooms["far"])
        made.rooms.write_text(json.dumps({**rooms, **wide, "old": "--width: 300; --height: 100"}))
        made.build(WRONG)
        made.edit("undrawn", '<script src="assets/mermaid.js"></script>', "")
        made.edit("quote", 'theme: "base"', 'theme: "the "base" one"')
        made.wrong = read_all(made.site)
        yield made


@pytest.fixture(scope="module")
def tab(made: Diagrams) -> Iterator[tuple[Tab, str]]:
    """A browser's tab, and the address of the site."""
    with serve(made.site.folder) as origin, opened(CHROMIUM) as tab:
        yield tab, origin


@needs_chromium
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_diagram_passes(made: Diagrams, name: str) -> None:
    """Flowcharts, sequence and state diagrams pass, at the root, below it, below the fold and folded away."""
    assert made.wrong[name] == []


@needs_chromium
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("error", "docs/error.md:3: the browser did not draw this diagram, but Mermaid's error picture"),
        ("label", "docs/label.md:3: the source says ['<b>bold</b>'] where the diagram shows ['bold']"),
        ("kind", "docs/kind.md:3: drawings.js does not know the labels of this kind of diagram"),
        ("undrawn", "docs/undrawn.md:3: the browser did not draw this diagram"),
        ("quote", "docs/quote.md:1: script error: "),
        ("none", "docs/none.md:3: no room is kept for this diagram: python -m checks.site.browser --reserve"),
        ("none", "docs/none.md:3: the page moves when this diagram is drawn: layout shift 0."),
        ("old", " and its room is 300 x 100: python -m checks.site.browser --reserve"),
    ],
)
def test_a_wrong_diagram_is_named_by_page_and_line(made: Diagrams, name: str, message: str) -> None:
    """What is not drawn, drawn otherwise, or moves the page is red at the line of its fence."""
    assert any(message in failure for failure in made.wrong[name]), made.wrong[name]


@needs_chromium
def test_a_room_of_another_size_moves_nothing(made: Diagrams) -> None:
    """A drawing fits itself into the room that is kept, as on a machine with other fonts."""
    assert len(made.wrong["old"]) == 1


@needs_chromium
def test_reserving_names_what_keeps_it_from_that(made: Diagrams) -> None:
    """A diagram that is not drawn is named, and nothing is written down."""
    before = made.rooms.read_text(encoding="utf-8")
    site = Site(made.root)
    vars(site)["files"] = {
        name: made.site.files[name] for name in ("error.html", "label.html", "undrawn.html")
    }
    _, failures = reserve(site, CHROMIUM)
    assert {failure.path for failure in failures} == {"docs/error.md", "docs/undrawn.md"}
    assert made.rooms.read_text(encoding="utf-8") == before


@needs_chromium
def test_two_diagrams_of_one_title_get_no_room(made: Diagrams, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room is found by the title of its diagram."""
    before = made.rooms.read_text(encoding="utf-8")
    site = Site(made.root)
    vars(site)["files"] = {"label.html": made.site.files["label.html"]}
    fence = Page(made.root, made.root / "docs/label.md").fences[0]
    monkeypatch.setattr(Reader, "open", lambda *_: [Look(fence, 0, size=(30, 20))] * 2)
    _, (failure,) = reserve(site, CHROMIUM)
    assert re.match(r"docs/label\.md:\d+: another diagram has the accTitle '.+' too", str(failure))
    assert made.rooms.read_text(encoding="utf-8") == before


@needs_chromium
def test_mermaid_is_loaded_when_a_diagram_comes_near(tab: tuple[Tab, str]) -> None:
    """Before that a page asks for one small script, and a page without diagrams for nothing."""
    page, origin = tab
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(origin)))
    page.set_viewport_size(DESKTOP)
    page.goto(f"{origin}plain.html", wait_until="networkidle")
    assert [url for url in asked if "mermaid" in url] == []
    page.goto(f"{origin}below/far.html", wait_until="networkidle")
    assert [url for url in asked if "mermaid" in url] == ["assets/mermaid.js"]
    page.locator("div.mermaid").scroll_into_view_if_needed()
    page.locator("div.mermaid > svg").wait_for()
    assert "assets/mermaid/mermaid.esm.min.mjs" in asked


@needs_chromium
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["flowchart", "sequence", "state"])
def test_a_drawing_follows_the_palette(tab: tuple[Tab, str], kind: int) -> None:
    """Each colour of light that is not one of dark changes with the palette, without a reload."""
    page, origin = tab
    page.emulate_media(color_scheme="light")
    page.goto(f"{origin}index.html")
    drawing = page.locator("div.mermaid").nth(kind)
    drawing.scroll_into_view_if_needed()
    drawing.locator("> svg").wait_for()
    colours = """svg => {
        const colours = (property, shapes) =>
            [...svg.querySelectorAll(shapes)].map(shape => getComputedStyle(shape)[property]);
        const shapes = ':is(g, svg) > :is(path, rect, polygon, circle), marker *';
        const filled = `${shapes}, text:not(:has(tspan)), tspan`;
        return [...colours('fill', filled), ...colours('stroke', `${shapes}, line`)].filter(
            colour => colour.startsWith('rgb'));
    }"""
    light = drawing.locator("> svg").evaluate(colours)
    page.emulate_media(color_scheme="dark")
    for _ in range(50):  # the theme's own colours take their time to change
        dark = drawing.locator("> svg").evaluate(colours)
        if set(light).isdisjoint(dark):
            break
        page.wait_for_timeout(100)
    assert len(light) == len(dark) > 10
    assert set(light).isdisjoint(dark)


@needs_chromium
def test_a_wide_diagram_scrolls_on_a_phone(tab: tuple[Tab, str]) -> None:
    """It shrinks to three quarters and not further; the page itself does not scroll sideways."""
    page, origin = tab
    page.set_viewport_size(PHONE)
    page.goto(f"{origin}index.html")
    frame = page.locator("div.diagram").first
    size = frame.evaluate("frame => [frame.scrollWidth, frame.clientWidth, frame.firstChild.offsetWidth]")
    room = page.locator("div.mermaid").first.evaluate("d => getComputedStyle(d).getPropertyValue('--width')")
    assert size[0] == size[2] > size[1]
    assert size[2] == pytest.approx(0.75 * float(room), abs=1)


@needs_chromium
def test_only_what_changed_is_opened(made: Diagrams, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page that passed is not opened again until it or its source changes; one that failed always is."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(browser, "Memory", partial(Memory, root=tmp_path))
    names = ["plain.html", "label.html"]
    monkeypatch.setattr(browser, "WORKERS", 1)
    assert check_changed(made.site, names, CHROMIUM)[0] == "2 pages opened, 0 unchanged since they passed"
    assert check_changed(made.site, names, CHROMIUM)[0] == "1 pages opened, 1 unchanged since they passed"
    before = digests(made.site, CHROMIUM)
    made.edit("plain", "It talks", "It still talks")
    after = digests(made.site, CHROMIUM)
    assert [name for name in before if before[name] != after[name]] == ["plain.html"]


@needs_chromium
@pytest.mark.parametrize("package", ["axe-playwright-python", "playwright"])
def test_another_version_of_a_tool_opens_all_pages_again(
    made: Diagrams, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """What passed is remembered with the versions of the browser, its driver and the accessibility rules."""
    before = digests(made.site, CHROMIUM)
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0" if name == package else version(name))
    after = digests(made.site, CHROMIUM)
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)


@needs_chromium
def test_a_file_that_is_no_page_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is mistyped is an error in one line, and not a check of no pages."""
    with pytest.raises(SystemExit) as stopped:
        browser.main(["docs/no-such-page.md"])
    assert stopped.value.code == 2
    assert "docs/no-such-page.md is not a page of site/" in capsys.readouterr().err
