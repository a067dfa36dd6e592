"""Makes every fence of every page a pytest item, run in page order.

Python blocks are collected by pytest-markdown-docs and run by `PageRunner`; everything else is
collected here. A page on which nothing has changed since it passed is counted, and not run again.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_markdown_docs._runners import _Runner, register_runner

from checks.pages import blocks, lesson, mermaid, parsers
from checks.pages.page import PARSED, Fence, Page, parser
from checks.pages.scratch import Scratch
from checks.pages.unchanged import Unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from markdown_it import MarkdownIt
    from pytest_markdown_docs.definitions import FenceTestDefinition

    from checks.failure import Failure

COUNTS = Path(".cache") / "blocks.json"
BLOCK = "block"
UNCHANGED = "unchanged"


class PageError(Exception):
    """What is wrong with a page, in the words of its failures."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("\n\n".join(map(str, failures)))


class PageRuns:
    """The pages of this run and the scratch copy of the page that is being run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unchanged = Unchanged(root)
        self.page: Callable[[Path], Page] = cache(lambda file: Page(root, file))
        self.diagrams: list[Fence] = []
        self._scratch: Scratch | None = None
        self._verdicts: dict[Fence, list[Failure]] | None = None

    def scratch(self, file: Path) -> Scratch:
        """The page's scratch copy, made when its first block needs one."""
        if self._scratch is None:
            self._scratch = Scratch(self.root, file)
        return self._scratch

    def end_page(self) -> None:
        """The next page starts fresh."""
        if self._scratch:
            self._scratch.close()
            self._scratch = None

    def diagram(self, fence: Fence) -> list[Failure]:
        """What Mermaid says of one diagram; all of the run's are parsed at once."""
        if self._verdicts is None:
            self._verdicts = mermaid.check(self.root, self.diagrams)
        return self._verdicts[fence]


_runs: PageRuns


@register_runner(default=True)
class PageRunner(_Runner):
    """Runs a python block in the one interpreter of its page."""

    def runtest(
        self,
        test: FenceTestDefinition,
        args: dict[str, Any],  # noqa: ARG002 - the page's own interpreter holds its names
        asyncio_runner: object = None,  # noqa: ARG002 - part of the plugin's call
    ) -> None:
        """Run the block and hold its Output to what it prints."""
        page = _runs.page(test.source_path)
        fence = next(fence for fence in page.fences if fence.line == test.start_line)
        outcome = blocks.run_python(page, fence, _runs.scratch(page.file))
        if outcome.failures:
            raise PageError(outcome.failures)

    def repr_failure(
        self,
        test: FenceTestDefinition,  # noqa: ARG002 - the failure knows its place
        excinfo: pytest.ExceptionInfo[BaseException],
        style: object = None,  # noqa: ARG002 - part of the plugin's call
    ) -> str:
        """The failures in their own words."""
        return _describe(excinfo)


def _describe(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    if isinstance(excinfo.value, PageError):
        return str(excinfo.value)
    return str(excinfo.getrepr(style="short"))


class PageFile(pytest.File):
    """Everything of a page that pytest-markdown-docs leaves out."""

    def collect(self) -> Iterator[pytest.Item]:
        """How the page is written, then its blocks."""
        page = _runs.page(self.path)
        yield WrittenWell.from_parent(self, name="page", page=page)
        for fence in page.fences:
            if fence.language in {"console", "mermaid", *PARSED}:
                name = f"{fence.language}[line:{fence.line}]"
                yield FenceItem.from_parent(self, name=name, fence=fence)


class PageItem(pytest.Item):
    """One thing to check of a page."""

    line = 0

    def check(self) -> Sequence[Failure]:
        """What is wrong."""
        raise NotImplementedError

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where pytest says that this is."""
        return self.path, self.line, self.name

    def runtest(self) -> None:
        """Check, and fail with everything that is wrong."""
        if failures := list(self.check()):
            raise PageError(failures)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The failures in their own words."""
        del style
        return _describe(excinfo)


class WrittenWell(PageItem):
    """The labels, masks and places of a page's fences, and its questions."""

    def __init__(self, *, page: Page, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own arguments
        super().__init__(**kwargs)
        self.page = page

    def check(self) -> list[Failure]:
        """What is wrong before anything is run."""
        return [*self.page.problems(), *lesson.problems(self.page)]


class FenceItem(PageItem):
    """One console, data or mermaid fence."""

    def __init__(self, *, fence: Fence, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own arguments
        super().__init__(**kwargs)
        self.fence = fence
        self.line = fence.line
        if fence.language == "mermaid":
            _runs.diagrams.append(fence)

    def check(self) -> Sequence[Failure]:
        """Run or parse the block."""
        if self.fence.language == "mermaid":
            return _runs.diagram(self.fence)
        if self.fence.language == "console":
            return blocks.run_console(self.fence, _runs.scratch(self.path)).failures
        return list(parsers.check(self.fence, _runs.root))


@pytest.hookimpl(tryfirst=True)
def pytest_markdown_docs_markdown_it() -> MarkdownIt:
    """Have pytest-markdown-docs see the fences inside admonitions and tabs too."""
    return parser()


def pytest_configure(config: pytest.Config) -> None:
    """One record of the run per process: pytest-markdown-docs hands its runner no config."""
    global _runs  # noqa: PLW0603 - see above
    _runs = PageRuns(config.rootpath)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """Every Markdown file is a page."""
    return PageFile.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring both collectors' blocks into page order and say what each one is."""

    def line(item: pytest.Item) -> int:
        return item.line if isinstance(item, PageItem) else int(getattr(item, "start_line", 0))

    items.sort(key=lambda item: (item.path, line(item)))
    for item in items:
        if isinstance(item, FenceItem):
            item.user_properties = [(BLOCK, item.fence.kind)]
        elif not isinstance(item, PageItem):
            page = _runs.page(item.path)
            item.user_properties = [(BLOCK, "python")]
            if any(page.output_of(fence) for fence in page.fences if fence.line == line(item)):
                item.user_properties.append((BLOCK, "output"))
        if item.path in _runs.unchanged:
            item.user_properties += [
                (UNCHANGED, value) for name, value in item.user_properties if name == BLOCK
            ]
            item.runtest = _passed_before  # type: ignore[method-assign]


def _passed_before() -> None:
    """Run nothing: nothing has changed."""


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A page ends with its last block."""
    if nextitem is None or nextitem.path != item.path:
        _runs.end_page()


class Counts:
    """Counts the blocks and remembers the pages that passed, in the process that hears of all of them."""

    def __init__(self, root: Path, *, whole_pages: bool) -> None:
        self.root = root
        self.whole_pages = whole_pages
        self.kinds: Counter[str] = Counter()
        self.passed: set[Path] = set()
        self.failed: set[Path] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each block once, whether it passed or failed."""
        page = self.root / report.nodeid.partition("::")[0]
        if report.failed:
            self.failed.add(page)
        if report.when == "call":
            self.passed.add(page)
            self.kinds.update(str(kind) for name, kind in report.user_properties if name == BLOCK)
            self.kinds[UNCHANGED] += sum(name == UNCHANGED for name, _ in report.user_properties)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Leave the counts for the summary of the whole check, and what passed for the next one."""
        target = self.root / COUNTS
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(dict(sorted(self.kinds.items()))) + "\n")
        if self.whole_pages and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            Unchanged(self.root).keep(self.passed - self.failed, self.failed)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only the controller of a distributed run hears every report."""
    if not hasattr(session.config, "workerinput"):
        option = session.config.option
        whole = not (
            option.keyword or option.markexpr or option.maxfail or any("::" in a for a in session.config.args)
        )
        session.config.pluginmanager.register(Counts(session.config.rootpath, whole_pages=whole))
