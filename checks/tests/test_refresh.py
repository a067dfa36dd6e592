"""Refreshing a page makes it agree with what happens, and harms nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from checks.pages import refresh
from checks.pages.page import Page
from checks.tests.repository import ROOT, Repository

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/page.md"
RIGHT = (
    "# Page",
    "",
    "```python",
    "print(6 * 7)",
    "```",
    "",
    '```text title="Output"',
    "42",
    "```",
    "",
    '```console title="Terminal (… = a process)"',
    "$ echo $$",
    "…",
    "$ echo one; echo two",
    "one",
    "two",
    "```",
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one page that is right."""
    monkeypatch.delenv("CI", raising=False)
    repository = Repository(tmp_path / "repository")
    repository.write(PAGE, *RIGHT)
    monkeypatch.setattr(refresh, "ROOT", repository.root)
    return repository


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(?<=\n)42", "41"),
        (r'\n```text title="Output"\n42\n```\n', ""),
        (r"(?<=\n)two", "three"),
        (r"\ntwo\n", "\n"),
    ],
    ids=["printed value", "output block", "command output", "lines of output"],
)
def test_refresh_restores_the_page(
    repository: Repository, pattern: str, replacement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page whose recorded output was broken becomes the very same file again, and stays it."""
    repository.replace(PAGE, pattern, replacement)
    for said in (f"{PAGE}: changed\n", ""):
        assert refresh.main([str(repository.root / PAGE)]) == 0
        assert capsys.readouterr().out == said
        assert repository.read(PAGE).splitlines() == list(RIGHT)
    assert sorted(os.listdir(repository.root / "docs")) == ["page.md"]  # noqa: PTH208 - names only


def test_what_cannot_be_shown_is_named(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A block that raises, and one that prints a fence, leave the page as it was."""
    repository.write(PAGE, "```python", "1 / 0", "```", "", "```python", "print('```')", "```")
    before = repository.read(PAGE)
    assert refresh.main([str(repository.root / PAGE)]) == 1
    said = capsys.readouterr().out
    assert f"{PAGE}:2: ZeroDivisionError" in said
    assert f"{PAGE}:5: what this wrote holds a fence, which no block can show" in said
    assert repository.read(PAGE) == before


def test_only_pages_that_have_not_passed_are_run(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a green check there is nothing to refresh; after an edit there is one page."""
    repository.write("README.md", "No block.")
    repository.write("docs/other.md", *RIGHT)
    assert [page.path for page in refresh.to_run(repository.root)] == ["docs/other.md", PAGE]
    assert repository.check_pages().good
    assert refresh.to_run(repository.root) == []
    assert refresh.main([]) == 0
    assert capsys.readouterr().out == "every page passed as it is: there is nothing to refresh\n"
    repository.append(PAGE, "More words.")
    assert [page.path for page in refresh.to_run(repository.root)] == [PAGE]
    monkeypatch.setenv("CI", "true")
    assert len(refresh.to_run(repository.root)) == 2


def test_a_page_that_was_saved_while_it_ran_is_left_alone(repository: Repository) -> None:
    """What its author wrote meanwhile is not lost."""
    page = Page(repository.root, repository.root / PAGE)
    repository.append(PAGE, "Written meanwhile.")
    assert refresh.write(page, "refreshed") == (
        f"{PAGE}: saved while it was run, and left as it is: refresh it again"
    )
    assert "Written meanwhile." in repository.read(PAGE)


def test_a_page_is_written_whole_or_not_at_all(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted while it writes, the old page is there and nothing else."""
    page, before = Page(repository.root, repository.root / PAGE), repository.read(PAGE)

    def half(file: Path, text: str, **_: str) -> None:
        with file.open("w") as opened:
            opened.write(text[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_text", half)
    with pytest.raises(KeyboardInterrupt):
        refresh.write(page, "refreshed")
    assert repository.read(PAGE) == before
    assert [file.name for file in (repository.root / "docs").iterdir()] == ["page.md"]


def test_an_interrupted_refresh_leaves_nothing_behind(repository: Repository, tmp_path: Path) -> None:
    """One line, status 130; no copy of the repository, no process, no half page."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    pulse = tmp_path / "pulse"
    beat = f"while True: open({str(pulse)!r}, 'a').write('x')"
    repository.write(PAGE, "```python", beat, "```")
    before = repository.read(PAGE)
    started = (
        "import sys; from pathlib import Path; from checks.pages import refresh; "
        f"refresh.ROOT = Path({str(repository.root)!r}); sys.exit(refresh.main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", started, repository.root / PAGE],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not pulse.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "refresh interrupted: every page is whole, as it was or refreshed"
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
    beats = pulse.stat().st_size
    time.sleep(0.2)
    assert pulse.stat().st_size == beats
    assert repository.read(PAGE) == before
