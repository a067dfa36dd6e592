"""Work on exercises: `python -m checks.exercises [NAME] [--hint] [--watch]`; without a name, list them."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from checks.child import UnfinishedError
from checks.exercises.attempt import attempt
from checks.exercises.exercise import UnknownExerciseError, read_exercise, read_exercises
from checks.exercises.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.exercises.attempt import Verdict
    from checks.exercises.exercise import Exercise

WIDTH = 100
PRINTED_LINES = 20
LOOK_EVERY_S = 0.3


def listing(exercises: Sequence[Exercise], work: Work) -> Iterator[str]:
    """Every exercise with the learner's state, and what to do next."""
    width = max(len(exercise.name) for exercise in exercises)
    states = {exercise.name: work.state(exercise) for exercise in exercises}
    for exercise in exercises:
        yield f"{exercise.name:<{width}}  {states[exercise.name]:<6}  {exercise.title}"
    solved = sum(state == "solved" for state in states.values())
    yield f"{solved} of {len(exercises)} solved; `invoke exercise NAME` begins one, and grades it"


def report(exercise: Exercise, verdict: Verdict, work: Work) -> Iterator[str]:
    """What the learner reads."""
    shown = work.shown(exercise)
    if verdict.printed:
        yield "it printed:"
        lines = verdict.printed.splitlines()
        yield from (f"  {line[:WIDTH]}" for line in lines[:PRINTED_LINES])
        if len(lines) > PRINTED_LINES:
            yield f"  … and {len(lines) - PRINTED_LINES} lines more"
    if verdict.solved:
        yield f"{shown}: solved"
        yield f"one way to do it: {exercise.solution.relative_to(exercise.folder.parents[2])}"
        return
    if verdict.mistake:
        yield f"{shown}: not yet: {verdict.mistake}"
    yield from (line for part in verdict.message.split("\n") for line in wrapped(part))
    hints = len(exercise.hints)
    left = hints - work.standing(exercise).hints
    if left:
        yield f"`invoke exercise {exercise.name} --hint` shows the next hint, {left} left"


def wrapped(text: str) -> list[str]:
    """The text as lines that fit; a quoted line of source keeps its indent."""
    width = min(WIDTH, shutil.get_terminal_size().columns)
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def grade(exercise: Exercise, work: Work) -> int:
    """Grade the learner's file once."""
    if work.begin(exercise):
        print(f"copied the starter to {work.shown(exercise)}: edit it, and run this again")
    file = work.file(exercise)
    try:
        file.read_bytes()
    except OSError as error:
        print(f"exercise: {work.shown(exercise)} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    verdict = attempt(exercise, file, work.shown(exercise))
    work.record_verdict(exercise, solved=verdict.solved)
    print(*report(exercise, verdict, work), sep="\n", flush=True)
    return 0 if verdict.solved else 1


def watch(exercise: Exercise, work: Work) -> int:
    """Grade now and after each save, until it is solved."""
    status = 1
    seen: os.stat_result | None = None
    print(f"watching {work.shown(exercise)}; Ctrl-C ends this", flush=True)
    while status == 1:
        now = None
        with suppress(OSError):
            now = work.file(exercise).stat()
        if seen is None or (now and (now.st_mtime_ns, now.st_size) != (seen.st_mtime_ns, seen.st_size)):
            if seen:
                print(f"\nsaved at {time.strftime('%H:%M:%S')}")
            status = grade(exercise, work)
            seen = now or work.file(exercise).stat()
        else:
            time.sleep(LOOK_EVERY_S)
    return status


def hint(exercise: Exercise, work: Work) -> int:
    """Show the next hint."""
    number = work.next_hint(exercise)
    print(f"hint {number} of {len(exercise.hints)}:")
    print(*wrapped(exercise.hints[number - 1]), sep="\n", flush=True)
    return 0


def ended(error: OSError) -> int:
    """Say what could not be read or written; nothing if the output was closed, as `head` does."""
    if isinstance(error, BrokenPipeError):
        # Otherwise Python writes the rest of the output once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    print(f"exercise: {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def main(arguments: Sequence[str], work: Work | None = None) -> int:
    """List, hint, watch or grade; 0: solved, 1: not yet, 2: there is nothing to grade."""
    parser = argparse.ArgumentParser(prog="invoke exercise", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="the exercise to grade")
    parser.add_argument("--hint", action="store_true", help="show the next hint")
    parser.add_argument("--watch", action="store_true", help="grade at every save, until it is solved")
    asked = parser.parse_args(arguments)
    work = work or Work()
    try:
        if not (asked.name or asked.hint or asked.watch):
            print(*listing(read_exercises(), work), sep="\n", flush=True)
            return 0
        exercise = read_exercise(asked.name)
        if asked.hint:
            return hint(exercise, work)
        return watch(exercise, work) if asked.watch else grade(exercise, work)
    except (UnknownExerciseError, UnfinishedError) as error:
        print(f"exercise: {error.args[0]}", file=sys.stderr)
        return 2
    except OSError as error:
        return ended(error)
    except KeyboardInterrupt:
        sys.stdout.flush()
        print("\nexercise: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
