"""Refreshing a page makes it agree with what happens, and harms nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from checks.child import UnfinishedError
from checks.pages import refresh
from checks.pages.page import Page
from checks.tests.repository import ROOT, Repository

PAGE = "docs/page.md"
OUTPUT = ('```text title="Output"',)
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
    '```console title="Terminal (…process = 1 to 9,999,999)"',
    "$ echo $$",
    "…process",
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


UNSHOWABLE = {
    # what a block prints: the line that is named, and what its output holds
    "python": {
        "```": "a fence",
        "- ~~~~": "a fence",
        "a \u2026": "the mask …",
        "a\rb": "a control character",
    },
    "console": {
        "$ touch made; echo hello": "a prompt",
        "a\n$ b": "a prompt",
        "> quoted": "a prompt",
        "(exit status 2)": "an exit status",
        "```": "a fence",
        "…n": "the mask …",
        "a\0b": "a control character",
        "\033[31mred": "a control character",
    },
}
SHOWABLE = (
    "> a",
    "$a",
    "  $ b",
    "a\n> b",
    "\ta",
    "  a  \n\n\nb\n\n",
    "a\u2028b\x85c\fd\ve\f",
    "\\n `a` {a}",
    "é\udcff",
)


def _that_prints(language: str, text: str) -> list[str]:
    """A block that prints a text, whose letters its own lines do not show."""
    written = text.encode(errors="surrogateescape").hex()
    code = "import sys", f"sys.stdout.buffer.write(bytes.fromhex('{written}'))"
    if language == "python":
        return ["```python", *code, "```"]
    return ["```console", f'$ python -c "{code[0]}; \\', f'> {code[1]}"', "```"]


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language in UNSHOWABLE for text in UNSHOWABLE[language]]
)
def test_an_output_that_would_be_taken_for_something_else_is_refused(
    repository: Repository, language: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By page and line: no block can show it, and the page stays as it is."""
    repository.write(PAGE, "# Page", "", *_that_prints(language, text))
    before = repository.read(PAGE)
    assert refresh.main([str(repository.root / PAGE)]) == 1
    line, what = {"python": 3, "console": 4}[language], UNSHOWABLE[language][text]
    refused = f"{PAGE}:{line}: what this wrote holds {what}, which no block can show as output\n"
    assert capsys.readouterr().out == refused
    assert repository.read(PAGE) == before
    assert refused.strip() in repository.check_pages(PAGE).output


@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize("text", SHOWABLE)
def test_refreshing_twice_is_refreshing_once(
    repository: Repository, text: str, indent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time nothing changes; the first time only what is recorded, and then the page is right."""
    python, console = _that_prints("python", text), _that_prints("console", text.replace("> a", "a"))
    blocks = [*python, "", *OUTPUT, "old", "```", "", *console[:-1], "old", "```"]
    note = ['??? note "N"', ""] if indent else []
    repository.write(
        PAGE, "# Page\u2028\x85", "", *note, *(indent + line for line in blocks), "", "The end.\f"
    )
    above, between, below = repository.read(PAGE).split(f"{indent}old\n")
    for said in (f"{PAGE}: changed\n", ""):
        assert refresh.main([str(repository.root / PAGE)]) == 0
        assert capsys.readouterr().out == said
        written = repository.read(PAGE)
        assert written.startswith(above)
        assert written.endswith(below)
        assert written.count(between) == 1
    exited = repository.check_pages(PAGE)
    assert exited.good, exited.output


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\f", "\v"])
def test_only_the_output_changes_below_a_separator(repository: Repository, separator: str) -> None:
    """It is text, and no line ends there."""
    above = f"Pasted from a chat:{separator}its second line."
    shown = ("", "```python", "print(1 + 1)", "```", "", '```text title="Output"', "3", "```", "", "The end.")
    repository.write(PAGE, above, "", "Must stay.", *shown)
    before = repository.read(PAGE)
    assert refresh.main([str(repository.root / PAGE)]) == 0
    assert repository.read(PAGE) == before.replace("\n3\n", "\n2\n")


def test_what_a_mask_no_longer_fits_is_shown(repository: Repository) -> None:
    """One line for each: a second line is not hidden behind the same mask."""
    masked = '```console title="Terminal (…n = 1 to 9)"'
    repository.write(PAGE, masked, "$ seq 8 11", "…n", "```")
    assert refresh.main([str(repository.root / PAGE)]) == 0
    assert repository.read(PAGE).splitlines()[2:6] == ["…n", "9", "10", "11"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["```python", "1 / 0", "```"], "2: ZeroDivisionError"),
        (["```python", "print(1)"], "1: close the fence"),
        (["- ```python", "  print(1)", "  ```"], "1: close the fence, and begin it on a line of its own"),
        (["```python", "print(1)", "```", "", *OUTPUT, "2", "", "The end."], "5: close the fence"),
        (["```console", "$ echo 1", "", "The end."], "1: close the fence"),
        ([*OUTPUT, "1", "```"], "1: this Output block does not directly follow"),
        (["```python", "print(1)", "```", "", *OUTPUT, "…n", "```"], "6: the mask …n is not in the title"),
        (["Text.\r", "", "```python", "print(1)", "```"], "1: left as it is: it was saved while"),
    ],
)
def test_a_page_that_is_wrong_in_another_way_stays_as_it_is(
    repository: Repository, lines: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its blocks are not run where they are not surely blocks."""
    repository.write(PAGE, *lines)
    before = (repository.root / PAGE).read_bytes()
    assert refresh.main([str(repository.root / PAGE)]) == 1
    assert f"{PAGE}:{problem}" in capsys.readouterr().out
    assert (repository.root / PAGE).read_bytes() == before


@pytest.mark.parametrize("fails", ["Path.write_text", "Path.replace", "Path.open", "Scratch"])
def test_an_error_leaves_a_page_as_it_was(
    repository: Repository, fails: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk, a file that cannot be written: it is named, and no other file is left behind."""
    repository.replace(PAGE, "two\n```", "three\n```")
    before = repository.read(PAGE)

    opened = Path.open

    def fail(*arguments: Any, **named: Any) -> object:  # noqa: ANN401 - what `open` is given
        if fails == "Path.open" and "r+b" not in arguments:
            return opened(*arguments, **named)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"checks.pages.refresh.{fails}", fail)
        assert refresh.main([str(repository.root / PAGE)]) == 1
    said = capsys.readouterr().out
    assert said == f"{PAGE}:1: left as it is: [Errno 28] No space left on device\n"
    assert repository.read(PAGE) == before
    assert [file.name for file in (repository.root / "docs").iterdir()] == ["page.md"]


def test_a_page_keeps_its_mode_and_its_link(repository: Repository) -> None:
    """What is refreshed is the text."""
    page, target = repository.root / PAGE, repository.root / "linked.md"
    repository.replace(PAGE, "two\n```", "three\n```")
    page.rename(target)
    page.symlink_to(target)
    target.chmod(0o640)
    text, failures = refresh.refresh(Page(repository.root, page))
    assert failures == []
    refresh.write(Page(repository.root, page), text)
    assert page.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert repository.read(PAGE).splitlines() == list(RIGHT)


def test_a_page_that_is_not_there_is_one_line(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or one that is no page of this repository."""
    for name in (str(repository.root / "docs/none.md"), "/none.md"):
        assert refresh.main([name]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1


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
    with pytest.raises(UnfinishedError, match="it was saved while it was run"):
        refresh.write(page, "refreshed")
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
