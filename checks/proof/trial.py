"""Trying a change: a copy of the capstone with the change applied, and what its tests say.

Every trial runs on a copy of one snapshot, so an edit of the working tree meanwhile changes no verdict. Only
a run that ended has verdicts; they are remembered under the digest of everything that they depend on.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import weakref
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from checks import child
from checks.child import UnfinishedError
from checks.memory import CAPSTONE_TOOLS, SHARED, Memory, digest, environment, repository_files
from checks.progress import Progress
from checks.proof import verdicts
from checks.proof.claims import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TESTED = ("capstone/pyproject.toml", "capstone/src", "capstone/tests")
"""What the capstone's tests depend on."""
LIMIT_S = 400
PATIENCE_S = 20
WORKERS = 5  # more than processors: a trial waits for servers and the disk half of its time
COMPLETE = {0, 1, 5}
"""Exit statuses of a pytest that ran all that it was asked for: green, red, and no test of that name."""
DEMO = "demo"
"""The rung of a change that does not pass `service-monitoring demo`."""
UNCHANGED = "the capstone as it is"


class DoesNotApplyError(ValueError):
    """A diff does not fit the capstone as it is now."""


@dataclass(frozen=True)
class Verdicts:
    """What the tests of a copy said, in a run that ended.

    Attributes:
        passed: How many passed, by rung.
        ran: The tests of which at least one set of parameters passed, without parameters.
        failed: Each that failed with what it said, by rung.
        accidents: Those of them that did not fail by an assertion of their own: a fixture failed, or a name
            that the test uses is gone.
        skipped: Each that was skipped, with its reason.
        seconds: How long the rung's tests took.
        not_imported: The test files that do not import, each with its error.
    """

    passed: dict[str, int] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    accidents: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    not_imported: dict[str, str] = field(default_factory=dict)

    def failures_of(self, check: str) -> dict[str, str]:
        """The failures of one test, whatever its parameters."""
        return {
            test: message
            for tests in self.failed.values()
            for test, message in tests.items()
            if test.partition("[")[0] == check
        }

    def skips_of(self, check: str) -> list[str]:
        """Why one test, with any of its parameters, was skipped."""
        return [reason for test, reason in self.skipped.items() if test.partition("[")[0] == check]


Outcome = Verdicts | DoesNotApplyError | UnfinishedError
"""What came of a trial: verdicts, or why there are none."""
NO_VERDICTS = (DoesNotApplyError, UnfinishedError)


def complete(outcome: Outcome, check: str = "") -> Verdicts:
    """The verdicts of a run that ended, and that imported the file of one check, or every test file.

    Raises:
        DoesNotApplyError: The diff does not apply.
        UnfinishedError: The run did not end, or a test file does not import.
    """
    if isinstance(outcome, Exception):
        raise outcome
    for file, message in outcome.not_imported.items():
        if not check or check.partition("::")[0] == file:
            raise UnfinishedError(f"{file} does not import: {message}")
    return outcome


@dataclass(frozen=True)
class Trial:
    """One run of tests on one changed copy.

    Attributes:
        name: What to call it while it runs.
        diff: The change; empty: none.
        targets: Tests, files or folders of tests, below `capstone/`.
        asked: Tests that are run whatever else is red; none: all targets.
    """

    name: str
    diff: str
    targets: tuple[str, ...]
    asked: tuple[str, ...] = ()

    def digest(self, capstone: str) -> str:
        """Changes with the digest of the capstone and with what is run; the same on every machine."""
        return digest(ROOT, (), capstone, self.diff, *self.targets, "asked", *self.asked)


def named(trial: Trial, outcome: Outcome) -> Verdicts:
    """`complete`, with the name of the trial in front of what it raises."""
    try:
        return complete(outcome)
    except NO_VERDICTS as error:
        raise type(error)(f"{trial.name}: {error}") from None


def capstone_digest(root: Path = ROOT) -> str:
    """Changes with every file that the capstone's tests depend on."""
    return digest(root, repository_files(root, *TESTED))


class Snapshot:
    """The capstone as it was at one moment, and copies of it; gone when nothing holds it.

    Args:
        root: The repository.

    Attributes:
        folder: What holds it, as a repository would.
        capstone: The folder of the capstone itself.
        digest: What `capstone_digest` says of it.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trials-")).resolve()
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._names = repository_files(root, *TESTED)
        for name in self._names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, self.folder / name)
        self.capstone = self.folder / "capstone"
        # Alone in a folder: nothing else of this repository is on a trial's path.
        self.plugin = self.folder / "plugin" / "verdicts.py"
        self.plugin.parent.mkdir()
        shutil.copy2(verdicts.__file__, self.plugin)
        self.digest = self.digest_now()

    def digest_now(self) -> str:
        """The digest of the files as they are."""
        return digest(self.folder, self._names)

    @contextmanager
    def changed(self, diff: str) -> Iterator[Path]:
        """A copy with a diff applied, for as long as it is needed.

        Raises:
            DoesNotApplyError: The diff does not apply; the message says what git said.
        """
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="trial-") as folder:
            capstone = Path(folder) / "capstone"
            shutil.copytree(self.capstone, capstone)
            if diff:
                # Without the ceiling git would apply nothing below a repository, and say nothing.
                alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.folder)}
                done = child.run(["git", "apply", "-p1", "-"], cwd=Path(folder), env=alone, given=diff)
                if not done.good:
                    said = "; ".join(done.output.splitlines())
                    raise DoesNotApplyError(f"does not apply to the capstone as it is: {said}")
            yield capstone


@contextmanager
def changed(diff: str, root: Path = ROOT) -> Iterator[Path]:
    """A copy of the capstone with a diff applied, for as long as it is needed.

    Raises:
        DoesNotApplyError: The diff does not apply; the message says what git said.
    """
    with Snapshot(root).changed(diff) as capstone:
        yield capstone


class Trials:
    """Runs trials side by side on copies of one snapshot, but for those whose verdicts it remembers.

    Args:
        root: The repository.
        memory: Where verdicts are remembered.
    """

    def __init__(self, root: Path = ROOT, memory: Memory | None = None) -> None:
        self.snapshot = Snapshot(root)
        shared = os.environ.get(SHARED)
        self._memory = memory or Memory("trials", Path(shared) if shared else None)

    def run(self, trials: Sequence[Trial], what: str) -> Mapping[Trial, Verdicts]:
        """The verdicts of each.

        Raises:
            DoesNotApplyError: A diff does not apply.
            UnfinishedError: A run did not end, or a test file did not import.
        """
        return {trial: named(trial, outcome) for trial, outcome in self.outcomes(trials, what).items()}

    def outcomes(self, trials: Sequence[Trial], what: str) -> Mapping[Trial, Outcome]:
        """What came of each; Ctrl-C ends what runs, in order, and leaves nothing behind."""
        found: dict[Trial, Outcome] = {}
        for trial in trials:
            if known := self._memory.known(_key(trial), self._depends_on(trial, self.snapshot.digest)):
                found[trial] = Verdicts(**known)
        waiting = [trial for trial in dict.fromkeys(trials) if trial not in found]
        over = Event()
        with Progress(len(waiting), what) as progress, ThreadPoolExecutor(WORKERS) as pool:
            running = {pool.submit(self._try, trial, progress, over): trial for trial in waiting}
            try:
                found |= {running[done]: done.result() for done in as_completed(running)}
            except BaseException:
                over.set()
                pool.shutdown(cancel_futures=True)
                raise
        return found

    def _try(self, trial: Trial, progress: Progress, over: Event) -> Outcome:
        progress.begin(trial.name)
        before = self._depends_on(trial, self.snapshot.digest)
        found: Outcome
        try:
            with self.snapshot.changed(trial.diff) as copy:
                found = self._verdicts(copy, trial, over)
            if not found.not_imported:
                now = partial(self._depends_on, trial, self.snapshot.digest_now())
                self._memory.keep(_key(trial), before, now, asdict(found))
        except NO_VERDICTS as error:
            found = error
        if not over.is_set():
            progress.step(trial.name)
        return found

    def _depends_on(self, trial: Trial, capstone: str) -> str:
        how = [file.read_text(encoding="utf-8") for file in (self.snapshot.plugin, Path(__file__))]
        return digest(ROOT, (), trial.digest(capstone), *how, environment(*CAPSTONE_TOOLS))

    def _verdicts(self, copy: Path, trial: Trial, over: Event) -> Verdicts:
        demo = self._python(copy, over, "-m", "service_monitoring", "demo")
        if demo.status:
            return Verdicts(failed={DEMO: {"service-monitoring demo": demo.last_line}})
        files = dict.fromkeys(target.partition("::")[0] for target in trial.targets)
        there = [file for file in files if (copy / file).exists()]
        if not there:
            return Verdicts()
        target = copy.parent / "verdicts.json"
        run = ["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", self.snapshot.plugin.stem]
        run += ["--continue-on-collection-errors", "--hypothesis-profile=ladder"]
        run += [f"--basetemp={copy.parent / 'scratch'}"]
        names = {
            verdicts.VERDICTS: str(target),
            verdicts.TARGETS: " ".join(trial.targets),
            verdicts.ASKED: " ".join(trial.asked or trial.targets),
        }
        done = self._python(copy, over, *run, *there, **names)
        said = json.loads(target.read_text(encoding="utf-8")) if target.is_file() else {}
        if done.status not in COMPLETE or said.pop("status", None) != done.status:
            raise UnfinishedError(f"pytest ended with status {done.status}: {done.last_line}")
        return Verdicts(**said)

    def _python(self, copy: Path, over: Event, *arguments: str, **variables: str) -> child.Exit:
        """Run Python on a copy, to its end.

        Raises:
            UnfinishedError: It was cut off.
        """
        done = child.run(
            [sys.executable, *arguments],
            cwd=copy,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(self.snapshot.plugin.parent)]),
                "PYTEST_ADDOPTS": "",
                "PYTHONDONTWRITEBYTECODE": "",  # the tests start the package many times
                "HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".cache" / "hypothesis"),  # its table of Unicode
                **variables,
            },
            limit_s=LIMIT_S,
            stop=over,
            patience_s=PATIENCE_S,
        )
        if done.cut:
            raise UnfinishedError(f"{done.cut} on this machine; nothing was recorded; run it again")
        if done.status is not None and done.status < 0:
            raise UnfinishedError(f"was ended by signal {-done.status}; nothing was recorded; run it again")
        return done


def _key(trial: Trial) -> str:
    return " ".join([trial.name, *trial.targets])
