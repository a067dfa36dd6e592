"""One attempt: the submission is graded in another process, and whatever it does becomes a message."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.child import POLL_S, Child, UnfinishedError
from checks.exercises import judge
from checks.exercises.exercise import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from checks.exercises.exercise import Exercise

START_S = 60
LIMIT_S = 10
MAX_OUTPUT_BYTES = 50_000


class GraderError(UnfinishedError):
    """The grader is wrong, so there is no verdict.

    Attributes:
        line: Where it stopped.
        what: What stopped it.
    """

    def __init__(self, grader: Path, line: int, what: str) -> None:
        super().__init__(f"{grader.relative_to(grader.parents[3])}:{line}: {what}")
        self.line, self.what = line, what


@dataclass(frozen=True)
class Verdict:
    """What became of a submission.

    Attributes:
        mistake: The name of the mistake; empty when it is solved, or could not be graded.
        message: What is wrong; empty when it is solved.
        printed: What the submission wrote while it was graded.
        line: Where the grader stopped, if the submission made it stop.
    """

    mistake: str = ""
    message: str = ""
    printed: str = ""
    line: int = 0

    @property
    def solved(self) -> bool:
        """Whether there is nothing left to say."""
        return not self.message


def attempt(exercise: Exercise, file: Path, shown: str, *, limit_s: float = LIMIT_S) -> Verdict:
    """Grade a submission; nothing that it does ends, floods or outlasts this process.

    Args:
        exercise: Its grader is asked.
        file: The submission.
        shown: What messages call it; its suffix says what it is.
        limit_s: How many seconds it may take, from when the judge has loaded the grader.

    Raises:
        UnfinishedError: There is no verdict, for a reason that is not the submission's.
    """
    reading, writing = os.pipe()
    seal = secrets.token_hex().encode()
    command = [sys.executable, "-P", judge.__file__, str(exercise.grader), str(file), shown, str(writing)]
    try:
        with (
            open(reading, "rb"),  # noqa: PTH123 - a descriptor
            open(writing, "wb") as handed_on,  # noqa: PTH123 - likewise
            Child(command, cwd=ROOT, pass_fds=[writing], stdin=subprocess.PIPE) as child,
        ):
            handed_on.close()
            assert child.process.stdin is not None
            with suppress(BrokenPipeError), child.process.stdin as stdin:
                stdin.write(seal)
            select.select([reading], [], [], START_S)  # the judge begins, or has ended
            deadline = time.monotonic() + limit_s
            done = child.wait(limit_s, max_bytes=MAX_OUTPUT_BYTES)
            heard, whole = _listen(reading, child, deadline)
            flooded, printed = child.written > MAX_OUTPUT_BYTES, child.said()
    except UnfinishedError as error:
        raise UnfinishedError(f"the judge of {exercise.name} {error}") from None
    # Until the judge has loaded the grader, and says so by an empty line, nothing is the submission's fault.
    loaded = heard.startswith(b"\n")
    *reply, _ = heard.partition(seal)[2].decode(errors="replace").split("\0", 4)
    mistake, message, line, broken = reply or ["", "", "0", ""]
    if broken:
        raise GraderError(exercise.grader, int(line), broken)
    if not loaded:
        raise UnfinishedError(f"the judge of {exercise.name} did not start: {done.last_line}")
    if flooded:
        return Verdict(message=f"{shown}: wrote more than {MAX_OUTPUT_BYTES:,} bytes and was ended")
    if done.cut or not whole:
        message = f"{shown}: was not done after {limit_s:g} s and was ended: does a loop never end?"
        return Verdict(message=message, printed=printed)
    if not reply:
        how = f"signal {-done.status}" if done.status and done.status < 0 else f"exit status {done.status}"
        message = f"{shown}: ended Python ({how}) before anything could be graded"
        return Verdict(message=message, printed=printed)
    return Verdict(mistake, message, printed, int(line))


def _listen(reply: int, child: Child, deadline: float) -> tuple[bytes, bool]:
    """What the judge replied, and whether that is all: a process that it left behind may still reply."""
    heard = b""
    while True:
        left = max(0.0, min(POLL_S, deadline - time.monotonic()))
        if select.select([reply], [], [], left)[0]:
            if not (data := os.read(reply, MAX_OUTPUT_BYTES)):
                return heard, True
            heard += data
        elif not left or child.written > MAX_OUTPUT_BYTES:
            return heard, False
