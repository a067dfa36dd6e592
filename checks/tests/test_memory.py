import platform
import subprocess
from pathlib import Path

import pytest

from checks import memory
from checks.memory import Memory


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two files, one of which git ignores."""
    monkeypatch.delenv("CI", raising=False)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S607
    (tmp_path / ".gitignore").write_text(".cache/\nignored\n")
    for name in ("a", "ignored"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_repository_is_what_git_would_track_and_is_there(repository: Path) -> None:
    """New files count, ignored and deleted ones do not."""
    (repository / "folder").mkdir()
    (repository / "folder/b").write_text("b")
    assert memory.repository_files(repository) == [".gitignore", "a", "folder/b"]
    assert memory.repository_files(repository, "folder") == ["folder/b"]
    subprocess.run(["git", "add", "."], cwd=repository, check=True)  # noqa: S607
    (repository / "a").unlink()
    assert memory.repository_files(repository) == [".gitignore", "folder/b"]


def test_a_digest_changes_with_names_contents_and_further_texts(repository: Path) -> None:
    """And with nothing else: not with the order, the time or the place."""
    (repository / "b").write_text("b")
    first = memory.digest(repository, ["a", "b"], "x")
    (repository / "a").touch()
    assert memory.digest(repository, ["b", "a"], "x") == first
    others = {
        memory.digest(repository, ["a"], "x"),
        memory.digest(repository, ["a", "b"], "y"),
        memory.digest(repository, ["a", "b"]),
        memory.digest(repository, ["a", "b"], "x", ""),
    }
    (repository / "b").rename(repository / "c")
    others.add(memory.digest(repository, ["a", "c"], "x"))
    (repository / "a").write_text("changed")
    others.add(memory.digest(repository, ["a", "c"], "x"))
    assert len(others | {first}) == 7


def test_an_environment_is_python_what_is_installed_and_the_versions_of_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A tool that is missing is told from one that is there, and each version from another."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    memory.environment.cache_clear()
    memory.version.cache_clear()
    said = memory.environment("git", "promtool")
    assert platform.python_version() in said
    assert "pytest==" in said
    assert "git: git version" in said
    seen = set()
    for version in ("1.0", "2.0"):
        (tmp_path / "promtool").write_text(f"#!/bin/sh\necho promtool {version}\necho $$ >&2\n")
        (tmp_path / "promtool").chmod(0o755)
        memory.environment.cache_clear()
        memory.version.cache_clear()
        seen.add(memory.environment("promtool"))
        memory.environment.cache_clear()
        memory.version.cache_clear()
        seen.add(memory.environment("promtool"))
    assert len(seen) == 2
    memory.environment.cache_clear()
    memory.version.cache_clear()


def test_a_result_is_known_for_what_it_depended_on_and_nothing_else(repository: Path) -> None:
    """By name and digest; what is forgotten is gone."""
    kept = Memory("room", repository)
    assert kept.known("it", "digest") is None
    kept.keep("it", "digest", lambda: "digest", {"passed": 3})
    assert kept.known("it", "digest") == {"passed": 3}
    assert kept.known("it", "other") is kept.known("other", "digest") is None
    assert Memory("elsewhere", repository).known("it", "digest") is None
    kept.forget("it")
    assert kept.known("it", "digest") is None


def test_a_result_is_not_kept_when_something_changed_during_the_run(repository: Path) -> None:
    """A file saved while it ran: the result is of neither state."""
    kept = Memory("room", repository)
    before = memory.digest(repository, ["a"])
    (repository / "a").write_text("saved while it ran")
    kept.keep("it", before, lambda: memory.digest(repository, ["a"]))
    assert kept.known("it", before) is kept.known("it", memory.digest(repository, ["a"])) is None


def test_in_ci_nothing_is_remembered(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither read nor written."""
    Memory("room", repository).keep("it", "digest", lambda: "digest")
    monkeypatch.setenv("CI", "true")
    kept = Memory("room", repository)
    assert kept.known("it", "digest") is None
    kept.keep("other", "digest", lambda: "digest")
    monkeypatch.delenv("CI")
    assert Memory("room", repository).known("other", "digest") is None
    assert Memory("room", repository).known("it", "digest") is True


def test_a_memory_that_cannot_be_read_is_none(repository: Path) -> None:
    """What another version wrote, or half of it."""
    kept = Memory("room", repository)
    kept.keep("it", "digest", lambda: "digest")
    (file,) = (repository / ".cache/memory/room").iterdir()
    for text in ("", "[]", '{"name": "it"}'):
        file.write_text(text)
        assert kept.known("it", "digest") is None
