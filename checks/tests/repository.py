"""A repository to break, for tests: made up, or a copy of parts of this one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checks import child
from checks.memory import copy_repository

if TYPE_CHECKING:
    from checks.child import Exit

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("-m", "pytest", "-c", str(ROOT / "checks/pytest.ini"), "--rootdir=.", "-n0", "--color=no")


class Repository:
    """A git repository whose pages are checked by the checks of this one.

    Args:
        root: Where it is made.
        parts: What is copied from this repository: files and folders.
    """

    def __init__(self, root: Path, *parts: str) -> None:
        self.root = root
        if parts:
            copy_repository(ROOT, root, *parts)
        else:
            subprocess.run(["git", "init", "--quiet", root], check=True)  # noqa: S607
            self.write(".gitignore", ".cache/\n/site/\n/node_modules\n")
        (root / "node_modules").symlink_to(ROOT / "node_modules")

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, *lines: str) -> None:
        """Make these the lines of a file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")

    def append(self, path: str, *lines: str) -> int:
        """Append lines after a blank one; gives the number of the first."""
        text = self.read(path).rstrip("\n") + "\n\n"
        self.write(path, text + "\n".join(lines))
        return text.count("\n") + 1

    def replace(self, path: str, pattern: str, replacement: str) -> str:
        """Replace the first match; gives `path:line` of its end."""
        text = self.read(path)
        match = re.search(pattern, text)
        assert match, f"{path} holds nothing like {pattern}"
        self.write(path, text[: match.start()] + match.expand(replacement) + text[match.end() :])
        return f"{path}:{text.count(chr(10), 0, match.end()) + 1}"

    def python(self, *arguments: str, **environment: str) -> Exit:
        """Run Python with the checks of this repository on its path, in the folder of that one."""
        copied = (self.root / "checks").is_dir()
        env = os.environ | {"PYTHONPATH": str(self.root if copied else ROOT)} | environment
        return child.run([sys.executable, *arguments], cwd=self.root, env=env)

    def check_pages(self, *arguments: str, **environment: str) -> Exit:
        """What the check of the pages says of it."""
        return self.python(*PAGES, *(arguments or ("docs",)), **environment)
