"""Change proposals: a page each, whose title, motive and diff are all there is of one.

A proposal that a claim names is a drift; one that no claim names is meant to keep every promise. Neither is
believed: `checks.proof.ladder` runs both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checks.failure import Failure
from checks.pages.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

PROPOSALS = Path("docs/proposals")
TITLE_TO_WRITE = "Title to be written"
MOTIVE_TO_WRITE = "Motive to be written: why you would believe this change in a review."
OUTSIDE = re.compile(
    r"^(?:--- a/|\+\+\+ b/|diff --git a/|(?:rename|copy) (?:from|to) )(?!capstone/src/)", re.MULTILINE
)


class ChangeError(LookupError):
    """A proposal that is not there, or whose page is none.

    Attributes:
        failure: Which page, and what is wrong with it.
    """

    def __init__(self, name: str, message: str) -> None:
        self.failure = Failure(page_of(name).as_posix(), 1, message)
        super().__init__(str(self.failure))


class Change(NamedTuple):
    """One proposal.

    Attributes:
        name: Its folder.
        title: What it does, as an imperative.
        motive: Why, in its author's words; Markdown.
        diff: The change of the repository.
    """

    name: str
    title: str
    motive: str
    diff: str


def page_of(name: str) -> Path:
    """The page of a proposal, below the repository."""
    return PROPOSALS / name / "index.md"


def read_change(root: Path, name: str) -> Change:
    """The proposal of this name.

    Raises:
        ChangeError: There is none, or it has no diff.
    """
    file = root / page_of(name)
    if not name or not file.is_file():
        raise ChangeError(name, "there is no such change proposal: `invoke review` lists them")
    page = Page(root, file)
    diffs = [fence for fence in page.fences if fence.language == "diff"]
    if len(diffs) != 1 or not diffs[0].content.strip():
        raise ChangeError(name, "a proposal is a title, a motive and one diff")
    title, *motive = page.lines[: diffs[0].line - 1] or [""]
    return Change(name, title.removeprefix("# ").strip(), "\n".join(motive).strip(), diffs[0].content)


def names_of_changes(root: Path) -> list[str]:
    """The name of every proposal."""
    return sorted(file.parent.name for file in (root / PROPOSALS).glob("*/index.md"))


def read_changes(root: Path) -> list[Change]:
    """Every proposal, by name.

    Raises:
        ChangeError: One has no diff.
    """
    return [read_change(root, name) for name in names_of_changes(root)]


def malformed(change: Change) -> Iterator[Failure]:
    """What a proposal lacks, and what it may not touch."""
    path = page_of(change.name).as_posix()
    if change.title in {"", TITLE_TO_WRITE}:
        yield Failure(path, 1, "write the title: what the change does, as an imperative")
    if change.motive in {"", MOTIVE_TO_WRITE}:
        yield Failure(path, 3, "write the motive: why you would believe this change in a review")
    if OUTSIDE.search(change.diff):
        yield Failure(path, 1, "a proposal changes capstone/src and nothing else")
