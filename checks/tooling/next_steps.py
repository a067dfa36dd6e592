"""What to type after one of the README's two commands, in a shell where the environment is not active yet."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from checks.memory import ROOT

ACTIVATE = "source .venv/bin/activate"
SET_UP = ("python3 tasks.py exercise", ACTIVATE)
"""What the home page tells a learner to type in a fresh clone."""
STARTED_IN = "TASKS_STARTED_IN"
"""The variable with which `python3 tasks.py` tells invoke the folder that it was started in."""


def set_up(repository: str) -> tuple[str, ...]:
    """The lines of a first set-up, from an address or a folder that can be cloned."""
    return (f"git clone {shlex.quote(repository)} module-10 && cd module-10", *SET_UP)


def next_steps(where: str = "Next", environment: Mapping[str, str] = os.environ, root: Path = ROOT) -> str:
    """The lines to print; empty inside the environment, and in a task that `invoke` started."""
    started_in, active = environment.get(STARTED_IN), environment.get("VIRTUAL_ENV")
    if not started_in or (active and Path(active).resolve() == (root / ".venv").resolve()):
        return ""
    folder = os.path.relpath(root, started_in)
    change = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    return (
        f"{where}:\n"
        f"  {change}{ACTIVATE}\n"
        "  invoke prove      # see each claim's check turn red when the claim is broken\n"
        "  invoke exercise   # list the exercises\n"
        "  invoke refresh    # after a change: renew the outputs on the pages\n"
    )
