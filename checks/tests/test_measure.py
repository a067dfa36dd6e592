"""What the first lesson says of its tempting change is still so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from checks.measure import bench, ratios
from checks.measure.allocation import tempting_change
from checks.measure.evidence import FOLDER, growth_exponent, paired_ratio
from checks.measure.rungs import drifted, run_tests

if TYPE_CHECKING:
    from pathlib import Path


def test_the_benchmark_replays_what_it_says(tmp_path: Path) -> None:
    """A small trace through the same code: all samples, and more work than json.loads alone."""
    trace = tmp_path / "trace.jsonl"
    bench.write(trace, 2_000)
    assert len(trace.read_bytes().splitlines()) == 1 + 2_000
    assert bench.ratio_to_loads(trace) > 1


def test_the_ratios_measure_what_they_say(tmp_path: Path) -> None:
    """What repeats is held to its limit; what takes time is only run."""
    assert ratios.sample_bytes(20_000).value <= ratios.LIMITS["retain a sample"][1]
    assert ratios.copied_entries().value == 0
    assert ratios.decode_ratio(turns=3).value > 1
    assert 0 < ratios.ingest_ratio(tmp_path, count=5).value < 2


def test_the_test_that_the_lesson_names_sees_the_change_and_the_round_trip_does_not() -> None:
    """The recorded first red test is red with the diff applied; the round trip stays green."""
    facts = json.loads((FOLDER / "allocation.json").read_text())["facts"]
    assert facts["rungs"] == {"shape": "green", "domain": "green", "contract": "red", "artifact": "red"}
    with drifted(tempting_change()) as capstone:
        assert run_tests(capstone, facts["first_red"]) == facts["first_red"]
        assert (
            run_tests(
                capstone, "tests/artifact/test_codec.py::test_what_is_encoded_decodes_to_the_same_sample"
            )
            == ""
        )


def test_without_the_change_the_named_test_is_green() -> None:
    """So it is the change that it sees."""
    facts = json.loads((FOLDER / "allocation.json").read_text())["facts"]
    unchanged = "--- /dev/null\n+++ b/capstone/empty\n@@ -0,0 +1 @@\n+empty\n"
    with drifted(unchanged) as capstone:
        assert run_tests(capstone, facts["first_red"]) == ""


@pytest.mark.parametrize("power", [0, 1, 2])
def test_a_growth_exponent_is_the_power(power: int) -> None:
    """Costs that grow as n, n² or not at all."""
    sizes = [1_000, 2_000, 4_000]
    assert growth_exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_paired_ratio_of_a_cost_to_itself_is_about_one() -> None:
    """With its quartiles around it."""
    figure = paired_ratio(lambda: sum(range(20_000)), lambda: sum(range(20_000)), 10, "same / same")
    assert figure.spread is not None
    assert figure.spread[0] <= figure.value <= figure.spread[1]
    assert not figure.repeats
