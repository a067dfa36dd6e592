"""A repository small enough to try in a second: a service that says 42, its tests on two rungs, claims."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "capstone/src/service_monitoring/answer.py"
ANSWER_PY = '''"""What the service says."""

ANSWER = 42


def twice() -> int:
    """The answer, two times."""
    return 2 * ANSWER
'''
FILES = {
    ".gitignore": "__pycache__/\n",
    "requirements.lock": "nothing==1\n",
    "docs/assets/evidence/other.json": "{}\n",
    "capstone/pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n',
    "capstone/src/service_monitoring/__init__.py": "",
    "capstone/src/service_monitoring/__main__.py": (
        "from service_monitoring.answer import twice\n\nprint(twice())\n"
    ),
    SOURCE: ANSWER_PY,
    "capstone/tests/conftest.py": (
        'def pytest_addoption(parser):\n    parser.addoption("--hypothesis-profile")\n'
    ),
    "capstone/tests/domain/test_answer.py": (
        "from service_monitoring.answer import ANSWER\n\n\n"
        "def test_answer() -> None:\n    assert ANSWER == 42\n"
    ),
    "capstone/tests/contract/test_twice.py": (
        "from service_monitoring import answer\n\n\n"
        "def test_twice() -> None:\n    assert answer.twice() == 84\n\n\n"
        "def test_type() -> None:\n    assert isinstance(answer.twice(), int)\n"
    ),
}
RUNGS = ("domain", "contract")
CHECKS = {
    "answer-is-42": "tests/domain/test_answer.py::test_answer",
    "twice-is-84": "tests/contract/test_twice.py::test_twice",
}


def replaced(old: str, new: str, answer: str = ANSWER_PY) -> str:
    """The diff that puts another line in the place of one of the answer."""
    lines = answer.splitlines()
    shown = [f"-{line}\n+{new}" if line == old else f" {line}" for line in lines]
    hunk = f"@@ -1,{len(lines)} +1,{len(lines)} @@\n" + "\n".join(shown)
    return f"--- a/{SOURCE}\n+++ b/{SOURCE}\n{hunk}\n"


class Small:
    """The repository in a folder.

    Args:
        root: The folder, which is made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.claims: list[tuple[str, str, list[str]]] = []
        for name, text in FILES.items():
            self.write(name, text)
        subprocess.run(["git", "init", "--quiet", root], check=True)  # noqa: S607 - the developer's git
        self._say_claims()

    def write(self, name: str, text: str) -> None:
        """Write a file of the repository."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def claim(self, name: str, check: str, *drifts: str) -> None:
        """Add a claim."""
        self.claims.append((name, check, list(drifts)))
        self._say_claims()

    def propose(self, name: str, diff: str) -> None:
        """Add a proposal."""
        self.write(f"docs/proposals/{name}/index.md", f"# Title\n\nWhy not.\n\n```diff\n{diff}```\n")

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message=x")

    def git(self, *arguments: str) -> str:
        """What git says of the repository."""
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def _say_claims(self) -> None:
        parts = ['[[outcome]]\ntext = "answer"']
        parts += [f'[[rung]]\nname = "{name}"\nsees = "a"\nblind = "b"' for name in RUNGS]
        owner = "service_monitoring.cli.main"  # of the real package, which is the one that is installed
        parts.append(
            f'[[contract]]\nname = "truth"\npromise = "p"\nowners = ["{owner}"]\noutcome = 1\nlesson = "l"'
        )
        parts += [
            f'[[claim]]\nid = "{name}"\nstatement = "{name}"\ncontract = "truth"\nowner = "{owner}"\n'
            f'check = "{check}"\ndrifts = {drifts}'
            for name, check, drifts in self.claims
        ]
        self.write("capstone/claims.toml", "\n\n".join(parts) + "\n")
