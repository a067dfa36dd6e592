"""Failures are told with their causes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.failure import Failure, report

if TYPE_CHECKING:
    import pytest


def test_what_pages_can_follow_from_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """An entry of the navigation before the links that it broke; then by path and line."""
    failures = {
        Failure("docs/b.md", 2, "no anchor"),
        Failure("docs/a.md", 9, "broken link"),
        Failure("mkdocs.yml", 65, "no such page"),
        Failure("docs/a.md", 3, "broken link", "a detail\n"),
    }
    assert report(failures, "2 pages built") == 1
    assert capsys.readouterr().out.splitlines() == [
        "mkdocs.yml:65: no such page",
        "docs/a.md:3: broken link",
        "a detail",
        "docs/a.md:9: broken link",
        "docs/b.md:2: no anchor",
        "2 pages built, 4 failures",
    ]
    assert report([], "2 pages built") == 0
