"""Measure and write evidence files: `python -m checks.studies [NAME]`, or `invoke measure [NAME]`."""

from __future__ import annotations

import sys
from os.path import relpath
from time import monotonic

from checks.child import UnfinishedError
from checks.evidence.figures import FOLDER
from checks.evidence.measurement import NotMeasuredError
from checks.memory import ROOT
from checks.progress import Progress
from checks.studies.table import ELSEWHERE, MEASUREMENTS

INTERRUPTED_STATUS = 130


def main(arguments: list[str]) -> int:
    """Run the named measurements, or all that take less than a minute."""
    unknown = [name for name in arguments if name not in MEASUREMENTS]
    if unknown:
        print(refusal(unknown[0]), file=sys.stderr)
        return 2
    long = [name for name, measurement in MEASUREMENTS.items() if measurement.long]
    names = arguments or [name for name in MEASUREMENTS if name not in long]
    for name in (name for name in names if name in long):
        print(f"{name} takes over a minute", file=sys.stderr, flush=True)
    written, failed, status = [], [], 0
    with Progress(sum(len(MEASUREMENTS[name].steps) for name in names), "measured") as progress:
        for name in names:
            try:
                written.append(write(name, progress))
            except (NotMeasuredError, UnfinishedError) as error:
                failed.append(f"measure: {name}.json is as it was: {error}")
                status = 1
            except KeyboardInterrupt:
                failed.append(f"measure: interrupted; {name}.json is as it was")
                status = INTERRUPTED_STATUS
                break
    for line in written:
        print(line)
    for line in failed:
        print(line, file=sys.stderr)
    for name in [] if arguments else long:
        print(f"left out, because it takes over a minute: invoke measure {name}")
    return status


def write(name: str, progress: Progress) -> str:
    """Measure, and write the file if every step ended well; says where it is."""
    began = monotonic()
    evidence = MEASUREMENTS[name].measure(name, progress)
    return relpath(evidence.write(name, monotonic() - began, FOLDER), ROOT)


def refusal(name: str) -> str:
    """Why there is nothing to measure by this name, and what there is."""
    if name in ELSEWHERE:
        return f"measure: {name} is written by `{ELSEWHERE[name]}`"
    return f"measure: there is no measurement {name!r}; there are: {', '.join(MEASUREMENTS)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
