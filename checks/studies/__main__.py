"""Measure and write evidence files: `python -m checks.studies [NAME]`, or `invoke measure [NAME]`."""

from __future__ import annotations

import sys
from os.path import relpath
from time import monotonic

from checks.evidence.figures import FOLDER, ROOT
from checks.evidence.measurement import NotMeasuredError
from checks.progress import Progress
from checks.studies.table import ELSEWHERE, MEASUREMENTS

INTERRUPTED_STATUS = 130


def main(arguments: list[str]) -> int:
    """Run the named measurements, or all that take less than a minute."""
    unknown = [name for name in arguments if name not in MEASUREMENTS]
    if unknown:
        print(refusal(unknown[0]), file=sys.stderr)
        return 2
    names = arguments or [name for name, measurement in MEASUREMENTS.items() if not measurement.long]
    progress = Progress(sum(len(MEASUREMENTS[name].steps) for name in names), "measured")
    status, name = 0, ""
    try:
        for name in names:
            status |= write(name, progress)
    except KeyboardInterrupt:
        print(f"\nmeasure: interrupted; {name}.json is as it was", file=sys.stderr)
        return INTERRUPTED_STATUS
    for name in MEASUREMENTS:
        if name not in names and not arguments:
            print(f"left out, because it takes over a minute: invoke measure {name}")
    return status


def write(name: str, progress: Progress) -> int:
    """Measure, and write the file if every step ended well."""
    measurement, began = MEASUREMENTS[name], monotonic()
    if measurement.long:
        print(f"{name} takes over a minute", file=sys.stderr, flush=True)
    try:
        evidence = measurement.measure(lambda step: progress.step(f"{name}: {step}"))
    except NotMeasuredError as error:
        print(f"\nmeasure: {name}.json is as it was: {error}", file=sys.stderr)
        return 1
    file = evidence.write(name, monotonic() - began, FOLDER)
    print(relpath(file, ROOT), flush=True)
    return 0


def refusal(name: str) -> str:
    """Why there is nothing to measure by this name, and what there is."""
    if name in ELSEWHERE:
        return f"measure: {name} is written by `{ELSEWHERE[name]}`"
    return f"measure: there is no measurement {name!r}; there are: {', '.join(MEASUREMENTS)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
