"""What the capstone gives out, in the order in which it comes about: from the policy to the signals.

Run as a module it writes all of them into a folder: `python -m checks.proof.artifacts DIR`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from checks import child
from checks.memory import ROOT

TRACE = "machine-under-load"
PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TZ": "UTC"}
COMMANDS = {
    "alerts.yml": ["export-alerts"],
    "transcript.txt": ["replay", TRACE],
    "events.json": ["history", TRACE, "--json"],
    "timeline.txt": ["timeline", TRACE],
    "snapshot.json": ["snapshot", TRACE, "--json"],
}
STORY = ("log.jsonl", "traces.txt", "exposition.txt")
ARTIFACTS = (*COMMANDS, *STORY)
"""Their names, in the order in which they come about: the first that changed is where to look first."""


def write_all(folder: Path, capstone: Path) -> None:
    """Write every artifact of a capstone into a folder, in a process of its own.

    Of one that cannot be made, the file says why.
    """
    paths = [str(capstone / "src"), str(capstone / "tests"), str(ROOT)]
    env = {**os.environ, **PLAIN, "PYTHONPATH": os.pathsep.join(paths)}
    done = child.run([sys.executable, "-m", __name__, folder.absolute()], cwd=ROOT, env=env)
    for name in ARTIFACTS:
        if not (folder / name).is_file():
            (folder / name).write_text(f"not made: {done.last_line}\n", encoding="utf-8")


def _write(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state:
        env = {**os.environ, "XDG_STATE_HOME": state}
        for name, arguments in COMMANDS.items():
            command = [sys.executable, "-m", "service_monitoring", *arguments]
            done = subprocess.run(command, env=env, capture_output=True, check=False)
            why = b"not made: %s\n" % b"".join(done.stderr.splitlines()[-1:])
            (folder / name).write_bytes(why if done.returncode else done.stdout)
    # The story that the artifact rung tells too, to the same adapters.
    from support.signals import Outputs, tell_the_story  # noqa: PLC0415 - the capstone's tests are on the path here

    outputs = Outputs()
    with pytest.MonkeyPatch.context() as patch:
        tell_the_story(outputs, patch)
    (folder / "log.jsonl").write_text(outputs.lines.getvalue(), encoding="utf-8")
    (folder / "traces.txt").write_text("\n".join(outputs.trees()) + "\n", encoding="utf-8")
    (folder / "exposition.txt").write_bytes(outputs.prometheus.exposition())


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
