"""Measure and write evidence files: `python -m checks.measure [NAME]`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from checks.measure import allocation
from checks.measure.evidence import ROOT, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable


class Measurement(NamedTuple):
    """A measurement and how often it repeats what does not repeat by itself."""

    measure: Callable[[Callable[[str], None]], Evidence]
    runs: int


MEASUREMENTS = {"allocation": Measurement(allocation.measure, allocation.WORKLOAD_PAIRS)}


def main(arguments: list[str]) -> int:
    """Run the named measurement, or all."""
    unknown = [name for name in arguments if name not in MEASUREMENTS]
    if unknown:
        print(f"measure: there is no measurement {unknown[0]!r}: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name in arguments or MEASUREMENTS:
        measurement = MEASUREMENTS[name]
        evidence = measurement.measure(partial(print, f"{name}:", flush=True))
        print(evidence.write(name, measurement.runs).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
