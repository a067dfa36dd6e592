"""What a measurement is: named steps, some of which each check runs again to hold the file to them."""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks.child import UnfinishedError, run
from checks.evidence.figures import PACKAGE, Evidence, Figure, flat
from checks.memory import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from checks.progress import Progress

NOT_INSTALLED_STATUS = 3
PATIENCE_S = 5
LAST_LINES = 20


class NotMeasuredError(Exception):
    """Something that the measurement needs is not installed; the message names it."""


class Step(NamedTuple):
    """One part of a measurement.

    Attributes:
        what: What it measures, for the progress.
        run: Adds what it finds.
        again: Whether each check runs it again. Such a step takes well under a second, and all its figures
            carry a tolerance.
    """

    what: str
    run: Callable[[Evidence], None]
    again: bool = False


class Measurement(NamedTuple):
    """What writes one evidence file.

    Attributes:
        steps: In the order in which they run.
        derive: The figures that follow from other figures; each check derives them again from the file.
        plots: The plots, likewise.
        once: The figures that repeat and that no check holds, because it would take too long.
        long: Whether it takes more than a minute; then it only runs when it is named.
        reads: The folders that it measures: a long one is renewed when a file of them changes.
    """

    steps: tuple[Step, ...]
    derive: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {}
    plots: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {}
    once: tuple[str, ...] = ()
    long: bool = False
    reads: tuple[str, ...] = (PACKAGE,)

    def measure(self, name: str, progress: Progress) -> Evidence:
        """Run every step, and say so."""
        evidence = Evidence(reads=self.reads)
        for step in self.steps:
            progress.begin(f"{name}: {step.what}")
            step.run(evidence)
            progress.step(f"{name}: {step.what}")
        evidence.figures |= self.derive(evidence.figures)
        evidence.plots = self.plots(evidence.figures)
        return evidence

    def measure_again(self) -> dict[str, Figure]:
        """What the cheap steps find now, by dotted name."""
        evidence = Evidence()
        for step in self.steps:
            if step.again:
                step.run(evidence)
        return dict(flat(evidence.figures))


def record_of(*command: str) -> dict[str, Any]:
    """What a command of the capstone records when it is told `--record=FILE`.

    Raises:
        NotMeasuredError: Something that it needs is not installed.
        UnfinishedError: It found what must not be, or did not end well; its last lines are in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        # When it is interrupted, it stops its servers and removes its scratch folders.
        done = run([sys.executable, *command, f"--record={file}"], cwd=ROOT, patience_s=PATIENCE_S)
        if done.status == NOT_INSTALLED_STATUS:
            raise NotMeasuredError(done.last_line)
        if not done.good:
            last = "\n".join(done.output.splitlines()[-LAST_LINES:])
            raise UnfinishedError(f"{' '.join(command)}: exit status {done.status}\n{last}")
        return dict(json.loads(file.read_text(encoding="utf-8")))


def script(path: str) -> dict[str, Any]:
    """The names of a script of the capstone, which is on no path."""
    return runpy.run_path(str(ROOT / path))
