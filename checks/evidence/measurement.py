"""What a measurement is: named steps, some of which each check runs again to hold the file to them."""

from __future__ import annotations

import json
import os
import platform
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks.evidence.figures import FOLDER, ROOT, Evidence, Figure, flat, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


PATIENCE_S = 5
QUIETLY = """\
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except KeyboardInterrupt:
    sys.exit(130)
"""
"""Runs a script that ends without a traceback when it is interrupted."""


class NotMeasuredError(Exception):
    """Something that the measurement needs is not there, or what it measured went wrong."""


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


def _nothing(_figures: Mapping[str, Any]) -> dict[str, Any]:
    return {}


class Measurement(NamedTuple):
    """What writes one evidence file.

    Attributes:
        steps: In the order in which they run.
        derive: The figures that follow from other figures; each check derives them again from the file.
        plots: The plots, likewise.
        long: Whether it takes more than a minute; then it only runs when it is named.
    """

    steps: tuple[Step, ...]
    derive: Callable[[Mapping[str, Any]], dict[str, Any]] = _nothing
    plots: Callable[[Mapping[str, Any]], dict[str, Any]] = _nothing
    long: bool = False

    def measure(self, progress: Callable[[str], None]) -> Evidence:
        """Run every step; what is said after each is its name."""
        evidence = Evidence()
        for step in self.steps:
            step.run(evidence)
            progress(step.what)
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


def drift(name: str, measurement: Measurement, folder: Path = FOLDER) -> Iterator[str]:
    """What is measured now and is not what the evidence file says, a line for each figure.

    Bytes and calls are one number for one minor version of CPython. On another one than the file's, the
    figures are not held to the file but to themselves: they are measured twice.

    Raises:
        NotMeasuredError: This machine can not measure it again.
    """
    file = folder / f"{name}.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    recorded = dict(flat(document["figures"]))
    derived = dict(flat(measurement.derive(nested(document["figures"]))))
    if _same_python(document):
        expected, now = recorded, measurement.measure_again()
    else:
        expected, now = _twice(measurement)
    found = [*_differences(expected, now, "now"), *_differences(recorded, derived, "follows as")]
    found += [
        f"{figure}: recorded with a tolerance, and no step measures it again"
        for figure in sorted(recorded.keys() - now.keys())
        if recorded[figure].tolerance is not None and now
    ]
    plots = measurement.plots(nested(document["figures"]))
    if document["plots"] != json.loads(json.dumps(plots)):
        found.append("plots: recorded otherwise than they follow from the figures")
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    for line in found:
        yield f"{shown}: {line}: `{document['command']}` renews it"


def _differences(recorded: Mapping[str, Figure], now: Mapping[str, Figure], how: str) -> Iterator[str]:
    for name, found in now.items():
        was = recorded.get(name)
        if was is None:
            yield f"{name}: not recorded, {how} {found.value:,} {found.unit}"
            continue
        allowed = f" (tolerance {found.tolerance:.0%})" if found.tolerance else ""
        if abs(found.value - was.value) > (found.tolerance or 0) * abs(was.value):
            yield f"{name}: recorded as {was.value:,} {was.unit}, {how} {found.value:,}{allowed}"
        if was.tolerance != found.tolerance:
            yield f"{name}: recorded with tolerance {was.tolerance}, measured with {found.tolerance}"


def _twice(measurement: Measurement) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Two runs of what repeats; nothing, where this machine can not run it."""
    try:
        return measurement.measure_again(), measurement.measure_again()
    except NotMeasuredError:
        return {}, {}


def record_of(*command: str) -> dict[str, Any]:
    """What a command of the capstone records when it is told `--record=FILE`.

    On a terminal it shows its own progress.

    Raises:
        NotMeasuredError: It did not end well; what it printed last is in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        with subprocess.Popen(
            [sys.executable, "-c", QUIETLY, *command, f"--record={file}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.STDOUT,
            process_group=0,
            text=True,
        ) as process:
            try:
                said, _ = process.communicate()
            except KeyboardInterrupt:
                _end(process)
                raise
        if process.returncode:
            last = "".join(f"\n{line}" for line in said.splitlines()[-20:])
            raise NotMeasuredError(f"{' '.join(command)}: exit status {process.returncode}{last}")
        return dict(json.loads(file.read_text(encoding="utf-8")))


def script(path: str) -> dict[str, Any]:
    """The names of a script of the capstone, which is on no path."""
    return runpy.run_path(str(ROOT / path))


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt a command once and give it the time to stop its servers and to remove its scratch folders."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _same_python(document: Mapping[str, Any]) -> bool:
    minor = document["measured"]["python"].split(".")[:2]
    return bool(minor == platform.python_version().split(".")[:2])
