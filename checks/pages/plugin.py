"""Makes every fence of every page a pytest item, run in page order.

Python fences are collected by pytest-markdown-docs; everything else is collected here. Pages are read, and
their blocks are run, in a copy of the repository that is made when the run begins. A page on which nothing
has changed since it passed is counted, and not run again.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from functools import cache, cached_property, partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks import memory
from checks.pages import blocks, lesson, mermaid, numbers, program, style
from checks.pages.page import Fence, Page, parser
from checks.pages.parsers import PARSERS
from checks.pages.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from markdown_it import MarkdownIt

    from checks.failure import Failure

    Check = Callable[[], Iterable[Failure]]

COUNTS = Path(".cache") / "blocks.json"
BLOCK, UNCHANGED, WHOLE = "block", "unchanged", "whole page"
RUN_BY_BLOCKS = "docs/(?:proposals|exercises)/"


class PageError(Exception):
    """What is wrong with a page, in the words of its failures."""


def page_digests(root: Path) -> Callable[[str], str]:
    """What gives the digest of a page, by its path: of itself, and of all files but the prose of other pages.

    Args:
        root: The repository, or a copy of it.
    """
    prose = re.compile(rf"(?!{RUN_BY_BLOCKS})(?:docs/.*\.md|README\.md)")
    names = [name for name in memory.repository_files(root) if not prose.fullmatch(name)]
    shared = memory.digest(root, names, memory.environment(*memory.CAPSTONE_TOOLS))
    return lambda page: memory.digest(root, [page], shared)


class PageRuns:
    """The pages of this run and the scratch copy of the page that is being run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = tempfile.TemporaryDirectory(prefix="pages-")
        self.remembered = memory.Memory("pages", root)
        self.page: Callable[[Path], Page] = cache(lambda file: Page(self.copy, self._copied(file)))
        self.diagrams: list[Fence] = []
        self._scratch: Scratch | None = None
        if os.environ.get("CI") != "true":
            os.environ[memory.SHARED] = str(root)

    @cached_property
    def copy(self) -> Path:
        """The repository as it was when the run began: what is read, run and remembered."""
        copy = Path(self._folder.name) / "repository"
        memory.copy_repository(self.root, copy)
        return copy

    @cached_property
    def digest(self) -> Callable[[str], str]:
        """Of a page of the copy."""
        return page_digests(self.copy)

    def scratch(self, file: Path) -> Scratch:
        """The page's scratch copy, made when its first block needs one."""
        if self._scratch is None:
            self._scratch = Scratch(self.copy, self._copied(file))
        return self._scratch

    def end_page(self) -> None:
        """The next page starts fresh."""
        if self._scratch:
            self._scratch.close()
            self._scratch = None

    @cached_property
    def drawn(self) -> dict[Fence, list[Failure]]:
        """What Mermaid says of each diagram; all of the run's are parsed at once."""
        return mermaid.check(self.root, self.diagrams)

    def close(self) -> None:
        """Remove the copies, also when the run was interrupted."""
        self.end_page()
        self._folder.cleanup()

    def _copied(self, file: Path) -> Path:
        return self.copy / file.relative_to(self.root)


_runs: PageRuns


def _describe(excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    """The failures in their own words."""
    del style
    return str(excinfo.value if isinstance(excinfo.value, PageError) else excinfo.getrepr(style="short"))


class PageFile(pytest.File):
    """Everything of a page that pytest-markdown-docs leaves out."""

    def collect(self) -> Iterator[pytest.Item]:
        """How the page is written, then its blocks."""
        page = _runs.page(self.path)
        yield PageItem.from_parent(self, name="page", check=partial(_rules, page))
        if any(fence.language == "python" for fence in page.fences):
            check: Check = partial(program.problems, page, memory.Memory("programs", _runs.root))
            yield PageItem.from_parent(self, name="program", check=check)
        for fence in page.fences:
            if fence.language in {"console", "mermaid", *PARSERS}:
                name = f"{fence.language}[line:{fence.line}]"
                check = partial(_block, self.path, fence)
                yield PageItem.from_parent(self, name=name, check=check, fence=fence)
            if fence.language == "mermaid":
                _runs.diagrams.append(fence)


class PageItem(pytest.Item):
    """One thing to check of a page: the way it is written, or one console, data or mermaid fence."""

    def __init__(self, *, check: Check, fence: Fence | None = None, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own arguments
        super().__init__(**kwargs)
        self.check, self.fence = check, fence
        self.not_collected: list[Failure] = []

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where pytest says that this is."""
        return self.path, self.fence.line if self.fence else 0, self.name

    def runtest(self) -> None:
        """Check, and fail with everything that is wrong."""
        _raise([*self.not_collected, *self.check()])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The failures in their own words."""
        return _describe(excinfo, style)


def _raise(failures: Sequence[Failure]) -> None:
    if failures:
        raise PageError("\n\n".join(map(str, failures)))


def _rules(page: Page) -> Iterator[Failure]:
    """The labels, masks, places and width of a page's fences, its questions, numbers and phrases."""
    for problems in (Page.problems, lesson.problems, numbers.problems, style.problems):
        yield from problems(page)


def _block(file: Path, fence: Fence) -> Iterable[Failure]:
    """Run or parse a block."""
    if fence.language == "mermaid":
        return _runs.drawn[fence]
    if fence.language == "console":
        return blocks.run_console(fence, _runs.scratch(file)).failures
    try:
        return PARSERS[fence.language](fence, _runs.copy)
    except Exception as error:  # noqa: BLE001 - a new parser's own mistake is named by the block that shows it
        return [fence.failure(f"the parser of {fence.language} failed: {type(error).__name__}: {error}")]


def _run_python(page: Page, fence: Fence, file: Path) -> None:
    """Run a python block in the one interpreter of its page, and hold its Output to what it prints."""
    _raise(blocks.run_python(page, fence, _runs.scratch(file)).failures)


@pytest.hookimpl(tryfirst=True)
def pytest_markdown_docs_markdown_it() -> MarkdownIt:
    """Have pytest-markdown-docs see the fences inside admonitions and tabs too."""
    return parser()


def pytest_configure(config: pytest.Config) -> None:
    """One record of the run per process: the hooks of a collection are given no other."""
    global _runs  # noqa: PLW0603 - see above
    _runs = PageRuns(config.rootpath)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    _runs.close()


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Neither a name nor another file takes away a page; MkDocs itself leaves out names with a dot."""
    page = collection_path.match("[!.]*") and (collection_path.is_dir() or collection_path.suffix == ".md")
    return False if page and config.rootpath / "docs" in collection_path.parents else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """Every Markdown file is a page."""
    return PageFile.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None


@pytest.hookimpl(tryfirst=True)  # before -k and --deselect, which take away from what a page has
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring both collectors' blocks into page order, and say what each one is and how it is run."""
    items.sort(key=lambda item: (item.path, item.reportinfo()[1] or 0))
    for file, its_items in groupby(items, attrgetter("path")):
        _prepare(file, list(its_items))


def _prepare(file: Path, items: list[pytest.Item]) -> None:
    page = _runs.page(file)
    unchanged = _runs.remembered.known(page.path, _runs.digest(page.path))
    python = {fence.line: fence for fence in page.fences if fence.language == "python"}
    for item in items:
        if isinstance(item, PageItem):
            item.user_properties = [(BLOCK, item.fence.kind)] if item.fence else []
        elif fence := python.pop(item.reportinfo()[1] or 0, None):
            item.user_properties = [(BLOCK, "python")]
            if page.output_of(fence):
                item.user_properties.append((BLOCK, "output"))
            # Whatever pytest-markdown-docs would do with the block, this is how a block is run here.
            item.runtest = partial(_run_python, page, fence, file)  # type: ignore[method-assign]
            item.repr_failure = _describe  # type: ignore[method-assign]
        if unchanged:
            item.user_properties += [(UNCHANGED, kind) for _, kind in item.user_properties]
            item.runtest = _passed_before  # type: ignore[method-assign]
    for item in items:
        if isinstance(item, PageItem) and item.name == "page":
            message = "pytest-markdown-docs does not run this block: give it a title without options"
            item.not_collected = [fence.failure(message) for fence in python.values()]
            item.user_properties.append((WHOLE, f"{len(items)} {_runs.digest(page.path)}"))


def _passed_before() -> None:
    """Run nothing: nothing has changed."""


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A page ends with its last block."""
    if nextitem is None or nextitem.path != item.path:
        _runs.end_page()


class Counts:
    """Counts the blocks and remembers the pages that passed, in the process that hears of all of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kinds: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.whole: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each block once, whether it passed or failed."""
        page = report.nodeid.partition("::")[0]
        if report.failed:
            self.failed.add(page)
        if report.when == "call":
            self.passed[page] += report.passed
            self.kinds.update(str(kind) for name, kind in report.user_properties if name == BLOCK)
            self.kinds[UNCHANGED] += sum(name == UNCHANGED for name, _ in report.user_properties)
            self.whole.update((page, str(value)) for name, value in report.user_properties if name == WHOLE)

    def pytest_sessionfinish(self) -> None:
        """Leave the counts for the summary of the whole check, and what passed for the next one."""
        memory.write_whole(self.root / COUNTS, json.dumps(dict(sorted(self.kinds.items()))) + "\n")
        now = page_digests(self.root)
        for page, whole in self.whole.items():
            items, _, digest = whole.partition(" ")
            if page in self.failed:
                _runs.remembered.forget(page)
            elif self.passed[page] == int(items):
                _runs.remembered.keep(page, digest, partial(now, page))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only the controller of a distributed run hears every report."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Counts(session.config.rootpath))
