"""Every check of the built site is seen to go red, at the right page and line: on a small site of its own."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from checks.proof.claims import ProofData
from checks.proof.review import NONE, known_answers
from checks.tests.repository import ROOT, Repository

if TYPE_CHECKING:
    from pathlib import Path

    from checks.child import Exit

MODULE = "docs/module-10-performance-observability-security-review"
GLOSSARY = f"{MODULE}/glossary.md"
OVERVIEW, LESSON, UNMAPPED = (f"{MODULE}/{name}.md" for name in ("index", "lesson", "unmapped"))
HOME, SIGNALS, OTHER = "docs/index.md", "docs/capstone/signals.md", "docs/other.md"
DOMAIN_API = "docs/reference/api/domain.md"
VALUES = "capstone/src/service_monitoring/domain/values.py"
EVENTS = "capstone/src/service_monitoring/domain/events.py"
PARTS = ("checks", "capstone", "mkdocs.yml", "package-lock.json", "docs/assets", "docs/reference/api")
CONSOLE = ("```console", "$ cat <<'EOF'", "> '& #1", "> EOF", "'& #1", "# out", "$ true", "```")
QUESTION = ("#### 1. What?", "", '??? success "Answer"', "", "    - **A** right: that.")


def small_site(root: Path) -> Repository:
    """The API pages, the claims, a short glossary, the metrics, and two pages more: all right."""
    repository = Repository(root, *PARTS)
    pages = [
        HOME,
        OVERVIEW,
        LESSON,
        GLOSSARY,
        SIGNALS,
        OTHER,
        "docs/map.md",
        *map(str, sorted(root.glob("docs/reference/api/*"))),
    ]
    names = [page.removeprefix(f"{root}/").removeprefix("docs/") for page in pages]
    nav = "nav:\n" + "".join(f"  - {name}\n" for name in names)
    repository.replace("mkdocs.yml", r"(?s)nav:\n.*?(?=\n# Listed)", nav)
    repository.replace("mkdocs.yml", r"(?s)not_in_nav:.*?\n\n", "")
    link = "[`Sample`][service_monitoring.domain.values.Sample]"
    classes: dict[str, str] = {"alpha": "", "beta": ""}
    for kind, words in known_answers(ProofData.read()).items():
        for word in {*words} - {NONE}:
            classes[word] = f"{classes.get(word, '')} .{kind}"
    entries = [
        (f"## {word} {{{marks} }}" if marks else f"## {word}", "", f"A {link}, on [a page](../other.md).", "")
        for word, marks in sorted(classes.items())
    ]
    repository.write(GLOSSARY, "# Glossary", "", *(line for entry in entries for line in entry))
    glossary = GLOSSARY.removeprefix("docs/")
    links = [f"[{word}]({glossary}#{word.replace(' ', '-')})" for word in classes]
    repository.write(HOME, "# Home", "", ", ".join([*links, "[other](other.md)"]))
    repository.write(
        OTHER,
        "# Other",
        "",
        "Words of an alpha.",
        "",
        "```python",
        "x = 1",
        "```",
        "",
        *CONSOLE,
        "",
        *QUESTION,
    )
    mapped = (
        "| lesson |",
        "| --- |",
        "| [1. A lesson](lesson.md) |",
        "| 2. Planned |",
        "| [Glossary](glossary.md) |",
    )
    repository.write(OVERVIEW, "# Overview", "", *mapped)
    repository.write(LESSON, "# A lesson", "", "Words.")
    repository.write("docs/map.md", "# Map", "", "{$ outcomes() $}")
    rows = [
        line
        for line in (ROOT / SIGNALS).read_text(encoding="utf-8").splitlines()
        if "| `service_monitoring_" in line
    ]
    head = ("| metric | kind | unit | labels | says |", "| --- | --- | --- | --- | --- |")
    repository.write(SIGNALS, "# Signals", "", *head, *rows)
    return repository


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A small site."""
    return small_site(tmp_path_factory.mktemp("right") / "repository")


def test_a_site_that_is_right_is_green(right: Repository) -> None:
    """So that what is red below is red for its breakage."""
    built = right.python("-m", "checks.site")
    assert built.good, built.output
    pages = len(list(right.root.rglob("docs/**/*.md")))
    assert built.output == f"{pages} pages built, 0 failures\n"
    assert right.read("site/other.py").endswith("# Other\n\nx = 1\n")
    assert """data-copy="cat &lt;&lt;&#x27;EOF&#x27;\n&#x27;&amp; #1\nEOF\ntrue\">""" in right.read(
        "site/other.html"
    )
    assert '<span class="go"># out</span>' in right.read("site/other.html")
    assert "#1-what" not in re.sub(r"<h4.*?</h4>", "", right.read("site/other.html"))
    assert '<a href="other.py">' in right.read("site/other.html")


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    """Where each breakage is, by its name."""
    return {}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, places: dict[str, str]) -> Exit:
    """What the check says when everything that it looks at is broken."""
    copy = small_site(tmp_path_factory.mktemp("broken") / "repository")
    places["link"] = copy.replace(HOME, r"\(other\.md\)", "(nowhere.md)")
    places["anchor"] = copy.replace(HOME, r"#beta", "#no-such-term")
    line = copy.append(GLOSSARY, "## zebra", "", "An animal.")
    places["term not linked"] = places["term without code"] = f"{GLOSSARY}:{line}"
    line = copy.append(GLOSSARY, "## yak", "", "Some animal.")
    places["term out of order"] = places["term undefined"] = places["term not used"] = f"{GLOSSARY}:{line}"
    places["word asked for"] = f"{GLOSSARY}:1"
    places["word not asked for"] = copy.replace(GLOSSARY, r"## totality \{ \.contract", "## totality { .rung")
    copy.write("docs/stray.md", "# Stray")
    places["page outside navigation"] = "docs/stray.md:1"
    places["entry without page"] = copy.replace("mkdocs.yml", r"(?<=- )map\.md", "gone.md")
    copy.replace(DOMAIN_API, r"::: service_monitoring\.domain\.values\n", "")
    line = copy.append(DOMAIN_API, "::: service_monitoring.report")
    places["module listed elsewhere"] = f"{DOMAIN_API}:{line}"
    places["module not listed"] = f"{DOMAIN_API}:1"
    row = r"(?<=\n)\| `service_monitoring_outbox_dead` \|"
    places["metric misdescribed"] = copy.replace(
        SIGNALS, row + " gauge", r"| `service_monitoring_outbox_dead` | counter"
    )
    line = copy.append(SIGNALS, "| `service_monitoring_made_up` | gauge |")
    places["metric unknown"] = f"{SIGNALS}:{line}"
    copy.replace(EVENTS, r'\A"""[^\n]*\n', '"""Events.\n\n>>> 1 + 1\n2\n"""\n')
    places["docstring example"] = f"{EVENTS}:3"
    line = copy.append("docs/map.md", "#### 1. What?", "", "## Help", "", '!!! tip "Hint 2"', "", "    That.")
    places["question searched"] = f"docs/map.md:{line}"
    places["hint searched"] = f"docs/map.md:{line + 4}"
    copy.replace("checks/drawing/hooks.py", r"\|<h4\(\?=", "|<h5(?=")
    line = copy.append(
        "docs/map.md", "## More", "", "1. An item", "", "    ```console", "    $ true", "    ```"
    )
    places["copied"] = f"docs/map.md:{line + 4}"
    copy.write(UNMAPPED, "# A lesson that no row links")
    places["lesson without row"] = f"{OVERVIEW}:1"
    places["row without lesson"] = copy.replace(OVERVIEW, r"\(lesson\.md\)", "(../other.md)")
    line = copy.append("docs/map.md", "Words.", "", "<pre>3</pre>", "", "1. ::: service_monitoring.cli")
    places |= {"raw block": f"docs/map.md:{line + 2}", "foreign module": f"docs/map.md:{line + 4}"}
    line = copy.append("docs/map.md", "{!$ if false $!}", "", "```yaml", "a: 1", "```", "", "{!$ endif $!}")
    places["block that a template hides"] = f"docs/map.md:{line + 2}"
    line = copy.append("docs/map.md", '{$ "```yaml\\na: 2\\n```" $}')
    places["block that a template draws"] = f"docs/map.md:{line}"
    copy.write("docs/q.markdown", "```python", "raise ValueError", "```")
    places["page of another kind"] = "docs/q.markdown:1"
    copy.replace(
        EVENTS.replace("events", "rules"),
        r'\A"""[^\n]*\n',
        '"""Rules.\n\nExamples:\n    ```text\n    3\n    ```\n"""\n',
    )
    places["fence in a docstring"] = f"{EVENTS.replace('events', 'rules')}:4"
    copy.replace("checks/drawing/console.py", r"step\.command for", "step.prompts[0] for")
    line = copy.append(
        HOME,
        '<a href="nowhere.html">x</a>',
        '<img src="//cdn.invalid/x.png" alt="x">',
        '<a href="../outside.html">x</a>',
    )
    places |= {
        "link in HTML": f"{HOME}:{line}",
        "other origin": f"{HOME}:{line + 1}",
        "outside": f"{HOME}:{line + 2}",
    }
    line = copy.append(OTHER, '{$ figure("nothing", "x") $}')
    places["evidence"] = f"{OTHER}:{line}"
    copy.replace("docs/map.md", "outcomes", "rungs")
    places["claim"] = "capstone/claims.toml"
    return copy.python("-m", "checks.site")


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        ("link", "nowhere.md"),
        ("link in HTML", "there is no nowhere.html"),
        ("anchor", "#no-such-term"),
        ("outside", "leaves the site"),
        ("term not linked", "no other page links the term 'zebra'"),
        ("term without code", "links no API or capstone page"),
        ("term out of order", "'yak' comes after 'zebra'"),
        ("term undefined", "begin the definition of 'yak' with what it is"),
        ("term not used", "the definition of 'yak' links no page that uses the word"),
        ("word asked for", "no entry 'totality' with the class .contract"),
        ("word not asked for", "'totality' has the class .rung, and review does not accept it as one"),
        ("page outside navigation", "not in the navigation"),
        ("entry without page", "gone.md"),
        ("module not listed", "`::: service_monitoring.domain.values`: each public module has this line"),
        ("module listed elsewhere", "`::: service_monitoring.report`: each public module has this line"),
        ("metric misdescribed", "the catalogue says | `service_monitoring_outbox_dead` | gauge"),
        ("metric unknown", "the catalogue does not say | `service_monitoring_made_up` | gauge |"),
        ("docstring example", "below a line `Examples:`"),
        ("other origin", "loads //cdn.invalid/x.png from another origin"),
        ("evidence", "no evidence file 'nothing'"),
        ("copied", "drawn differently or not at all"),
        ("lesson without row", "unmapped.md: each lesson has a row in the lesson map"),
        ("row without lesson", "../other.md: each lesson has a row in the lesson map"),
        ("raw block", "drawn, but no check reads it"),
        ("foreign module", "`::: service_monitoring.cli`: each public module has this line"),
        ("block that a template hides", "drawn differently or not at all"),
        ("block that a template draws", "drawn, but no check reads it"),
        ("page of another kind", "only pages whose names end in .md are checked"),
        ("fence in a docstring", "below a line `Examples:`"),
        ("question searched", "the search shows '1. What?'"),
        ("hint searched", "the search shows 'Hint 2'"),
        ("claim", "no page shows the claim samples-are-facts"),
    ],
)
def test_a_broken_site_is_named_by_page_and_line(
    broken: Exit, places: dict[str, str], breakage: str, message: str
) -> None:
    """Each broken link, term, page, module and figure."""
    headline = re.compile(rf"^{re.escape(places[breakage])}(:\d+)?: .*{re.escape(message)}", re.MULTILINE)
    assert broken.status == 1
    assert headline.search(broken.output), broken.output


def test_a_build_that_is_aborted_says_why(tmp_path: Path) -> None:
    """A module that Python cannot read is named, although no page was built."""
    copy = small_site(tmp_path / "repository")
    copy.write(EVENTS, '"""Events')
    built = copy.python("-m", "checks.site")
    assert built.status == 1
    assert "service_monitoring.domain.events could not be found" in built.output
    assert built.output.endswith("\nthe build was aborted, 3 failures\n"), built.output


@pytest.mark.skipif(
    not shutil.which("chromium") and not shutil.which("chromium-browser"),
    reason="Chromium is not installed",
)
def test_what_only_a_browser_sees_is_red(right: Repository) -> None:
    """A page that needs a browser to be seen broken is opened and named."""
    right.replace("checks/drawing/glossary.py", 'tabindex="0"', 'tabindex="-1"')
    right.append(
        OTHER,
        '<p style="color: #ddd">Faint.</p>',
        '<p style="width: 900px">Wide.</p>',
        '<script>fetch("https://elsewhere.invalid/"); nothing.at.all</script>',
    )
    assert right.python("-m", "mkdocs", "build", "--quiet").good
    seen = right.python("-m", "checks.site.browser", OTHER)
    assert seen.status == 1
    for message in (
        "color-contrast (light)",
        "scrolls sideways on a phone",
        "requests https://elsewhere.invalid/ from another origin",
        "nothing is not defined",
        "no glossary term shows its tooltip",
    ):
        assert re.search(rf"^{OTHER}:1: .*{re.escape(message)}", seen.output, re.MULTILINE), seen.output


def test_an_import_against_the_layers_is_red(right: Repository) -> None:
    """The domain may not import the application; the line that does is named."""
    line = right.replace(
        VALUES,
        r"(?<=\n)(?=from __future__ import annotations\n)",
        "import service_monitoring.application.ports\n",
    ).partition(":")[2]
    lint = "import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())"
    done = right.python(
        "-c", lint, "--config=capstone/pyproject.toml", "--no-cache", PYTHONPATH="capstone/src"
    )
    assert done.status == 1
    named = rf"domain\.values\s+->\s+service_monitoring\.application\.ports\s+\(l\.{line}\)"
    assert re.search(named, done.output), done.output
