"""What the site must hold, checked both ways: glossary terms, API pages and the metrics of the service."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

from service_monitoring.signals.catalogue import METRICS, Metric

from checks.drawing.glossary import GLOSSARY, read_terms
from checks.drawing.proofs import MODULE, PUBLISHED
from checks.failure import Failure, failure_at
from checks.pages.lesson import LESSON
from checks.proof.claims import CLAIMS, ProofData
from checks.proof.reach import PACKAGE
from checks.proof.review import NONE, known_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.site.links import Site

INDEX = "search/search_index.json"
EXAMPLE = re.compile(r">>>|\s*(?:```|~~~)")
SIGNALS = "docs/capstone/signals.md"
METRIC_ROW = re.compile(r"^\| `service_monitoring_\w+` \|.*$", re.MULTILINE)
USED_ON = re.compile(r"\]\((?!(?:\.\./)*reference/api/)[^)#:]+\.md[^)]*\)")
DEFINES = re.compile(r"(?:A|An|The) ")
DEFINED_BY = re.compile(rf"\]\((?:\.\./)+(?:reference/api|capstone)/|\]\[{PACKAGE}\.|`{PACKAGE}[\w.]*`\]\[\]")
SPOILER = re.compile(
    r"\A\d+\. .*\?|(?<!\")\bHint \d|\b[A-D] (?:right|wrong): |What the rungs said|It (?:breaks|keeps every) "
)


def glossary_failures(site: Site) -> Iterator[Failure]:
    """Every term is linked from another page, and its entry has its form: what it is, its code, its use."""
    page = site.root / "docs" / GLOSSARY
    built = GLOSSARY.replace(".md", ".html")
    linked = {
        anchor
        for name, other in site.pages.items()
        if name != built
        for address in other.addresses
        if not address.other_origin
        for target, anchor in [site.target(name, address.url)]
        if target == built
    }
    path = f"docs/{GLOSSARY}"
    before = ""
    for term in read_terms(page):
        name, tip, text = term.name, term.tooltip, term.definition
        right = {
            f"{name!r} comes after {before!r}, but not in the alphabet": name.lower() >= before,
            f"begin the definition of {name!r} with what it is: A, An or The and a noun": DEFINES.match(tip),
            f"the definition of {name!r} links no page that uses the word": USED_ON.search(text),
            f"no other page links the term {name!r}": term.anchor in linked,
            f"the definition of {name!r} links no API or capstone page": DEFINED_BY.search(text),
        }
        yield from (Failure(path, term.line, message) for message, holds in right.items() if not holds)
        before = name.lower()


def asked_failures(root: Path) -> Iterator[Failure]:
    """The glossary marks as contract, rung and package exactly the words that `invoke review` accepts."""
    terms = read_terms(root / "docs" / GLOSSARY)
    for kind, words in known_answers(ProofData.read(root)).items():
        marked = {term.name: term.line for term in terms if kind in term.classes}
        for word in {*words} - {*marked, NONE}:
            message = f"no entry {word!r} with the class .{kind}: review asks for it"
            yield Failure(f"docs/{GLOSSARY}", 1, message)
        for word in {*marked} - {*words}:
            message = f"{word!r} has the class .{kind}, and review does not accept it as one"
            yield Failure(f"docs/{GLOSSARY}", marked[word], message)


def api_failures(site: Site) -> Iterator[Failure]:
    """The API pages draw exactly the public modules, each on the page of its package."""
    package = site.root / "capstone" / "src" / PACKAGE
    files = (file.relative_to(package).with_suffix("").parts for file in package.rglob("*.py"))
    public = [parts for parts in files if not any(part.startswith("_") for part in parts)]
    right = {(f"reference/api/{parts[0]}.html", ".".join((PACKAGE, *parts))) for parts in public}
    modules = {module for _, module in right}
    drawn = {(name, module) for name, page in site.pages.items() for module in modules & page.anchors}
    for name, module in right ^ drawn:
        message = f"`::: {module}`: each public module has this line, on its package's page, and nothing else"
        yield failure_at(site.root, site.source(name), [f"::: {module}"], message)


def metric_failures(root: Path) -> Iterator[Failure]:
    """The table of metrics says of each metric what the code's catalogue says, and names no other."""
    page = root / SIGNALS
    right = {_row(metric) for metric in METRICS}
    for row in right ^ set(METRIC_ROW.findall(page.read_text(encoding="utf-8"))):
        says = f"the catalogue says {row}" if row in right else f"the catalogue does not say {row}"
        yield failure_at(root, page, [row, " ".join(row.split()[:3])], says)


def claim_failures(site: Site) -> Iterator[Failure]:
    """Every claim is shown on a page, where a link can lead to it."""
    shown = {anchor for page in site.pages.values() for anchor in page.anchors}
    for claim in ProofData.read(site.root).claims:
        if claim.id not in shown:
            file = site.root / CLAIMS
            yield failure_at(site.root, file, [f'id = "{claim.id}"'], f"no page shows the claim {claim.id}")


def search_failures(site: Site) -> Iterator[Failure]:
    """The search shows no question of a lesson, no hint, no answer and no verdict."""
    index = json.loads((site.folder / INDEX).read_text(encoding="utf-8"))
    for entry in index["docs"]:
        name = entry["location"].partition("#")[0]
        if name in site.files and (found := SPOILER.search(f"{entry['title']}\n{entry['text']}")):
            yield failure_at(site.root, site.source(name), [found[0]], f"the search shows {found[0]!r}")


def lesson_failures(root: Path) -> Iterator[Failure]:
    """The lesson map of the module links each lesson, and links nothing else as one."""
    overview = root / "docs" / MODULE / "index.md"
    rows = {name for _, name in PUBLISHED.findall(overview.read_text(encoding="utf-8"))}
    files = overview.parent.rglob("*.md")
    lessons = {file.name for file in files if LESSON.fullmatch(file.relative_to(root).as_posix())}
    for name in rows ^ lessons:
        message = (
            f"{name}: each lesson has a row in the lesson map, and each row with a link leads to a lesson"
        )
        yield failure_at(root, overview, [f"]({name})"], message)


def docstring_failures(root: Path) -> Iterator[Failure]:
    """Examples are doctests and stand in their own section; outside of one they are drawn as quotations."""
    package = root / "capstone" / "src" / PACKAGE
    for file in sorted(package.rglob("*.py")):
        path = file.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                lines = (ast.get_docstring(node) or "").splitlines()
                example = next((at for at, line in enumerate(lines) if EXAMPLE.match(line)), None)
                if example is not None:
                    message = "put this example below a line `Examples:`, indent it, and begin it with `>>>`"
                    yield Failure(path, node.body[0].lineno + example, message)


def _row(metric: Metric) -> str:
    labels = (
        f"`{label.name}`" + (f" (at most {label.limit})" if label.limit else "") for label in metric.labels
    )
    return f"| `{metric.name}` | {metric.kind} | `{metric.unit}` | {', '.join(labels)} | {metric.help} |"
