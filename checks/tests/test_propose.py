"""`invoke propose`: the working tree's change becomes a proposal, and no work is lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from checks.proof import propose
from checks.proof.changes import MOTIVE_TO_WRITE, TITLE_TO_WRITE, read_change
from checks.proof.trial import changed
from checks.tests.small import ANSWER_PY, SOURCE, Small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGE = "capstone/src/service_monitoring"
IS_41 = ANSWER_PY.replace("42", "41")


@pytest.fixture
def small(small: Small) -> Small:
    """A small repository with a commit."""
    small.write("docs/proposals/index.md", "# Proposals\n")
    small.write(f"{PACKAGE}/old.py", "OLD = 1\n")
    small.commit()
    return small


def state(root: Path) -> dict[str, bytes]:
    """Every file of a repository but git's own."""
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and ".git" not in file.parts
    }


def test_a_change_becomes_a_proposal_and_the_tree_is_as_it_was(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    """Staged, unstaged, new and deleted files; what else is changed stays, in the index too."""
    small.write("docs/page.md", "# Mine\n")
    small.write("requirements.lock", "nothing==2\n")
    small.git("add", "requirements.lock")
    before = state(small.root)
    small.write(SOURCE, IS_41)
    small.write(f"{PACKAGE}/deep/new.py", '"""A fence: ```python``` in it."""\n\n\nNEW = 1\n')
    small.write(f"{PACKAGE}/staged.py", "STAGED = 1\n")
    small.git("add", f"{PACKAGE}/staged.py")
    (small.root / PACKAGE / "old.py").unlink()
    after = {name: text for name, text in state(small.root).items() if name.startswith(PACKAGE)}
    assert propose.main(["is-41", "--title=Say 41", "--motive=It is prime."], small.root) == 0
    page = "docs/proposals/is-41/index.md"
    assert (
        capsys.readouterr().out.splitlines()[0]
        == f"{page}: written; capstone/src is as it was before the change"
    )
    now = state(small.root)
    assert now.pop(page)
    assert now == before
    assert not (small.root / PACKAGE / "deep").exists()
    assert small.git("status", "--porcelain", "--untracked-files=all") == (
        f"M  requirements.lock\n?? docs/page.md\n?? {page}\n"
    )
    change = read_change(small.root, "is-41")
    assert (change.title, change.motive) == ("Say 41", "It is prime.")
    assert "index " not in change.diff
    small.git("apply", str(write(small.root.parent / "x.diff", change.diff)))
    assert {name: text for name, text in state(small.root).items() if name.startswith(PACKAGE)} == after


def write(file: Path, text: str) -> Path:
    """Write a file."""
    file.write_text(text)
    return file


def test_a_title_and_a_motive_that_were_not_given_are_marked(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check refuses both until they are written; the diff can be tried at once."""
    small.write(SOURCE, IS_41)
    assert propose.main(["is-41"], small.root) == 0
    assert "next: write its title and its motive there" in capsys.readouterr().out
    change = read_change(small.root, "is-41")
    assert (change.title, change.motive) == (TITLE_TO_WRITE, MOTIVE_TO_WRITE)
    with changed(change.diff, small.root) as capstone:
        assert (capstone.parent / SOURCE).read_text() == IS_41


@pytest.mark.parametrize(
    ("name", "prepare", "message"),
    [
        ("is-41", lambda _: None, "nothing below capstone/src is changed"),
        (
            "is-41",
            lambda small: (small.write(SOURCE, IS_41), small.git("add", SOURCE), small.write(SOURCE, "")),
            f"{SOURCE} is staged and then changed again: stage it as it is, or unstage it",
        ),
        ("Is 41", lambda small: small.write(SOURCE, IS_41), "'Is 41' cannot be a folder's name here"),
        ("../x", lambda small: small.write(SOURCE, IS_41), "'../x' cannot be a folder's name here"),
        (
            "taken",
            lambda small: (small.write(SOURCE, IS_41), small.write("docs/proposals/taken/notes.txt", "mine")),
            "docs/proposals/taken is there already: name another one",
        ),
        (
            "is-41",
            lambda small: (small.write(SOURCE, IS_41), small.write("capstone/tests/test_new.py", "")),
            "capstone/tests/test_new.py is changed too: commit it first",
        ),
        (
            "is-41",
            lambda small: (small.root / PACKAGE / "data.bin").write_bytes(bytes(range(256))),
            "git apply: ",
        ),
        ("is-41", lambda small: small.write(f"{PACKAGE}/empty.py", ""), "a diff cannot hold all of it"),
        (
            "is-41",
            lambda small: (small.write(SOURCE, IS_41), (small.root / SOURCE).chmod(0o755)),
            "a diff cannot hold all of it",
        ),
    ],
)
def test_what_is_no_proposal_is_one_line_and_nothing_is_taken_back(
    small: Small,
    capsys: pytest.CaptureFixture[str],
    name: str,
    prepare: Callable[[Small], object],
    message: str,
) -> None:
    """Status 2; the working tree and the index are as they were."""
    prepare(small)
    before, status = state(small.root), small.git("status", "--porcelain")
    assert propose.main([name], small.root) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert (state(small.root), small.git("status", "--porcelain")) == (before, status)


def test_a_change_that_cannot_be_taken_back_is_kept_twice(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when another git holds the index: the proposal is there, and so is the change."""
    small.write(SOURCE, IS_41)
    (small.root / ".git/index.lock").touch()
    assert propose.main(["is-41"], small.root) == 2
    assert "the proposal is written, but capstone/src is as it was: " in capsys.readouterr().err
    assert (small.root / SOURCE).read_text() == IS_41
    assert "+ANSWER = 41" in read_change(small.root, "is-41").diff


def test_an_edit_that_comes_meanwhile_is_not_lost(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken back that is not in the proposal."""
    small.write(SOURCE, IS_41)

    def edit_first(root: Path, name: str) -> object:
        small.write(SOURCE, IS_41 + os.linesep)
        return read_change(root, name)

    monkeypatch.setattr(propose, "read_change", edit_first)
    assert propose.main(["is-41"], small.root) == 2
    assert "a diff cannot hold all of it" in capsys.readouterr().err
    assert (small.root / SOURCE).read_text() == IS_41 + os.linesep
    assert not (small.root / "docs/proposals/is-41").exists()
