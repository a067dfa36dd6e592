"""Pages whose blocks passed, kept by the hash of all that they depend on: they are not run again.

A block sees a copy of the whole repository, so a page depends on every file of it but the other pages; on
Python and what is installed; and on the outside tools that blocks call.
"""

from __future__ import annotations

import json
import platform
import shutil
from functools import cached_property
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

from checks.pages.scratch import repository_files

PASSED = Path(".cache") / "pages.json"
PROSE = ("docs/", "README.md")
RUN_BY_BLOCKS = ("docs/proposals/", "docs/exercises/")
TOOLS = ("promtool", "initdb", "node", "git")


class Unchanged:
    """What passed before, and what has changed since.

    Args:
        root: The repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __contains__(self, page: Path) -> bool:
        """Whether this page passed as it is now."""
        return self._passed.get(self._name(page)) == self._digest(page)

    def keep(self, passed: set[Path], failed: set[Path]) -> None:
        """Remember the pages that passed as they are, and forget those that did not."""
        known = {name: digest for name, digest in self._passed.items() if (self._root / name).is_file()}
        known |= {self._name(page): self._digest(page) for page in passed}
        for page in failed:
            known.pop(self._name(page), None)
        file = self._root / PASSED
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n", encoding="utf-8")

    def _name(self, page: Path) -> str:
        return page.relative_to(self._root).as_posix()

    def _digest(self, page: Path) -> str:
        return sha256(self._shared + page.read_bytes()).hexdigest()[:32]

    @cached_property
    def _passed(self) -> dict[str, str]:
        file = self._root / PASSED
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    @cached_property
    def _shared(self) -> bytes:
        total = sha256(platform.python_version().encode())
        for installed in sorted(f"{found.name}=={found.version}" for found in distributions()):
            total.update(installed.encode())
        for tool in TOOLS:
            total.update(f"{tool}={shutil.which(tool)}".encode())
        for name in sorted(repository_files(self._root)):
            is_page = name.endswith(".md") and name.startswith(PROSE) and not name.startswith(RUN_BY_BLOCKS)
            if not is_page:
                total.update(name.encode() + sha256((self._root / name).read_bytes()).digest())
        return total.digest()
