from pathlib import Path

import pytest

from checks.tooling import rooms

FILES = {
    "checks/__init__.py": '"""The checks."""',
    "checks/child.py": '"""One child\nprocess. And more."""',
    "checks/pages/__init__.py": '"""Reads `a.b` on pages."""',
    "checks/pages/quiz.py": "",
    "checks/pages/__main__.py": "",
    "checks/site/__init__.py": '"""Builds the site."""',
    "checks/site/links.py": "",
    "checks/site/__main__.py": "",
    "checks/site/__pycache__/old.pyc": "",
    "checks/gone/__pycache__/gone.pyc": "",
}
MAP = """\
# A page

## Where things are

| folder | what it does |
| --- | --- |
| `docs/` | The pages |
| `checks/child.py` | One child process |
| `checks/pages/` | Reads `a.b` on pages |
| `checks/site/` | Builds the site |
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with three rooms and both maps."""
    for name, text in {**FILES, "README.md": MAP, "docs/contributing.md": MAP}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def failures(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the check says, without its summary."""
    status = rooms.main(root)
    *lines, summary = capsys.readouterr().out.splitlines()
    assert status == (1 if lines else 0)
    assert summary.endswith(f" rooms, {len(lines)} failures")
    return lines


def replace(file: Path, old: str, new: str) -> None:
    """Change a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_right_maps_are_right(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A leftover folder without modules is no room, and rows of other folders are not looked at."""
    assert failures(root, capsys) == []


@pytest.mark.parametrize("page", rooms.MAPS)
def test_a_room_that_a_map_does_not_name(root: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page, and the line of the map's heading."""
    replace(root / page, "| `checks/child.py` | One child process |\n", "")
    assert failures(root, capsys) == [
        f"{page}:3: `checks/child.py` is missing in the table below '## Where things are'"
    ]


@pytest.mark.parametrize("page", rooms.MAPS)
def test_a_room_that_is_not_there(root: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page, and the line of the row."""
    replace(root / page, "| `checks/site/`", "| `checks/gone/` | Was here |\n| `checks/site/`")
    assert failures(root, capsys) == [f"{page}:10: there is no `checks/gone/`"]


@pytest.mark.parametrize("page", rooms.MAPS)
def test_a_sentence_that_is_not_that_of_the_docstring(
    root: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page, the line of the row, and the sentence that would be right."""
    replace(root / page, "Reads `a.b` on pages", "Reads pages")
    assert failures(root, capsys) == [
        f"{page}:9: the docstring of checks/pages/__init__.py begins differently: Reads `a.b` on pages"
    ]


def test_a_map_without_its_heading(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the map is gone, the page is named on its first line."""
    (root / "README.md").write_text("# A page\n", encoding="utf-8")
    assert failures(root, capsys)[0] == (
        "README.md:1: `checks/child.py` is missing in the table below '## Where things are'"
    )


@pytest.mark.parametrize("text", ["", "import sys\n", None])
def test_a_room_that_says_nothing_of_itself(
    root: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without a docstring, or without the module that would hold it, is named by that module."""
    module = root / "checks/site/__init__.py"
    module.unlink() if text is None else module.write_text(text, encoding="utf-8")
    assert failures(root, capsys) == [
        "checks/site/__init__.py:1: begin with a docstring whose first sentence says what is done here"
    ]


@pytest.mark.parametrize("other", ["checks/site/quiz.py", "checks/site/deeper/quiz.py"])
def test_two_modules_of_one_name(root: Path, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The later one is named, and where the first one is."""
    (root / other).parent.mkdir(exist_ok=True)
    (root / other).touch()
    assert failures(root, capsys) == [
        f"{other}:1: checks/pages/quiz.py has the same name; give one of them another"
    ]
