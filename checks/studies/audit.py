"""What the evidence files say is still so: `python -m checks.studies.audit`.

Each file has its section and its command, each figure says how it is held, and what is cheap is measured
again. What cannot be measured, because something is not installed, is named by a line that begins with
SKIPPED.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from checks.child import UnfinishedError
from checks.evidence.comparison import EVIDENCE, outdated_figures, unheld_figures
from checks.evidence.measurement import NotMeasuredError
from checks.evidence.sections import section_failures
from checks.failure import Failure, command
from checks.memory import ROOT
from checks.progress import Progress
from checks.studies.table import COMMANDS, MEASUREMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from checks.evidence.measurement import Measurement


@command("evidence", "evidence: interrupted")
def main(
    root: Path = ROOT,
    measurements: Mapping[str, Measurement] = MEASUREMENTS,
    commands: Mapping[str, str] = COMMANDS,
) -> int:
    """Print every failure; the exit status is 1 when there is any."""
    found = list(section_failures(root, commands))
    names = [name for name in commands if (root / EVIDENCE / f"{name}.json").is_file()]
    skipped = []
    with Progress(len(names), "evidence files compared") as progress:
        for name in names:
            progress.begin(name)
            try:
                for failure in compare(root, name, measurements.get(name)):
                    found.append(failure)  # noqa: PERF402 - those before an error count too
            except NotMeasuredError as error:
                skipped.append(f"SKIPPED {name}: {error}")
            except Exception as error:  # noqa: BLE001 - one that cannot be compared does not hide the others
                kind = "" if isinstance(error, UnfinishedError) else f"{type(error).__name__}: "
                first, _, rest = f"could not be measured again: {kind}{error}".partition("\n")
                found.append(Failure(f"{EVIDENCE}/{name}.json", 1, first, rest))
            progress.step(name)
    for line in [*map(str, found), *skipped]:
        print(line)
    print(f"{len(names)} evidence files compared, {len(skipped)} skipped, {len(found)} failures")
    return 1 if found else 0


def compare(root: Path, name: str, measurement: Measurement | None) -> Iterator[Failure]:
    """What is wrong with one evidence file; without a measurement, another task's."""
    yield from unheld_figures(root, name, measurement.once if measurement else ())
    if measurement:
        yield from outdated_figures(root, name, measurement)


if __name__ == "__main__":
    sys.exit(main())
