"""The project's tasks: `python3 tasks.py TASK` on any machine, `invoke TASK` inside .venv.

Run as a script, this file must parse on any Python 3, to be able to say which one is needed.
"""

import os
import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11) or os.name != "posix":
        sys.stderr.write(
            "This project needs Python 3.11 or newer on Linux or macOS (on Windows: in WSL); "
            "this is Python {}.{} on {}.\n".format(sys.version_info[0], sys.version_info[1], sys.platform)
        )
        sys.exit(2)
    from checks.tooling import setup

    setup.main(sys.argv[1:])

import signal
import subprocess
import tomllib
from pathlib import Path

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.parser.parser import ParseMachine
from invoke.tasks import task

from checks.tooling.long import run_each

ROOT = Path(__file__).resolve().parent
OPTIONS = tomllib.loads((ROOT / "checks/tooling/options.toml").read_text(encoding="utf-8"))
"""What each option of a task does."""

# Material's notice about MkDocs 2 would open the output of every build; requirements.in says what is pinned.
os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")

_complete_context = ParseMachine.complete_context


def complete_context(machine: ParseMachine) -> None:
    """Let a positional argument be left out; invoke itself takes each one as required."""
    for argument in getattr(machine.context, "missing_positional_args", []):
        argument.value = ""
    _complete_context(machine)


setattr(ParseMachine, "complete_context", complete_context)  # noqa: B010 - there is no hook for it


def run(module: str, *names: str | None, **options: str | bool) -> None:
    """Run a module with this Python; it answers Ctrl-C and SIGTERM, and its exit status is the task's.

    Args:
        module: The module.
        names: Its arguments, without those that were not given.
        options: Its options: a text is a value, `True` a flag.
    """
    given = [f"--{key}" if value is True else f"--{key}={value}" for key, value in options.items() if value]
    command = [sys.executable, "-m", module, *given, *filter(None, names)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        status = process.wait()
    if status:
        raise Exit(code=status)


@task(help={"port": "the port to try first"})
def serve(_: Context, port: str = "8000") -> None:
    """Serve the site on this machine, rebuilt and reloaded at every change."""
    # The server takes this process's place, so that what ends the task ends the server.
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "checks.tooling.serve", port])


@task(help={"only": "the name of the one part to run"})
def check(_: Context, only: str = "") -> None:
    """Run every check; name each failure by page and line."""
    run("checks.run", only=only)


@task(positional=["name"], help={"name": "the page to run, as its file is called"})
def page(_: Context, name: str | None = None) -> None:
    """Run the Python blocks of a page here, one after the other."""
    run("checks.pages.program", name)


@task
def refresh(_: Context) -> None:
    """Rewrite the outputs recorded on the pages, as a diff to review."""
    run("checks.pages.refresh")


@task
def build(_: Context) -> None:
    """Build the site into site/; a warning is an error."""
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet")
    status = run_each("build", {"the site": command}, ROOT)
    if status:
        raise Exit(code=status)
    print("built site/: open site/index.html")


@task(positional=["name"], help={"name": "the one measurement to repeat"})
def measure(_: Context, name: str | None = None) -> None:
    """Measure again and write the evidence files that pages draw their figures from."""
    run("checks.studies", name)


@task(help=OPTIONS["prove"])
def prove(  # noqa: PLR0913, PLR0917 - what a reviewer may ask
    _: Context,
    claim: str = "",
    contract: str = "",
    rung: str = "",
    into: str = "",
    verify: str = "",
    against: str = "",
) -> None:
    """See each claim's check green as it is and red with each drift; write a bundle that says so."""
    filters = {"claim": claim, "contract": contract, "rung": rung}
    run("checks.proof.prove", into=into, verify=verify, against=against, **filters)


@task(positional=["name"], help=OPTIONS["review"])
def review(  # noqa: PLR0913 - what a reviewer may ask
    _: Context,
    name: str | None = None,
    answers: str = "",
    *,
    exam: bool = False,
    seed: str = "",
    apply: bool = False,
    undo: bool = False,
) -> None:
    """Judge a change proposal, then see what its diff does; without a name, list them."""
    run("checks.proof.review", name, answers=answers, exam=exam, seed=seed, apply=apply, undo=undo)


@task(positional=["name"], help=OPTIONS["exercise"])
def exercise(_: Context, name: str | None = None, *, hint: bool = False, watch: bool = False) -> None:
    """Grade your answer to an exercise and name the mistake; without a name, list them."""
    run("checks.exercises", name, hint=hint, watch=watch)


@task(positional=["name"], help={"name": "try this one change, and record nothing"})
def ladder(_: Context, name: str | None = None) -> None:
    """Run every change proposal on every rung, and record what sees it first."""
    run("checks.proof.ladder", name)


@task(positional=["name"], help=OPTIONS["propose"])
def propose(_: Context, name: str, title: str = "", motive: str = "") -> None:
    """Turn your change of capstone/src into a change proposal, and take it back from the working tree."""
    run("checks.proof.propose", name, title=title, motive=motive)


@task
def bench(_: Context) -> None:
    """Print what the service's promises cost, and what a replay of a million samples does."""
    run("checks.studies.ratios")
    run("checks.studies.bench")


@task
def coverage(_: Context) -> None:
    """Run the capstone's suites and see which branches of its inside they take: at least 97 %."""
    run("checks.tooling.coverage")


@task
def lock(_: Context) -> None:
    """Resolve requirements.in and package.json again and write both lock files."""
    run("checks.tooling.lock")
