"""Trying a change: a copy of the capstone with the change applied, and what its tests say.

A result is kept under `.cache/trials` by the hash of everything that it depends on, so what did not change is
not run again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from checks.progress import Progress
from checks.proof import verdicts
from checks.proof.claims import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CACHE = ROOT / ".cache/trials"
TESTED = ("pyproject.toml", "src", "tests")
"""What of the capstone its tests depend on."""
CACHES = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "mutants")
LIMIT_S = 400
PATIENCE_S = 20
WORKERS = 5  # more than processors: a trial waits for servers and the disk half of its time
DEMO = "demo"
"""The rung of a change that does not even import, or does not pass `service-monitoring demo`."""


class DoesNotApplyError(ValueError):
    """A diff does not fit the repository as it is now."""


@dataclass(frozen=True)
class Verdicts:
    """What the tests of a copy said.

    Attributes:
        passed: How many passed, by rung.
        ran: The tests of which at least one set of parameters passed, without parameters.
        failed: Each that failed with the first line of its message, by rung.
        skipped: Each that was skipped, with its reason.
        seconds: How long the rung's tests took.
    """

    passed: dict[str, int] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def answers(self, tests: Sequence[str]) -> bool:
        """Whether each of these tests has passed, failed or been skipped, or nothing could."""
        return DEMO in self.failed or all(
            test in self.ran or self.failures_of(test) or self.skips_of(test) for test in tests
        )

    def failures_of(self, check: str) -> dict[str, str]:
        """The failures of one test, whatever its parameters; of a file that does not import, all of them."""
        file = check.partition("::")[0]
        return {
            test: message
            for tests in self.failed.values()
            for test, message in tests.items()
            if test == file or test.partition("[")[0] == check
        }

    def skips_of(self, check: str) -> list[str]:
        """Why one test, with any of its parameters, was skipped."""
        return [reason for test, reason in self.skipped.items() if test.partition("[")[0] == check]


@dataclass(frozen=True)
class Trial:
    """One run of tests on one changed copy.

    Attributes:
        name: What to call it while it runs.
        diff: The change; empty: none.
        targets: Tests or folders of tests, below `capstone/`.
        asked: Tests that are run whatever else is red.
    """

    name: str
    diff: str
    targets: tuple[str, ...]
    asked: tuple[str, ...] = ()

    def key(self, digest: str) -> str:
        """The hash of everything that the result depends on."""
        parts = [digest, self.diff, *self.targets, platform.python_version(), _environment()]
        return sha256("\0".join(parts).encode()).hexdigest()[:32]


def capstone_digest(root: Path = ROOT) -> str:
    """Changes whenever something changes that the capstone's tests depend on."""
    total = sha256()
    for part in TESTED:
        top = root / "capstone" / part
        for file in sorted([top] if top.is_file() else top.rglob("*")):
            hidden = any(name.startswith((".", "__pycache__")) for name in file.relative_to(root).parts)
            if file.is_file() and not hidden:
                total.update(f"{file.relative_to(root).as_posix()}\0".encode())
                total.update(sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


@contextmanager
def changed(diff: str, root: Path = ROOT) -> Iterator[Path]:
    """A copy of the capstone with a diff applied, for as long as it is needed.

    Raises:
        DoesNotApplyError: The diff does not apply; the message says what git said.
    """
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        capstone = Path(folder) / "capstone"
        shutil.copytree(root / "capstone", capstone, ignore=CACHES)
        if diff:
            command = ["git", "apply", "-p1", "-"]
            done = subprocess.run(
                command, cwd=folder, input=diff, text=True, check=False, stderr=subprocess.PIPE
            )
            if done.returncode:
                raise DoesNotApplyError(done.stderr.strip())
        yield capstone


class Trials:
    """Runs trials side by side, and what it knows already not at all.

    Args:
        root: The repository.
        cache: Where results are kept.
    """

    def __init__(self, root: Path = ROOT, cache: Path = CACHE) -> None:
        self._root = root
        self._cache = cache
        self._digest = capstone_digest(root)
        self._over = threading.Event()

    def known(self, trial: Trial) -> Verdicts | None:
        """The kept result of a trial, if it answers everything that is asked now."""
        file = self._cache / f"{trial.key(self._digest)}.json"
        with suppress(OSError, ValueError, TypeError):
            found = Verdicts(**json.loads(file.read_text(encoding="utf-8")))
            return found if found.answers(trial.asked) else None
        return None

    def run(self, trials: Sequence[Trial], what: str) -> Mapping[Trial, Verdicts]:
        """The result of each; Ctrl-C ends what runs, in order, and leaves nothing behind.

        Raises:
            DoesNotApplyError: A diff does not apply.
        """
        results = {trial: known for trial in trials if (known := self.known(trial)) is not None}
        waiting = [trial for trial in dict.fromkeys(trials) if trial not in results]
        progress = Progress(len(waiting), what)
        with ThreadPoolExecutor(WORKERS) as pool:
            running = {pool.submit(self._try, trial): trial for trial in waiting}
            try:
                pending: set[Future[Verdicts]] = set(running)
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        results[running[future]] = future.result()
                        progress.step(running[future].name)
            except BaseException:
                self._over.set()
                pool.shutdown(cancel_futures=True)
                raise
        return results

    def _try(self, trial: Trial) -> Verdicts:
        try:
            with changed(trial.diff, self._root) as capstone:
                found = self._verdicts(capstone, trial)
        except DoesNotApplyError as error:
            raise DoesNotApplyError(f"{trial.name} does not apply: {error}") from None
        if not self._over.is_set():
            self._keep(trial, found)
        return found

    def _verdicts(self, capstone: Path, trial: Trial) -> Verdicts:
        demo = self._run(capstone, ["-m", "service_monitoring", "demo"], {})
        if demo:
            return Verdicts(failed={DEMO: {"service-monitoring demo": demo.splitlines()[-1]}})
        target = capstone.parent / "verdicts.json"
        run = ["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", verdicts.__name__]
        run += ["--continue-on-collection-errors", "--hypothesis-profile=ladder"]
        run += [f"--basetemp={capstone.parent / 'scratch'}"]
        environment = {verdicts.TARGET: str(target), verdicts.ASKED: " ".join(trial.asked or trial.targets)}
        said = self._run(capstone, [*run, *trial.targets], environment)
        if not target.is_file():
            return Verdicts(
                failed={verdicts.rung_of(trial.targets[0]): {trial.targets[0]: said.splitlines()[-1]}}
            )
        return Verdicts(**json.loads(target.read_text(encoding="utf-8")))

    def _run(self, capstone: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run Python on the copy; empty when it exits with 0, else what it said."""
        paths = [str(capstone / "src"), str(ROOT)]
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=capstone,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "PYTHONDONTWRITEBYTECODE": "",  # the tests start the package many times
                    "HYPOTHESIS_STORAGE_DIRECTORY": str(
                        self._cache.parent / "hypothesis"
                    ),  # its table of Unicode
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            waited = 0.0
            while process.poll() is None and waited < LIMIT_S and not self._over.is_set():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.25)
                waited += 0.25
            if process.poll() is None:
                _end(process)
                return f"did not end within {LIMIT_S} s"
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        return (said or f"exit status {process.returncode}") if process.returncode else ""

    def _keep(self, trial: Trial, found: Verdicts) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        file = self._cache / f"{trial.key(self._digest)}.json"
        partial = file.with_suffix(f".{threading.get_ident()}")
        partial.write_text(json.dumps(asdict(found)), encoding="utf-8")
        partial.replace(file)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the tests to end, so that their servers end too; then insist."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment() -> str:
    """Every installed distribution: another one may answer differently."""
    return sha256(
        "\n".join(sorted(f"{found.name}=={found.version}" for found in distributions())).encode()
    ).hexdigest()
