"""Every check of the pages is seen to go red, at the right page and line."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from checks.memory import Memory
from checks.pages import lesson, masks, plugin, program, scratch
from checks.pages.page import Fence, Page
from checks.tests.repository import PAGES, Repository

if TYPE_CHECKING:
    from checks.failure import Failure

PAGE = "docs/page.md"
OUTPUT = ("", '```text title="Output"')
PRINTS = ("```python", "print(6 * 7)", "```")


def MASKED(bounds: str) -> tuple[str, str]:  # noqa: N802 - beside OUTPUT
    """An Output whose title declares masks."""
    return "", f'```text title="Output ({bounds})"'


FOLDED = ("", '    ```text title="Output"', "    41", "    ```")
DIAGRAM = ("```mermaid", "flowchart LR", "accTitle: t", "accDescr: d", "a --> b", "```")

MODULE = "docs/module-10-performance-observability-security-review"
SEPARATORS = ("\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c")
FOLDERS = ["site", "build", "node_modules", "x.py", "venv", "__pycache__"]
LESSON_PAGE = f"{MODULE}/lesson.md"

BROKEN = {
    # what is wrong: the lines of a page, the line that is named, and the message
    "printed value": ((*PRINTS, *OUTPUT, "41", "```"), 6, "the block printed something else"),
    "folded value": (
        (*PRINTS, "", '??? example "Output"', *FOLDED),
        8,
        "the block printed something else",
    ),
    "value in another fold": ((*PRINTS, "", '??? note "Output"', *FOLDED), 7, "does not directly follow"),
    "nothing printed": (("```python", "x = 1", "```", *OUTPUT, "1", "```"), 5, "before this prints nothing"),
    "missing output": (PRINTS, 1, "this block prints"),
    "raising block": (("```python", "x = 1", "raise TypeError('no')", "```"), 3, "TypeError: no"),
    "block that exits": (("```python", "import os", "os._exit(3)", "```"), 1, "ended the interpreter"),
    "command output": (("```console", "$ echo yes", "no", "```"), 3, "`echo yes` wrote something else"),
    "exit status": (("```console", "$ false", "```"), 3, "`false` wrote something else"),
    "no program": (
        ("```python", "x = 1", "```", "", "```python", "from __future__ import annotations", "```"),
        1,
        "do not run to their end",
    ),
    "folded block that is needed": (
        ("??? note", "", "    ```python", "    x = 1", "    ```", "", "```python", "y = x", "```"),
        1,
        "without the folded blocks, the blocks of this page do not run to their end",
    ),
    "phrase": (("# What was", "asked for"), 1, "'What was\\nasked for': write name the thing"),
    "phrase in a block": (
        ("```console", "$ : so many", "```", "", "So  many."),
        5,
        "'So  many': write the number",
    ),
    "long code": (
        ("```python", "x", "y = 1" + "0" * 84, "```"),
        3,
        "89 columns: code on a page has at most 88",
    ),
    "long command": (
        ("```console", "$ : \\", "> " + "x" * 87, "```"),
        3,
        "89 columns: code on a page has at most",
    ),
    "no command": (("```console", "yes", "```"), 1, "begins with a command"),
    "diagram edge": (("```mermaid", "flowchart LR", "a ->>- b", "```", "", "W."), 3, "does not understand"),
    "no description": (("```mermaid", "flowchart LR", "a --> b", "```", "", "W."), 1, "has no accDescr"),
    "no words": (DIAGRAM, 1, "text alternative"),
    "unlabelled fence": (("```", "x", "```"), 1, "nothing checks a fence of language ''"),
    "unknown language": (("```ruby", "x", "```"), 1, "nothing checks a fence of language 'ruby'"),
    "text": (("```text", "x", "```"), 1, "a text fence is checked only as"),
    "exempt block": (
        ("```{.python notest}", "x", "```"),
        1,
        "pytest-markdown-docs does not run this block",
    ),
    "exempt by a title": (
        ('```python title="what notest means"', "print(1)", "```", *OUTPUT, "2", "```"),
        1,
        "pytest-markdown-docs does not run this block",
    ),
    "retried by a title": (
        ('```python title="try retry:3 times"', "print(1)", "```", *OUTPUT, "2", "```"),
        6,
        "the block printed something else",
    ),
    "run elsewhere by a title": (
        ('```python title="a runner:DefaultRunner b"', "print(1)", "```", *OUTPUT, "2", "```"),
        6,
        "the block printed something else",
    ),
    "uneven block": (
        ("1. One", "", "   ```python", "   x = 1", "   ```", "", "2. Two"),
        3,
        "four blanks per level",
    ),
    "uneven prose": (("1. One", "", "   More.", "", "2. Two"), 3, "four blanks per level"),
    "tab": (("!!! note", "", "\tMore."), 3, "four blanks per level"),
    "mask outside the title": ((*PRINTS, *OUTPUT, "…n", "```"), 6, "the mask …n is not in the title"),
    "mask of no line": (
        (*PRINTS, *MASKED("…n = 1 to 99"), "42", "```"),
        5,
        "the mask …n is in no line",
    ),
    "mask in words": ((*PRINTS, *MASKED("…n = a number"), "…n", "```"), 5, "…n: 'a number' has no bounds"),
    "mask of an empty range": ((*PRINTS, *MASKED("…n = 9 to 1"), "…n", "```"), 5, "'9 to 1' has no bounds"),
    "mask of any text": ((*PRINTS, *MASKED("…n = /.+/"), "…n", "```"), 5, "…n: /.+/ may be any text"),
    "mask of no pattern": ((*PRINTS, *MASKED("…n = /[/"), "…n", "```"), 5, "…n: unterminated character set"),
    "mask without a name": ((*PRINTS, *MASKED("… = 1 to 99"), "…", "```"), 5, "needs a name of its own"),
    "mask of two things": (
        (*PRINTS, *MASKED("…n = 1 to 9, …n = 40 to 50"), "…n", "```"),
        5,
        "needs a name of its own",
    ),
    "value out of its range": ((*PRINTS, *MASKED("…n = 1 to 9"), "…n", "```"), 6, "printed something else"),
    "second line behind a mask": (
        ("```python", "print('1\\n2')", "```", *MASKED("…n = 1 to 9"), "…n", "```"),
        7,
        "the block printed something else",
    ),
    "text behind a mask of milliseconds": (
        (
            "```python",
            "print('took 3 ms\\nlost 4')",
            "```",
            *MASKED("…n = 1 to 9 ms"),
            "took …n",
            "…n",
            "```",
        ),
        7,
        "the block printed something else",
    ),
    "exit status behind a mask": (
        ('```console title="Terminal (…word = /[a-z]+/)"', "$ false", "(…word status 1)", "```"),
        3,
        "`false` wrote something else",
    ),
    "exit status behind the last mask": (
        (
            '```console title="Terminal (…word = /[a-z]+/)"',
            "$ python -c 'raise SystemExit(7)'",
            "…word",
            "```",
        ),
        3,
        "wrote something else",
    ),
    "printed mask": (
        ("```python", "print('a\\u2026b')", "```", *OUTPUT, "a…b", "```"),
        1,
        "holds the mask …",
    ),
    "printed fence": (("```console", r"$ echo '\`\`\`'".replace("\\", ""), "```"), 2, "holds a fence"),
    "printed return": (("```python", r"print('a\rb')", "```", *OUTPUT, "b", "```"), 1, "a control character"),
    "printed prompt": (("```console", "$ echo a; echo '$ true'", "a", "$ true", "```"), 2, "holds a prompt"),
    "printed continuation": (("```console", "$ echo '> b'", "> b", "```"), 2, "holds a prompt"),
    "new continuation": (("```console", "$ echo '> b'", "```"), 2, "holds a prompt"),
    "printed status": (
        ("```console", "$ echo '(exit status 2)'", "(exit status 2)", "```"),
        2,
        "an exit status",
    ),
    "output of nothing": (('```text title="Output"', "x", "```"), 1, "does not directly follow"),
    "diff": (("```diff", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "-no", "+yes", "```"), 1, "does not apply"),
    "diff of a new file": (
        ("```diff", "--- /dev/null", "+++ b/x", "@@ -0,0 +1 @@", "+yes", "```"),
        1,
        "this diff does not apply to files of the repository",
    ),
    "json": (("```json", "{", '"a": NaN}', "```"), 3, "not JSON: NaN"),
    "toml": (("```toml", "a =", "```"), 2, "not TOML"),
    "yaml": (("```yaml", "a: [1", "b: 2", "```"), 3, "not YAML"),
}
QUESTIONS = (
    "## Practice",
    "",
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
    "",
    "#### 2. And what?",
)
LESSON = f"""{"word " * 138}

| a | table |
{{$ minutes() $}}

```python
print("one block")
```

??? note "Deeper"

    Folded text.

    ```console
    $ true
    ```

```console
$ true
```

## Practice

- [An exercise](../exercises/one/index.md), [again](../exercises/one/index.md)
- [One](../proposals/one/index.md) and [two](../proposals/two/index.md)

#### 1. What?

```python
print("a question's block")
```

## Closing
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the check says of one page for each way to be wrong."""
    repository = Repository(tmp_path_factory.mktemp("broken") / "repository")
    for name, (lines, _, _) in BROKEN.items():
        repository.write(f"docs/{name.replace(' ', '-')}.md", *lines)
    repository.write(LESSON_PAGE, *QUESTIONS)
    repository.write(f"{MODULE}/no-questions.md", "# Lesson", "", "### Question")
    repository.write("docs/printed.md", "```console", "$ printf '%089d' 0", "0" * 89, "```")
    for separator in SEPARATORS:
        prints = (f"x = 'a{separator}b'.count(chr({ord(separator)}))", "print(41 + x)", "```")
        for kind, value in (("right", "42"), ("wrong", "41")):
            page = (f"One{separator}line.", "", "```python", *prints, *OUTPUT, value, "```")
            repository.write(f"docs/{kind}-{ord(separator)}.md", *page)
    repository.write("docs/conftest.py", f"collect_ignore = {FOLDERS}")
    for folder in FOLDERS:
        repository.write(f"docs/{folder}/pyvenv.cfg", "home = /")
        repository.write(f"docs/{folder}/page.md", *PRINTS, *OUTPUT, "41", "```")
    repository.write("README.md", "Words,", "and <b>more</b>.", "", "    code", "", "<pre>3</pre>")
    return repository.check_pages("docs", "README.md").output


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_block_is_named_by_page_and_line(report: str, name: str) -> None:
    """Each with what is wrong with it."""
    _, line, message = BROKEN[name]
    place = re.escape(f"docs/{name.replace(' ', '-')}.md:{line}: ")
    assert re.search(rf"^{place}.*{re.escape(message)}", report, re.MULTILINE), report


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (1, "0 words on the main line: a lesson has 1,200 to 1,900"),
        (1, "0 blocks on the main line: a lesson has 10 to 18"),
        (3, "2 questions: ask at least 5"),
        (5, "this is question 1"),
        (5, "the options are A, C: three or four"),
        (5, "exactly one option is right"),
        (5, "the answer runs a block"),
        (15, "the question has no answer"),
    ],
)
def test_a_broken_lesson_is_named_by_page_and_line(report: str, line: int, message: str) -> None:
    """A page of the module is a lesson, with the rules of one, whatever headings it has."""
    assert re.search(rf"^{LESSON_PAGE}:{line}: .*{re.escape(message)}", report, re.MULTILINE), report


def test_a_lesson_without_questions_is_named(report: str) -> None:
    """Whether they were removed, or their heading has another name."""
    assert f"{MODULE}/no-questions.md:1: a lesson asks its questions below `### Questions`" in report
    assert f"{MODULE}/no-questions.md:1: 0 blocks on the main line" in report.replace("4 words", "")


@pytest.mark.parametrize("line", [2, 4, 6])
def test_what_the_readme_draws_unchecked_is_named(report: str, line: int) -> None:
    """No built page shows it: HTML in a paragraph, indented code, and a block of HTML."""
    assert f"README.md:{line}: indented code and HTML are not checked here" in report


def test_a_lesson_is_counted_by_its_main_line_and_its_practice(tmp_path: Path) -> None:
    """Tables, blocks, folded text and macros are no prose; the practice has minutes of its own."""
    page = tmp_path / "page.md"
    page.write_text(LESSON, encoding="utf-8")
    assert [*lesson.count(Page(tmp_path, page)).values()] == [140, 2, 1, 2, 1]
    assert lesson.minutes(Page(tmp_path, page)) == (5, 20)


def test_what_a_block_prints_is_as_long_as_it_is(report: str) -> None:
    """Only what is typed has to fit, and only prose is read for phrases."""
    assert not re.search(r"docs/(printed|phrase-in-a-block)\.md:[12]:", report)


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_line_is_what_editors_call_one(report: str, separator: str) -> None:
    """Other separators of Unicode are text, in prose and in code, and move no line."""
    assert f"docs/right-{ord(separator)}.md" not in report
    named = re.findall(rf"^docs/wrong-{ord(separator)}.md:.*", report, re.MULTILINE)
    assert named == [f"docs/wrong-{ord(separator)}.md:9: the block printed something else"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_page_is_collected_whatever_its_folder_is_called(report: str, folder: str) -> None:
    """And whatever other files stand beside it."""
    assert f"docs/{folder}/page.md:6: the block printed something else" in report


def test_the_difference_is_shown(report: str) -> None:
    """A block that shows something false is reported with what is true."""
    assert "--- shown\n+++ actual\n@@ -1 +1 @@\n-41\n+42" in report


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with two pages that are right."""
    monkeypatch.delenv("CI", raising=False)
    repository = Repository(tmp_path / "repository")
    repository.write(PAGE, *PRINTS, *OUTPUT, "42", "```")
    repository.write("docs/other.md", *PRINTS, *OUTPUT, "42", "```")
    return repository


SESSION = (
    "```console",
    "$ n=5; export m=6; f() { echo f $n; }",
    "$ alias again='echo aliased'",
    "$ mkdir made; cd made",
    "$ sleep 600 & server=$!",
    "```",
    "",
    "```console",
    "$ echo $n $m; f; again; basename $PWD",
    "5 6",
    "f 5",
    "aliased",
    "made",
    "$ kill -0 $server && kill $server; wait $server",
    "(exit status 143)",
    "$ echo 'it",
    "> is' | cat -; cat; read answer",
    "it",
    "is",
    "(exit status 1)",
    "$ exit 3",
    "(exit status 3)",
    "$ echo ${n-unset}",
    "unset",
    "```",
)


def test_the_commands_of_a_page_share_a_shell(repository: Repository) -> None:
    """Variables, functions, aliases, folder and jobs last over its blocks; a new page has a new shell."""
    repository.write(PAGE, *SESSION)
    repository.write("docs/other.md", *SESSION)
    exited = repository.check_pages()
    assert exited.good, exited.output
    repository.write("docs/other.md", "```console", "$ f", "f 5", "```")
    assert "docs/other.md:3: `f` wrote something else" in repository.check_pages().output


def test_a_command_imports_the_package_of_the_copy(repository: Repository) -> None:
    """The copy's package, broken, breaks the command; that of the environment is another one."""
    imports = 'python -c "import service_monitoring" 2> /dev/null'
    package = "capstone/src/service_monitoring/__init__.py"
    repository.write(package, "")
    breaks = f"$ echo 'raise RuntimeError' > {package}"
    repository.write(PAGE, "```console", f"$ {imports}", breaks, f"$ {imports}", "(exit status 1)", "```")
    exited = repository.check_pages(PAGE)
    assert exited.good, exited.output


@pytest.mark.parametrize("run", ["run_python", "run_command"])
def test_what_runs_too_long_is_cut_off(
    repository: Repository, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit, or when it is stopped; the next block starts fresh."""
    monkeypatch.setattr(scratch, "LIMIT_S", 0.5)
    stop = Event()
    page = scratch.Scratch(repository.root, repository.root / PAGE, stop)
    first, long = {
        "run_python": ("n = 1", "while n: n = 1"),
        "run_command": ("n=1", "while test $n; do :; done"),
    }[run]
    with closing(page):
        block = getattr(page, run)
        assert block(first).error == ""
        assert block(long).error == "did not end within 0.5 s"
        assert block(first).error == ""
        monkeypatch.setattr(scratch, "LIMIT_S", 20)
        stop.set()
        began = monotonic()
        assert block(long).error == "was interrupted"
        assert monotonic() - began < 10


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\f", "\v"])
def test_a_line_ends_where_an_editor_ends_it(repository: Repository, separator: str) -> None:
    """Other separators are text, above a block, in it and in what it prints."""
    above, prints = f"a{separator}b", ("```python", f"print('c{separator}d')", "```")
    repository.write(PAGE, above, "", *prints, *OUTPUT, f"c{separator}d", "```")
    exited = repository.check_pages(PAGE)
    assert exited.good, exited.output
    repository.write(PAGE, above, "", *prints, *OUTPUT, f"c{separator}e", "```")
    output = repository.check_pages(PAGE).output
    assert re.findall(r"^docs/page.md:\d+", output, re.MULTILINE) == ["docs/page.md:8"]
    assert not masks.matches(["a"], [f"a{separator}"], {})


@pytest.mark.parametrize(
    "what",
    [
        *("/.*/", "/.{3}/", "/a.*/", r"/[\s\S]+/", "/[^,]+/", r"/\S+/", r"/\D/", "/[ -~]+/", "/a*/", "/(a)/"),
        *(r"/\(exit status \d\)/", r"/(?s:.)/", "//", "a path, or none", "1 to 1", "some ms", ""),
    ],
)
def test_a_mask_that_may_be_any_text_is_refused(what: str) -> None:
    """Whatever its bounds are called."""
    with pytest.raises(ValueError, match=r"may be any text|has no bounds"):
        masks.bounds(what)


@pytest.mark.parametrize(
    ("what", "right", "wrong"),
    [
        (
            "0.5 to 400 ms",
            ["0.5 ms", "1 ms", "399.9 ms", "4e1 ms"],
            ["0.4 ms", "400.1 ms", "3", "3ms", "3 ms, lost"],
        ),
        ("-1 to 2,000", ["-1", "1,234", "1234.5"], ["-2", "2,001", "x", "1 2", ""]),
        ("1 to 60s", ["3.21s"], ["3.21 s", "3.21"]),
        ("a path", ["/", "/usr/lib/python3.11"][1:], ["usr", "/a b", "/a:1", "/a\n/b", "/(exit status 7)"]),
        (
            "a date and time",
            ["2026-11-28T01:50:17.095Z", "2026-11-28 01:50:17", "Sat Nov  8 01:35:21 2026"],
            ["2026-11-28", "now", "2026-11-28T01:50:17Z, late"],
        ),
        (r"/none|[0-9a-f]{4}\+?/", ["none", "12ab", "12ab+"], ["nonesuch", "12aB"]),
        ("a version", ["3.11.7", "3.14"], ["3", "3.", "3.11.7 (main)", "3.x"]),
        (
            "a commit or none",
            ["none", "0a" * 20, "0a" * 20 + "+changes"],
            ["", "0a", "nothing", "0a" * 20 + "+"],
        ),
    ],
)
def test_a_mask_keeps_its_bounds(what: str, right: list[str], wrong: list[str]) -> None:
    """In each place of a line, and no more than its part of it."""
    bounds = {"n": masks.bounds(what)}
    assert [
        text for text in right if not masks.fits("it took …n: …n", f"it took {text}: {text}", bounds)
    ] == []
    assert [text for text in wrong if masks.fits("it took …n", f"it took {text}", bounds)] == []


def unchanged(repository: Repository, *arguments: str, **environment: str) -> int:
    """How many blocks were not run again, in a check that is green."""
    exited = repository.check_pages(*(arguments or ("docs",)), **environment)
    assert exited.good, exited.output
    found = re.search(r'"unchanged": (\d+)', repository.read(".cache/blocks.json"))
    return int(found[1]) if found else 0


def test_a_page_that_passed_is_run_again_when_anything_changed_that_it_could_see(
    repository: Repository,
) -> None:
    """Itself, the code, a proposal or an exercise; the prose of another page is none of that."""
    assert unchanged(repository) == 0
    assert unchanged(repository) == 4
    repository.append("docs/other.md", "More words.")
    assert unchanged(repository) == 2
    for path in ("docs/data.json", "code/some.py", "docs/proposals/p/index.md", "docs/exercises/e/index.md"):
        repository.write(path, "new")
        assert unchanged(repository) == 0, path
    assert unchanged(repository) == 4


def test_with_ci_every_page_is_run(repository: Repository) -> None:
    """Whatever is remembered."""
    assert unchanged(repository) == 0
    assert unchanged(repository, CI="true") == 0


def _lines_of(text: str) -> list[str]:
    """A literal of a text that may be long, as code on a page has to be written."""
    return [repr(text[start : start + 60]) for start in range(0, len(text), 60)]


def test_a_page_that_was_edited_while_it_was_checked_is_not_known(repository: Repository) -> None:
    """What ran was the page as it was before: green then, and red now."""
    page = repository.root / PAGE
    open_it = ("from pathlib import Path", "page = Path(", *_lines_of(str(page)), ")")
    repository.write(
        "docs/a.md", "```python", *open_it, "page.write_text(page.read_text().replace('42', '41'))", "```"
    )
    assert repository.check_pages().good
    assert "41" in repository.read(PAGE)
    exited = repository.check_pages()
    assert f"{PAGE}:6: the block printed something else" in exited.output


def test_a_package_that_was_edited_while_it_was_checked_is_not_seen(repository: Repository) -> None:
    """Blocks run in a copy that was made when the run began, and import the package from there."""
    package = repository.root / "capstone/src/service_monitoring/__init__.py"
    repository.write("capstone/src/service_monitoring/__init__.py", "answer = 42")
    edit = ("import pathlib", "pathlib.Path(", *_lines_of(str(package)), ").write_text('answer = 41')")
    repository.write("docs/a.md", "```python", *edit, "```")
    asks = ("import service_monitoring", "print(service_monitoring.answer)")
    repository.write("docs/b.md", "```python", *asks, "```", *OUTPUT, "42", "```")
    assert repository.check_pages().good
    assert "docs/b.md:7: the block printed something else" in repository.check_pages().output


@pytest.mark.parametrize(
    "option", ["--deselect=docs/page.md::[CodeFence#1][line:2]", "-kpage", "--maxfail=1"]
)
def test_a_page_of_which_a_part_was_left_out_is_not_known(repository: Repository, option: str) -> None:
    """Its false block did not pass: it was not run."""
    repository.write(PAGE, *PRINTS, *OUTPUT, "41", "```")
    repository.check_pages(option, "docs/page.md")
    assert "the block printed something else" in repository.check_pages().output


def test_a_block_that_pytest_markdown_docs_loses_is_named(repository: Repository) -> None:
    """The items are known by the line that pytest reports of them: should that move, it is red here."""
    moved = (
        "import sys, pytest",
        "from pytest_markdown_docs.plugin import MarkdownInlinePythonItem as Item",
        "Item.reportinfo = lambda self: (self.path, 0, self.name)",
        "sys.exit(pytest.main(sys.argv[1:]))",
    )
    exited = repository.python("-c", "\n".join(moved), *PAGES[2:], "docs/page.md")
    assert "docs/page.md:1: pytest-markdown-docs does not run this block" in exited.output


def test_an_interrupted_check_leaves_nothing_behind(repository: Repository, tmp_path: Path) -> None:
    """No copy of the repository."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    repository.write("docs/a.md", "```console", "$ kill -INT $PPID; sleep 60", "```")
    exited = repository.check_pages(TMPDIR=str(scratch))
    assert "KeyboardInterrupt" in exited.output
    assert list(scratch.iterdir()) == []


def test_a_program_is_run_again_when_a_file_that_it_reads_changed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever file it is, as long as it is no page."""
    monkeypatch.delenv("CI", raising=False)
    repository.write("data.txt", "1")
    repository.write("docs/a.md", "```python", "assert open('data.txt').read() == '1\\n'", "```")
    page, memory = Page(repository.root, repository.root / "docs/a.md"), Memory("programs", repository.root)
    assert list(program.problems(page, memory)) == []
    repository.write("data.txt", "2")
    assert len(list(program.problems(page, memory))) == 1


def test_a_parser_that_fails_itself_is_named_by_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new language's first mistake is a line, not a traceback of ours."""

    def parse(fence: Fence, root: Path) -> list[Failure]:
        raise LookupError(f"{fence.language} below {root.name}")

    monkeypatch.setattr(plugin, "PARSERS", {"ini": parse})
    monkeypatch.setattr(plugin, "_runs", SimpleNamespace(copy=Path("copy")), raising=False)
    fence = Fence("docs/a.md", 3, 5, "", "ini", "a")
    failures = plugin._block(Path("docs/a.md"), fence)  # noqa: SLF001 - nothing else calls a parser
    found = [str(failure) for failure in failures]
    assert found == ["docs/a.md:3: the parser of ini failed: LookupError: ini below copy"]
