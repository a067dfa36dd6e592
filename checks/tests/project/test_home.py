"""What the home page, the overview and the README tell a newcomer."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from checks.drawing import macros
from checks.tests.repository import ROOT
from checks.tooling import next_steps

if TYPE_CHECKING:
    from pathlib import Path


def test_the_lines_of_the_home_page_clone_set_up_and_activate(tmp_path: Path) -> None:
    """The page shows what is run here: in a new shell, with a Python 3 and Git, and no environment active."""
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert "{$ set_up() $}" in page
    source = tmp_path / "source"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x", "-C", str(source)]
    source.mkdir()
    shutil.copy(ROOT / "tasks.py", source)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    made_with = (ROOT / ".venv" / "bin" / "python").resolve()
    python.write_text(f'#!/bin/sh\nexec {made_with} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
    }
    clone, *rest = next_steps.set_up(str(source))
    assert len(rest) == 2
    assert shell([clone, "ls"], tmp_path, environment) == ["tasks.py"]
    printed = shell([*rest, "command -v invoke python"], ROOT, environment)
    assert any(line.split()[:1] == ["count-what-is-alive"] for line in printed)
    assert printed[-2:] == [str(ROOT / ".venv" / "bin" / name) for name in ("invoke", "python")]


@pytest.mark.parametrize(
    ("address", "cloned"), [("https://x.example/y", "https://x.example/y"), ("", str(ROOT))]
)
def test_the_page_clones_the_given_address_or_this_checkout(
    monkeypatch: pytest.MonkeyPatch, address: str, cloned: str
) -> None:
    """Without REPO_URL, the reader of a site built here still has a line that works here."""
    monkeypatch.setenv("REPO_URL", address)
    assert f"$ git clone {shlex.quote(cloned)} module-10 && cd module-10\n" in macros.set_up()


def shell(lines: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    """What the lines print that are typed into a new shell, one of which must not fail."""
    bash = shutil.which("bash") or "bash"
    command = [bash, "-ec", "\n".join(lines)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_words_say_how_many_lessons_are_ready() -> None:
    """The README and the overview say in words what the lesson map shows."""
    ready, all_lessons = macros.ready().split(" of ")
    assert f"{ready} of {all_lessons} lessons are ready" in (ROOT / "README.md").read_text(encoding="utf-8")
    overview = macros.OVERVIEW.read_text(encoding="utf-8")
    planned = f"lessons {int(ready) + 1} to {all_lessons} are planned"
    assert f"Lessons 1 to {ready} are ready, {planned}" in overview
