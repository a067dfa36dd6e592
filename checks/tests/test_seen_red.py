"""Every check of pages and site is seen to go red, at the right page and line.

Real pages of a copy of the repository are broken, all at once, and each check is run once over them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.drawing.glossary import read_terms
from checks.pages.scratch import copy_repository

ROOT = Path(__file__).resolve().parents[2]
MODULE = "docs/module-10-performance-observability-security-review"
OVERVIEW = f"{MODULE}/index.md"
LESSON = f"{MODULE}/measuring-allocation-costs-and-object-hot-paths.md"
GLOSSARY = f"{MODULE}/glossary.md"
GUIDE = "docs/capstone/command-guide.md"
SIGNALS = "docs/capstone/signals.md"
HOME = "docs/index.md"
CONTRIBUTING = "docs/contributing.md"

OUTPUT_LINE = r'(?<=title="Output"\n)[^\n…]+(?=\n)'
COMMAND_OUTPUT_LINE = r"(```console[^\n]*\n(?:(?!```)[^\n]*\n)*?)(?!\$ |> |```)[^\n…]+(?=\n)"


class Repository:
    """A copy of the repository to break."""

    def __init__(self, root: Path) -> None:
        self.root = root
        copy_repository(ROOT, root)
        (root / "node_modules").symlink_to(ROOT / "node_modules")

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Make this the text of a file."""
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path: str, pattern: str, replacement: str) -> str:
        """Replace the first match; gives `path:line` of its end."""
        text = self.read(path)
        match = re.search(pattern, text)
        assert match, f"{path} holds nothing like {pattern}"
        self.write(path, text[: match.start()] + match.expand(replacement) + text[match.end() :])
        return f"{path}:{text.count(chr(10), 0, match.end()) + 1}"

    def append(self, path: str, *lines: str) -> int:
        """Append lines after a blank one; gives the number of the first."""
        text = self.read(path).rstrip("\n") + "\n\n"
        self.write(path, text + "\n".join(lines) + "\n")
        return text.count("\n") + 1

    def keep_until_block(self, path: str, pattern: str) -> None:
        """Cut a page after the block that holds the first match: what follows would only cost time."""
        text = self.read(path)
        match = re.search(pattern, text)
        assert match, f"{path} holds nothing like {pattern}"
        self.write(path, text[: text.index("\n```\n", match.start() + 1) + 5])

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, its output and errors in one."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )


class Broken:
    """What was broken, by name, and what the check said of all of it."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.report = ""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    """What the check of the pages says of blocks that are broken in every way."""
    copy = Repository(tmp_path_factory.mktemp("pages") / "repository")
    broken = Broken()
    places = broken.places
    copy.keep_until_block(LESSON, OUTPUT_LINE)
    places["printed value"] = copy.replace(LESSON, OUTPUT_LINE, "something else")
    copy.keep_until_block(GUIDE, COMMAND_OUTPUT_LINE)
    places["command output"] = copy.replace(GUIDE, COMMAND_OUTPUT_LINE, r"\1something else")
    places["diagram edge"] = copy.replace(OVERVIEW, r"(?<=\s)-->(?=\s)", "->>-")
    snippets = {
        "unlabelled fence": (0, "```", "x", "```"),
        "unknown language": (0, "```ruby", "x", "```"),
        "exempt block": (0, "```{.python notest}", "x", "```"),
        "indented code": (0, "    x = 1", ""),
        "missing output": (0, "```python", "print('x')", "```"),
        "raising block": (2, "```python", "x = 1", "raise TypeError('no')", "```"),
        "unnamed mask": (4, "```python", "print('x')", "```", '```text title="Output"', "…", "```"),
        "masks nothing": (
            3,
            "```python",
            "print('x')",
            "```",
            '```text title="Output (… = letters)"',
            "x",
            "```",
        ),
        "output of nothing": (0, '```text title="Output"', "x", "```"),
        "diff": (0, "```diff", "--- a/tasks.py", "+++ b/tasks.py", "@@ -1 +1 @@", "-no", "+yes", "```"),
        "json": (2, "```json", "{", '"a": NaN}', "```"),
        "toml": (1, "```toml", "a =", "```"),
        "yaml": (2, "```yaml", "a: [1", "b: 2", "```"),
        "no description": (0, "```mermaid", "flowchart LR", "accTitle: t", "a --> b", "```", "", "Words."),
        "question": (
            2,
            "### Questions",
            "",
            "#### 2. What?",
            "",
            "- **A** this",
            "- **C** that",
            "",
            '??? success "Answer"',
            "",
            "    - **A** right: it is",
            "    - **C** right: it is",
        ),
        "no words": (0, "```mermaid", "flowchart LR", "accTitle: t", "accDescr: d", "a --> b", "```"),
    }
    for name, (offset, *lines) in snippets.items():
        line = copy.append(HOME, *map(str, lines))
        places[name] = f"{HOME}:{line + int(offset)}"
    places["lesson"] = f"{HOME}:1"  # which it is, now that it has questions
    files = [OVERVIEW, LESSON, GUIDE, HOME]
    command = [sys.executable, "-m", "pytest", "-c", "checks/pytest.ini", "--rootdir=.", "-n0"]
    broken.report = copy.run(*command, "--color=no", *files).stdout
    return broken


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        ("printed value", "the block printed something else"),
        ("command output", "wrote something else"),
        ("diagram edge", "Mermaid does not understand this"),
        ("unlabelled fence", "a fence without a language"),
        ("unknown language", "nothing checks 'ruby' fences"),
        ("exempt block", "no fence is exempt"),
        ("indented code", "indented code is not checked"),
        ("missing output", "this block prints"),
        ("raising block", "TypeError: no"),
        ("unnamed mask", "the mask … is not named"),
        ("masks nothing", "the title names a mask"),
        ("output of nothing", "does not directly follow a python block"),
        ("diff", "does not apply"),
        ("json", "not JSON: NaN"),
        ("toml", "not TOML"),
        ("yaml", "not YAML"),
        ("no description", "has no accDescr"),
        ("no words", "text alternative"),
        ("question", "this is question 1"),
        ("question", "the options are A, C: three or four"),
        ("question", "exactly one option is right"),
        ("question", "the answer runs a block"),
        ("lesson", "words of prose: a lesson has 1,500 to 2,500"),
    ],
)
def test_a_broken_block_is_named_by_page_and_line(pages: Broken, breakage: str, message: str) -> None:
    """Each block is named with its page, its line and what is wrong with it."""
    headline = re.compile(rf"^{re.escape(pages.places[breakage])}: .*{re.escape(message)}", re.MULTILINE)
    assert headline.search(pages.report), pages.report


def test_the_difference_is_shown(pages: Broken) -> None:
    """A block that shows something false is reported with what is true."""
    assert "--- shown\n+++ actual\n@@" in pages.report
    assert "\n-something else\n+" in pages.report


@pytest.fixture(scope="module")
def site_copy(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The copy whose site is built and opened."""
    return Repository(tmp_path_factory.mktemp("site") / "repository")


@pytest.fixture(scope="module")
def site(site_copy: Repository) -> Broken:
    """What the check of the site says when everything it looks at is broken."""
    copy = site_copy
    broken = Broken()
    places = broken.places
    places["link"] = copy.replace(HOME, r"\]\([\w/.-]+\.md\)", "](nowhere.md)")
    places["anchor"] = copy.replace(LESSON, r"glossary\.md#[\w-]+", "glossary.md#no-such-term")
    terms = read_terms(copy.root / GLOSSARY)
    removed = next(term for term in terms if f"{Path(GLOSSARY).name}#{term.anchor})" in copy.read(LESSON))
    copy.replace(GLOSSARY, rf"\n## {re.escape(removed.name)}\n+{re.escape(removed.definition)}", "")
    link = f"glossary.md#{removed.anchor}"
    places["glossary term removed"] = copy.replace(LESSON, re.escape(link), link)
    line = copy.append(GLOSSARY, "## zebra", "", "An animal.")
    places["term not linked"] = places["term without code"] = f"{GLOSSARY}:{line}"
    copy.write("docs/stray.md", "# Stray\n")
    places["page outside navigation"] = "docs/stray.md:1"
    places["entry without page"] = copy.replace("mkdocs.yml", r"(?<=: )contributing\.md", "gone.md")
    copy.replace("docs/reference/api/domain.md", r"::: service_monitoring\.domain\.values\n", "")
    places["module not listed"] = "docs/reference/api/domain.md:1"
    row = r"(?<=\n)\| `service_monitoring_outbox_dead` \|"
    places["metric misdescribed"] = copy.replace(
        SIGNALS, row + " gauge", r"| `service_monitoring_outbox_dead` | counter"
    )
    places["metric unknown"] = copy.replace(
        SIGNALS,
        r"(?<=\n)(?=\| `service_monitoring_series_held`)",
        "| `service_monitoring_made_up` | gauge |\n",
    )
    events = "capstone/src/service_monitoring/domain/events.py"
    copy.replace(events, r'\A"""[^\n]*\n', '"""Events.\n\n>>> 1 + 1\n2\n"""\n')
    places["docstring example"] = f"{events}:3"
    line = copy.append(HOME, '<a href="nowhere.html">x</a>', '<img src="//cdn.invalid/x.png" alt="x">')
    places["link in HTML"] = f"{HOME}:{line}"
    places["other origin"] = f"{HOME}:{line + 1}"
    line = copy.append("docs/reference/evidence.md", '{$ figure("nothing", "x") $}')
    places["evidence"] = f"docs/reference/evidence.md:{line}"
    line = copy.append(
        CONTRIBUTING,
        "```mermaid",
        "flowchart LR",
        "a -->",
        "```",
        '<p style="color: #ddd">Faint.</p>',
        '<p style="width: 900px">Wide.</p>',
        '<script>fetch("https://elsewhere.invalid/"); nothing.at.all</script>',
    )
    places["diagram not drawn"] = f"{CONTRIBUTING}:{line}"
    places |= dict.fromkeys(["faint", "wide", "request", "script error"], f"{CONTRIBUTING}:1")
    broken.report = copy.run(sys.executable, "-m", "checks.site").stdout
    return broken


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        ("link", "nowhere.md"),
        ("link in HTML", "there is no nowhere.html"),
        ("anchor", "#no-such-term"),
        ("glossary term removed", "does not contain an anchor"),
        ("term not linked", "no other page links the term 'zebra'"),
        ("term without code", "links no API or capstone page"),
        ("page outside navigation", "not in the navigation"),
        ("entry without page", "gone.md"),
        ("module not listed", "add `::: service_monitoring.domain.values`"),
        ("metric misdescribed", "the catalogue says | `service_monitoring_outbox_dead` | gauge"),
        ("metric unknown", "service_monitoring_made_up is not in the catalogue"),
        ("docstring example", "below a line `Examples:`"),
        ("other origin", "loads //cdn.invalid/x.png from another origin"),
        ("evidence", "no evidence file 'nothing'"),
    ],
)
def test_a_broken_site_is_named_by_page_and_line(site: Broken, breakage: str, message: str) -> None:
    """Each broken link, term, page, module and figure is named with its page and line."""
    headline = re.compile(rf"^{re.escape(site.places[breakage])}: .*{re.escape(message)}", re.MULTILINE)
    assert headline.search(site.report), site.report


@pytest.mark.skipif(
    not shutil.which("chromium") and not shutil.which("chromium-browser"),
    reason="Chromium is not installed",
)
def test_what_only_a_browser_sees_is_red(site: Broken, site_copy: Repository) -> None:
    """A page that needs a browser to be seen broken is opened and named."""
    done = site_copy.run(sys.executable, "-m", "checks.site.browser", CONTRIBUTING)
    assert done.returncode == 1
    for breakage, message in (
        ("diagram not drawn", "did not draw"),
        ("faint", "color-contrast (light)"),
        ("wide", "scrolls sideways on a phone"),
        ("request", "requests https://elsewhere.invalid/ from another origin"),
        ("script error", "nothing is not defined"),
    ):
        headline = rf"^{re.escape(site.places[breakage])}: .*{re.escape(message)}"
        assert re.search(headline, done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(
    ("path", "pattern", "replacement"),
    [
        (LESSON, OUTPUT_LINE, "something else"),
        (LESSON, r'\n```text title="Output"\n(?:(?!```)[^\n…]*\n)+```\n', ""),
        (GUIDE, COMMAND_OUTPUT_LINE, r"\1something else"),
    ],
    ids=["printed value", "output block", "command output"],
)
def test_refresh_restores_the_page(tmp_path: Path, path: str, pattern: str, replacement: str) -> None:
    """Refreshing a page whose recorded output was broken gives the very same file back."""
    copy = Repository(tmp_path / "repository")
    copy.keep_until_block(path, pattern)
    right = copy.read(path)
    copy.replace(path, pattern, replacement)
    done = copy.run(sys.executable, "-m", "checks.pages.refresh", path)
    assert done.stdout == f"{path}: changed\n"
    assert copy.read(path) == right


def test_an_import_against_the_layers_is_red(site_copy: Repository) -> None:
    """The domain may not import the application; the line that does is named."""
    values = "capstone/src/service_monitoring/domain/values.py"
    place = site_copy.replace(
        values,
        r"(?<=\n)(?=from __future__ import annotations\n)",
        "import service_monitoring.application.ports\n",
    )
    done = site_copy.run(
        "lint-imports", "--config=capstone/pyproject.toml", "--no-cache", PYTHONPATH="capstone/src"
    )
    assert done.returncode == 1
    line = place.partition(":")[2]
    broken = rf"domain\.values\s+->\s+service_monitoring\.application\.ports\s+\(l\.{line}\)"
    assert re.search(broken, done.stdout), done.stdout
