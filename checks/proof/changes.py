"""Change proposals: a page each, whose title, motive and diff are all there is of one.

A proposal that a claim names is a drift; one that no claim names is meant to keep every promise. Neither is
believed: `checks.proof.ladder` runs both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from checks.pages.page import Page

PROPOSALS = Path("docs/proposals")


class UnknownChangeError(LookupError):
    """There is no proposal of this name."""


@dataclass(frozen=True)
class Change:
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

    @cached_property
    def digest(self) -> str:
        """Changes when the diff does."""
        return sha256(self.diff.encode()).hexdigest()[:16]


def read_change(root: Path, name: str) -> Change:
    """The proposal of this name.

    Raises:
        UnknownChangeError: There is none.
    """
    file = root / PROPOSALS / name / "index.md"
    if not name or not file.is_file():
        raise UnknownChangeError(f"there is no change proposal {name!r}: see {PROPOSALS}/")
    page = Page(root, file)
    fence = next(fence for fence in page.fences if fence.language == "diff")
    title, *motive = page.lines[: fence.line - 1]
    return Change(name, title.removeprefix("# ").strip(), "\n".join(motive).strip(), fence.content)


def read_changes(root: Path) -> list[Change]:
    """Every proposal, by name."""
    return [read_change(root, file.parent.name) for file in sorted((root / PROPOSALS).glob("*/index.md"))]
