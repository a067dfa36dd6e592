"""What a result depends on, and the results that are remembered by it.

A result depends on files, on Python, on the installed distributions, and on outside tools and their
versions. Its digest is taken before the run, of what is really run. `Memory.keep` takes a second one after
the run: a result whose files changed meanwhile is not kept. With `CI=true` nothing is remembered.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import threading
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[1]
POSTGRES = "/usr/lib/postgresql"
SHARED = "TRIALS_REMEMBERED_IN"
"""The variable with which a page's copy of the repository shares the trials that the repository remembers."""
CAPSTONE_TOOLS = ("promtool", "initdb", "git")
"""The outside tools that the capstone's suites and the blocks of pages call."""


def repository_files(root: Path, *below: str) -> list[str]:
    """What git tracks or would track and is in the working tree, relative to the repository.

    Args:
        root: The repository.
        below: Only these files and what is below these folders; none: everything.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *below]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True)
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file()]


def copy_repository(root: Path, target: Path, *parts: str) -> None:
    """Copy the working tree as it is now, or these parts of it, to a repository of its own."""
    subprocess.run(["git", "init", "--quiet", target], check=True)  # noqa: S607
    for name in repository_files(root, *parts):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy)


def digest(root: Path, names: Iterable[str], *more: str) -> str:
    """Changes with the name and with the content of each file, and with each further text."""
    total = sha256()
    for name in sorted(names):
        total.update(name.encode() + b"\0" + sha256((root / name).read_bytes()).digest())
    for text in more:
        total.update(sha256(text.encode()).digest())
    return total.hexdigest()[:32]


@cache
def environment(*tools: str) -> str:
    """Changes with Python, with each installed distribution, and with the version of each outside tool."""
    installed = sorted(f"{found.name}=={found.version}" for found in distributions())
    return "\n".join([platform.python_version(), *installed, *(f"{tool}: {version(tool)}" for tool in tools)])


@cache
def version(tool: str) -> str:
    """What an outside tool says of its version; empty where it is missing."""
    path = shutil.which(tool) or next(map(str, sorted(Path(POSTGRES).glob(f"*/bin/{tool}"))), "")
    if not path:
        return ""
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True)
    # Beside a version, Debian's Chromium complains in other words each time.
    return said.stdout or said.stderr


def with_tuples(row: dict[str, Any]) -> dict[str, Any]:
    """A table of TOML as an object that never changes holds it: each list as a tuple."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all, in a folder that need not be there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        partial.write_text(text, encoding="utf-8")
        if file.exists():
            shutil.copymode(file, partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


class Memory:
    """Results by name, each with the digest of what it depended on.

    Args:
        room: What kind of results they are: a folder of the memory.
        root: The repository whose memory it is; None: this one.
    """

    def __init__(self, room: str, root: Path | None = None) -> None:
        self._folder = (root or ROOT) / ".cache/memory" / room
        self._works = os.environ.get("CI") != "true"

    def known(self, name: str, depends_on: str) -> Any:  # noqa: ANN401 - whatever was kept
        """The result that was kept for this digest; None: there is none."""
        if self._works:
            with suppress(OSError, ValueError, KeyError, TypeError):
                entry = json.loads(self._file(name).read_text(encoding="utf-8"))
                if entry["name"] == name and entry["depends on"] == depends_on:
                    return entry["result"]
        return None

    def keep(self, name: str, depended_on: str, now: Callable[[], str], result: object = True) -> None:  # noqa: FBT002 - a result like any other
        """Keep a result under the digest of before the run, if `now` still gives the same one."""
        if not self._works or now() != depended_on:
            return
        entry = {"name": name, "depends on": depended_on, "result": result}
        write_whole(self._file(name), json.dumps(entry))

    def forget(self, name: str) -> None:
        """Keep nothing under this name."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{sha256(name.encode()).hexdigest()[:24]}.json"
