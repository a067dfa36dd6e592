"""The exercises' own check, `python -m checks.exercises.check`: each rule that one breaks, by file and line.

The starter fails with a message, the solution passes, and each wrong submission is told exactly its own
mistake; one that makes two of them is told one of the two. Submissions are graded the way a learner's are.
Those of an exercise that passed are not graded again until something changes that its verdicts depend on.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import SequenceMatcher
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from checks.child import UnfinishedError
from checks.exercises.attempt import GraderError, Verdict, attempt
from checks.exercises.exercise import EXERCISES, KINDS, LINK, ROOT, Exercise
from checks.failure import Failure
from checks.memory import Memory, digest, environment, repository_files
from checks.pages.numbers import NUMBER
from checks.pages.page import Page
from checks.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WORKERS = 2
FEWEST_MISTAKES = 3
FEWEST_HINTS = 2
NOT_IN_A_BROWSER = frozenset(
    ("_thread", "asyncio", "concurrent", "multiprocessing", "os", "pty", "socket", "subprocess", "threading")
)
GRADING = ("checks/exercises", "checks/child.py", "capstone/src", "docs/assets/evidence")
"""What verdicts depend on, besides the folder of the exercise and Python."""
PLACEHOLDER = re.compile(r"\{(\w*)[^}]*\}")
HINT = re.compile(r"^(\?\?\?\+?|!!!) .*\bhint\b", re.IGNORECASE)


class Grader:
    """What the source of a grader says, without running it.

    Attributes:
        path: Where it is, relative to the repository.
        messages: Each mistake's message.
        lines: The line of each mistake's name.
        constants: What messages may name as `{NAME}`, with a format behind a colon.
        failures: What is wrong with it.
    """

    def __init__(self, root: Path, file: Path) -> None:
        self.path = file.relative_to(root).as_posix()
        self.messages: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            self.failures = [Failure(self.path, line, f"this is not Python: {error}")]
            return
        assigned = (found for node in tree.body if isinstance(node, ast.Assign) for found in ast.walk(node))
        self.constants = {found.id for found in assigned if isinstance(found, ast.Name)}
        unread = list(self._read_messages(tree))
        self.failures = [*unread, *self._definitions(tree), *self._imports(tree), *self._wording()]

    def _read_messages(self, tree: ast.Module) -> Iterator[Failure]:
        for node in tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="MISTAKES")], value=ast.Dict() as table)
                    | ast.AnnAssign(target=ast.Name(id="MISTAKES"), value=ast.Dict() as table)
                ):
                    for key, value in zip(table.keys, table.values, strict=True):
                        match key, value:
                            case ast.Constant(value=str(name), lineno=line), ast.Constant(value=str(text)):
                                self.messages[name], self.lines[name] = text, line
                            case _:
                                message = "write the name and the message as plain text, between quotes"
                                yield Failure(self.path, value.lineno, message)

    def _definitions(self, tree: ast.Module) -> Iterator[Failure]:
        if not self.messages:
            yield Failure(self.path, 1, 'define MISTAKES = {"name": "message", …}')
        if not any(isinstance(node, ast.FunctionDef) and node.name == "grade" for node in tree.body):
            yield Failure(self.path, 1, "define grade(submission), which gives a name of MISTAKES or None")

    def _imports(self, tree: ast.Module) -> Iterator[Failure]:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            module = [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            for name in module or [alias.name for alias in node.names]:
                top = name.partition(".")[0]
                if top in NOT_IN_A_BROWSER:
                    message = f"imports {name}: a grader runs in a browser too, without processes and threads"
                    yield Failure(self.path, node.lineno, message)
                elif top != "service_monitoring" and top not in sys.stdlib_module_names:
                    message = f"imports {name}: a grader uses only the standard library and the capstone"
                    yield Failure(self.path, node.lineno, message)

    def _wording(self) -> Iterator[Failure]:
        seen: dict[str, str] = {}
        for name, message in self.messages.items():
            if not message.endswith((".", "?")):
                yield Failure(self.path, self.lines[name], f"end the message of {name!r} with a . or a ?")
            if message in seen:
                told = f"{name!r} has the message of {seen[message]!r}: say what is wrong here"
                yield Failure(self.path, self.lines[name], told)
            seen[message] = name
            held = PLACEHOLDER.sub(lambda found: " " * len(found[0]), message)
            for found in NUMBER.finditer(held):
                told = f"{name!r} says {found[0]}: write {{NAME}}, a constant of the grader, or no number"
                yield Failure(self.path, self.lines[name], told)
            for unknown in {*PLACEHOLDER.findall(message)} - self.constants:
                yield Failure(
                    self.path, self.lines[name], f"{name!r} has {{{unknown}}}, which is no constant"
                )


def missing_files(root: Path, folder: Path) -> Iterator[Failure]:
    """What a folder of an exercise lacks."""

    def at(name: str, message: str) -> Failure:
        return Failure((folder / name).relative_to(root).as_posix(), 1, message)

    kinds = [kind for kind in KINDS if (folder / f"starter{kind}").is_file()]
    if not (folder / "index.md").is_file():
        yield at("index.md", "is missing: write the page, with its title, its text and its hints")
    if not (folder / "grader.py").is_file():
        yield at("grader.py", "is missing: checks/exercises/exercise.py says what it defines")
    if len(kinds) != 1:
        yield at(
            "starter.py", "stands beside starter.toml: keep one" if kinds else "or starter.toml is missing"
        )
        return
    if not (folder / f"solution{kinds[0]}").is_file():
        yield at(f"solution{kinds[0]}", "is missing: write the reference, of the starter's kind")
    files = [file for file in sorted((folder / "mistakes").glob("[!.]*")) if file.is_file()]
    if len(files) < FEWEST_MISTAKES:
        message = f"is missing: write at least {FEWEST_MISTAKES} wrong submissions, there are {len(files)}"
        yield at(f"mistakes/NAME{kinds[0]}", message)
    for file in files:
        if file.suffix != kinds[0]:
            yield at(f"mistakes/{file.name}", f"is no submission: name it like the starter, {kinds[0]}")


def page_failures(root: Path, exercise: Exercise) -> Iterator[Failure]:
    """What is wrong with the page of an exercise."""
    page = Page(root, exercise.folder / "index.md")
    if not re.match(r"# \S", page.text):
        yield Failure(page.path, 1, "the first line is the title: `# `, then what the exercise is called")
    first = next((line for line, text in enumerate(page.lines[1:], 2) if text.strip()), 1)
    if not re.match(r"[\w`*]", exercise.summary) or exercise.summary.startswith("```"):
        message = "below the title stands a paragraph that says what to do: the list of exercises shows it"
        yield Failure(page.path, first, message)
    if LINK.search(exercise.summary):
        message = "take the link out of the first paragraph: the list of exercises shows it on another page"
        yield Failure(page.path, first, message)
    hints = [line for line, text in enumerate(page.lines, 1) if HINT.match(text)]
    for number, line in enumerate(hints, 1):
        if page.lines[line - 1].rstrip() != (right := f'??? tip "Hint {number}"'):
            yield Failure(page.path, line, f"this is hint {number}: begin it with `{right}`")
        elif not next((text for text in page.lines[line:] if text.strip()), "").startswith("    "):
            message = "this hint has no text: write it below, indented by four blanks"
            yield Failure(page.path, line, message)
    if len(hints) < FEWEST_HINTS:
        message = (
            f'write {FEWEST_HINTS} hints or more: the next begins with `??? tip "Hint {len(hints) + 1}"`'
        )
        yield Failure(page.path, len(page.lines), message)
    command = f"$ invoke exercise {exercise.name}"
    if not any(fence.kind == "console" and command in fence.lines for fence in page.fences):
        message = f"no console block has the line `{command}`: show what the starter is told"
        yield Failure(page.path, len(page.lines), message)


def submissions(exercise: Exercise) -> list[Path]:
    """Everything of an exercise that is graded."""
    return [exercise.starter, exercise.solution, *exercise.mistakes.values()]


def combined(exercise: Exercise, folder: Path) -> dict[Path, set[str]]:
    """Submissions that make two mistakes at once: every two that change different lines of the solution."""
    right = statements(exercise.solution)
    changes = {
        name: [
            (start, end, lines[first:last])
            for kind, start, end, first, last in SequenceMatcher(None, right, lines).get_opcodes()
            if kind != "equal"
        ]
        for name, file in exercise.mistakes.items()
        for lines in [statements(file)]
    }
    made: dict[Path, set[str]] = {}
    for names in combinations(sorted(changes), 2):
        both = sorted(change for name in names for change in changes[name])
        if all(one[1] <= two[0] and one[:2] != two[:2] for one, two in pairwise(both)):
            lines = list(right)
            for start, end, other in reversed(both):
                lines[start:end] = other
            file = folder / f"{' and '.join(names)}{exercise.solution.suffix}"
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            made[file] = {*names}
    return made


def statements(file: Path) -> list[str]:
    """The lines of a submission without its comments, and without what says in words which mistake it is."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        with suppress(SyntaxError):
            tree = ast.parse(text)
            tree.body = tree.body[1:] if ast.get_docstring(tree) else tree.body
            return ast.unparse(tree).splitlines()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def grade(exercises: Mapping[Exercise, Iterable[Path]]) -> dict[Path, Verdict | UnfinishedError]:
    """The verdict on each submission, or why there is none."""

    def one(exercise: Exercise, file: Path) -> Verdict | UnfinishedError:
        try:
            return attempt(exercise, file, file.name)
        except UnfinishedError as error:
            return error

    verdicts: dict[Path, Verdict | UnfinishedError] = {}
    with Progress(len(exercises), "exercises graded") as progress, ThreadPoolExecutor(WORKERS) as pool:
        running = {
            exercise: {file: pool.submit(one, exercise, file) for file in files}
            for exercise, files in exercises.items()
        }
        try:
            for exercise, graded in running.items():
                progress.begin(exercise.name)
                verdicts |= {file: future.result() for file, future in graded.items()}
                progress.step(exercise.name)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return verdicts


def ungraded(path: str, grader: Grader, verdict: Verdict | UnfinishedError) -> Failure | None:
    """Why a submission has neither passed nor been told a mistake; None: it has."""
    match verdict:
        case GraderError():
            return Failure(grader.path, verdict.line, verdict.what)
        case UnfinishedError():
            return Failure(path, 1, f"was not graded: {verdict}")
        case Verdict(mistake="", message=message) if message:
            if verdict.line:
                return Failure(grader.path, verdict.line, f"the grader stops here for {path}", message)
            return Failure(path, 1, "could not be graded", message)
    return None


def misjudged(exercise: Exercise, grader: Grader, file: Path, verdict: Verdict) -> str:
    """How a verdict is not the one that the name of the submission promises; empty: it is."""
    told = f"is told {verdict.mistake!r}" if verdict.mistake else "passes"
    if file == exercise.starter:
        return f"the starter {told}: leave the learner something to do" if verdict.solved else ""
    if file == exercise.solution:
        if verdict.solved:
            return "the solution prints something, and every learner would read it" if verdict.printed else ""
        return f"the solution {told}"
    if file.stem not in grader.messages:
        return f"has no message: add {file.stem!r} to MISTAKES in grader.py"
    return "" if verdict.mistake == file.stem else f"{told}, and not {file.stem!r}"


def verdict_failures(
    root: Path,
    exercise: Exercise,
    grader: Grader,
    pairs: Mapping[Path, set[str]],
    verdicts: Mapping[Path, Verdict | UnfinishedError],
) -> Iterator[Failure]:
    """What is wrong with the verdicts on the submissions of an exercise."""
    wrong: set[str] = set()
    for file in submissions(exercise):
        path, verdict = file.relative_to(root).as_posix(), verdicts[file]
        failure = ungraded(path, grader, verdict)
        if not failure and isinstance(verdict, Verdict):
            message = misjudged(exercise, grader, file, verdict)
            failure = Failure(path, 1, message, verdict.message or verdict.printed) if message else None
        if failure:
            wrong.add(file.stem)
            yield failure
    for file, made in pairs.items():
        verdict = verdicts[file]
        told = verdict.mistake if isinstance(verdict, Verdict) else str(verdict)
        if told not in made and not made & wrong:
            message = f"with {' and '.join(sorted(made))} at once, a learner is told {told or 'neither'!r}"
            yield Failure(grader.path, 1, message, verdict.message if isinstance(verdict, Verdict) else "")
    starter = verdicts[exercise.starter]
    of_starter = {starter.mistake} if isinstance(starter, Verdict) else grader.lines.keys()
    for name in sorted(grader.lines.keys() - exercise.mistakes.keys() - of_starter):
        message = f"no submission makes the mistake {name!r}: add mistakes/{name}{exercise.starter.suffix}"
        yield Failure(grader.path, grader.lines[name], message)


def main(root: Path = ROOT, memory: Memory | None = None) -> int:
    """Print every failure; the exit status is 1 when there is any."""
    memory = memory or Memory("exercises")

    def state(exercise: Exercise) -> str:
        folder = exercise.folder.relative_to(root).as_posix()
        return digest(root, repository_files(root, folder, *GRADING), environment())

    failures: list[Failure] = []
    changed: list[tuple[Exercise, Grader, str]] = []
    folders = sorted(folder for folder in (root / EXERCISES).iterdir() if folder.is_dir())
    unchanged = 0
    for folder in folders:
        if missing := list(missing_files(root, folder)):
            failures += missing
            continue
        exercise = Exercise(folder)
        grader, now = Grader(root, exercise.grader), state(exercise)
        failures += [*grader.failures, *page_failures(root, exercise)]
        if memory.known(exercise.name, now):
            unchanged += len(submissions(exercise))
        elif grader.messages:
            changed.append((exercise, grader, now))
    with tempfile.TemporaryDirectory() as scratch:
        pairs = {
            exercise: combined(exercise, Path(tempfile.mkdtemp(dir=scratch))) for exercise, *_ in changed
        }
        verdicts = grade({exercise: [*submissions(exercise), *pairs[exercise]] for exercise, *_ in changed})
    for exercise, grader, before in changed:
        found = list(dict.fromkeys(verdict_failures(root, exercise, grader, pairs[exercise], verdicts)))
        if not found:
            memory.keep(exercise.name, before, partial(state, exercise))
        failures += found
    for failure in failures:
        print(failure)
    known = f", {unchanged} unchanged since they were right" if unchanged else ""
    print(f"{len(folders)} exercises, {len(verdicts)} submissions graded{known}, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("exercises: interrupted", file=sys.stderr)
        sys.exit(130)
