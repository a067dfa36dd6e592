"""Turn the working tree's change of capstone/src into a change proposal: `invoke propose NAME`.

It writes the proposal's page, makes sure that the diff on it is the whole change, and only then takes the
change back. Whatever else is changed in the working tree stays as it is.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from checks.failure import command
from checks.memory import ROOT
from checks.proof.changes import (
    MOTIVE_TO_WRITE,
    PROPOSALS,
    TITLE_TO_WRITE,
    ChangeError,
    page_of,
    read_change,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "capstone/src"
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ADD = ("add", "--all", "--", SOURCE)
DIFF = ("diff", "--no-ext-diff", "--no-color", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/", "-U2")


class ProposeError(ValueError):
    """Why the working tree's change is no proposal; the tree is as it was."""


def _git(root: Path, *arguments: str, given: str = "", index: str = "") -> str:
    """What git says.

    Args:
        root: The repository.
        arguments: The command.
        given: Its standard input.
        index: The file of an index to use instead of the repository's.

    Raises:
        ProposeError: It refuses.
    """
    command = ["git", "-c", "core.quotePath=off", *arguments]
    env = {**os.environ, **({"GIT_INDEX_FILE": index} if index else {})}
    done = subprocess.run(
        command, cwd=root, env=env, input=given, capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise ProposeError(f"git {arguments[0]}: {'; '.join(done.stderr.strip().splitlines())}")
    return done.stdout


def _tree(root: Path, index: str, *change: str, given: str = "") -> str:
    """The hash of HEAD after a command that changes the index."""
    _git(root, "read-tree", "HEAD", index=index)
    _git(root, *change, given=given, index=index)
    return _git(root, "write-tree", index=index)


def _names(root: Path, *options: str, index: str = "") -> list[str]:
    """The files that differ: in the index from HEAD, or as the options say."""
    return _git(root, "diff", "--no-renames", "--name-only", "-z", *options, index=index).split("\0")[:-1]


def propose(name: str, title: str, motive: str, root: Path) -> None:
    """Write the change of SOURCE as a proposal and take it back from the working tree and from the index.

    Raises:
        ProposeError: It is no proposal; nothing was written and nothing was taken back.
    """
    if not SLUG.fullmatch(name):
        raise ProposeError(f"{name!r} cannot be a folder's name here: small letters, digits and hyphens")
    if (root / PROPOSALS / name).exists():
        raise ProposeError(f"{PROPOSALS / name} is there already: name another one")
    for path in set(_names(root, "--cached", "HEAD", "--", SOURCE)) & set(_names(root, "--", SOURCE)):
        raise ProposeError(f"{path} is staged and then changed again: stage it as it is, or unstage it")
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=root / PROPOSALS, prefix=".") as beside,
    ):
        index = f"{folder}/index"
        _tree(root, index, "add", "--all", "--", "capstone")
        for path in _names(root, "--cached", "HEAD", index=index):
            if not path.startswith(f"{SOURCE}/"):
                message = f"{path} is changed too: commit it first; a proposal changes {SOURCE} only"
                raise ProposeError(message)
        whole = _tree(root, index, *ADD)
        if not _names(root, "--cached", "HEAD", index=index):
            raise ProposeError(f"nothing below {SOURCE} is changed")
        new = _names(root, "--cached", "--diff-filter=A", "HEAD", index=index)
        diff = _plain(_git(root, *DIFF, "--cached", "HEAD", index=index))
        draft = Path(beside) / name
        draft.mkdir()
        (draft / "index.md").write_text(_page(title, motive, diff), encoding="utf-8")
        written = read_change(root, draft.relative_to(root / PROPOSALS).as_posix()).diff if diff else ""
        applied = _tree(root, index, "apply", "--cached", "-", given=written) if diff else ""
        if applied != whole or _tree(root, index, *ADD) != whole:
            raise ProposeError("a diff cannot hold all of it: a binary or empty file, a mode, or a new edit")
        draft.rename(root / PROPOSALS / name)
    _take_back(root, new)


def _plain(diff: str) -> str:
    """A diff as it stands on a page: without git's own header lines, and without blanks on an empty line."""
    headers = ("diff --git ", "index ", "new file ", "deleted file ")
    ours = [line for line in diff.splitlines(keepends=True) if not line.startswith(headers)]
    return "".join("\n" if line == " \n" else line for line in ours)


def _page(title: str, motive: str, diff: str) -> str:
    fence = max(["``", *re.findall("`{3,}", diff)], key=len) + "`"
    return f"# {title or TITLE_TO_WRITE}\n\n{motive or MOTIVE_TO_WRITE}\n\n{fence}diff\n{diff}{fence}\n"


def _take_back(root: Path, new: Sequence[str]) -> None:
    """Make SOURCE what HEAD has, in the working tree and in the index."""
    try:
        _git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", SOURCE)
    except ProposeError as error:
        raise ProposeError(f"the proposal is written, but {SOURCE} is as it was: {error}") from None
    for path in (root / name for name in new):
        path.unlink(missing_ok=True)  # what git did not know
        for parent in path.parents:
            if parent == root / SOURCE or any(parent.iterdir()):
                break
            parent.rmdir()


@command("propose", "propose interrupted", ProposeError, ChangeError, OSError, UnicodeDecodeError)
def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write the proposal and say what comes next."""
    parser = argparse.ArgumentParser(prog="invoke propose", description=__doc__)
    parser.add_argument("name", help="the folder of the proposal, which says what the change does")
    parser.add_argument("--title", default="", help="what the change does, as an imperative")
    parser.add_argument("--motive", default="", help="why you would believe it in a review")
    asked = parser.parse_args(arguments)
    propose(asked.name, asked.title, asked.motive, root)
    print(f"{page_of(asked.name)}: written; {SOURCE} is as it was before the change")
    if not (asked.title and asked.motive):
        print("next: write its title and its motive there")
    print(f"next: `invoke ladder {asked.name}` tries it on every rung")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
