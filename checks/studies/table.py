"""Every measurement by the name of its evidence file.

A new one is a module beside this one that ends in `MEASUREMENT = Measurement((Step(…), …))`, a row of
MEASUREMENTS, and a section of `docs/reference/evidence.md`: the heading is the name, and below it stands
`{$ evidence("NAME") $}`. `invoke measure NAME` writes the file. The check says what is missing.

A step adds figures to `evidence.figures`, by names without a dot, for pages ask by dotted paths. A figure
that repeats carries its tolerance, and the steps that are cheap carry `again=True`: each check runs them
and holds the file to them, all of them together in four seconds. Figures that follow from others come from
`derive`, plots from `plots`: both are given the figures and nothing else, so that the check can ask them
again about what the file says. Times are paired ratios (`paired_ratio`, `median_figure`), with their
quartiles and without a tolerance. `python -m checks.studies.audit` holds all files to this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.studies import allocation, batching, mutation, oracles, profiling, ratios

if TYPE_CHECKING:
    from checks.evidence.measurement import Measurement

MEASUREMENTS: dict[str, Measurement] = {
    "allocation": allocation.MEASUREMENT,
    "batching": batching.MEASUREMENT,
    "profiling": profiling.MEASUREMENT,
    "ratios": ratios.MEASUREMENT,
    "differential": oracles.COMPARISON,
    "fuzzing": oracles.FUZZING,
    "kill-drill-sqlite": oracles.KILLING["sqlite"],
    "kill-drill-postgres": oracles.KILLING["postgres"],
    "mutation": mutation.MEASUREMENT,
}
ELSEWHERE = {"ladder": "invoke ladder"}
"""Evidence files that another task writes."""
COMMANDS = {name: f"invoke measure {name}" for name in MEASUREMENTS} | ELSEWHERE
