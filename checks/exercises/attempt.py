"""One attempt: the submission is graded in another process, and whatever it does becomes a message."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.exercises import judge
from checks.exercises.exercise import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from checks.exercises.exercise import Exercise

LIMIT_S = 10
MAX_OUTPUT_BYTES = 50_000


@dataclass(frozen=True)
class Verdict:
    """What became of a submission.

    Attributes:
        mistake: The name of the mistake; empty when it is solved, or could not be graded.
        message: What is wrong; empty when it is solved.
        printed: What the submission wrote while it was graded.
    """

    mistake: str = ""
    message: str = ""
    printed: str = ""

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
        limit_s: How many seconds it may take.
    """
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", judge.__file__, str(exercise.grader), str(file), shown, str(writing)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[writing],
        start_new_session=True,
    )
    os.close(writing)
    assert process.stdout is not None
    try:
        reply, printed, ended = _listen(reading, process.stdout.fileno(), time.monotonic() + limit_s)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        process.stdout.close()
        os.close(reading)
    text = printed[:MAX_OUTPUT_BYTES].decode(errors="replace")
    if len(printed) > MAX_OUTPUT_BYTES:
        return Verdict(message=f"{shown}: wrote more than {MAX_OUTPUT_BYTES:,} bytes and was ended")
    if not ended:
        message = f"{shown}: was not done after {limit_s:g} s and was ended: does a loop never end?"
        return Verdict(message=message, printed=text)
    if not reply:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        message = f"{shown}: ended Python ({how}) before anything could be graded"
        return Verdict(message=message, printed=text)
    return Verdict(**json.loads(reply), printed=text)


def _listen(reply_from: int, output_from: int, deadline: float) -> tuple[bytes, bytes, bool]:
    """The reply, the output, and whether the reply's end came before the deadline."""
    heard = {reply_from: bytearray(), output_from: bytearray()}
    ended = False
    with selectors.DefaultSelector() as selector:
        for descriptor in heard:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and len(heard[output_from]) <= MAX_OUTPUT_BYTES:
            # After the reply only what was written before it is still of interest.
            ready = selector.select(0 if ended else left)
            if not ready:
                break
            for key, _ in ready:
                data = os.read(key.fd, MAX_OUTPUT_BYTES)
                heard[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                    ended |= key.fd == reply_from
            if not selector.get_map():
                break
    return bytes(heard[reply_from]), bytes(heard[output_from]), ended
