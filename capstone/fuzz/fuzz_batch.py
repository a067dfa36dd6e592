"""Fuzz the trust boundary, guided by coverage, from the hostile corpus.

`python capstone/fuzz/fuzz_batch.py --runs 1000000` needs atheris, which is there for Linux on x86-64. The
first byte of an input chooses what decodes the rest. A finding is anything but a value within the limits or a
rejection that can be shown: its input is left in the folder that the last line names, and the exit status is
1; without atheris it is 3. The same seed gives the same run on the same versions.
"""  # noqa: INP001 - a script

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from unittest.mock import patch

try:
    import atheris  # type: ignore[import-untyped] # it has no types
except ModuleNotFoundError:
    sys.stderr.write("atheris is not installed (Linux on x86-64, Python before 3.14)\n")
    sys.exit(3)

CAPSTONE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CAPSTONE / "src"), str(CAPSTONE / "tests")]

with atheris.instrument_imports(include=["service_monitoring.boundary", "json"]):
    from service_monitoring.boundary import batch as batch_module
    from service_monitoring.boundary.batch import LIMITS, decode_batch
    from service_monitoring.boundary.codec import SampleDecoder, encode_sample
    from service_monitoring.boundary.limits import Limits
    from service_monitoring.boundary.rejections import Reason, Rejected
    from service_monitoring.boundary.secrets import Secret
    from service_monitoring.boundary.signatures import Verifier, sign
    from service_monitoring.sources.trace import check_header

from oracle.hostile import corpus  # noqa: E402 - found by the path above
from oracle.hostile.corpus import NOW  # noqa: E402 - as above

from service_monitoring.domain.values import Sample  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service_monitoring.boundary.batch import Batch

MAX_BYTES = 4_096
SMALL = Limits(payload_bytes=1_024, depth=4, number_digits=20, string_characters=40, samples=4, series=2)
KEY = Secret("the key of the fuzzer")


def small_batch(data: bytes) -> None:
    """Decode a batch with limits that a short input can reach."""
    check_batch(data, SMALL)


def batch(data: bytes) -> None:
    """Decode a batch."""
    check_batch(data, LIMITS)


def check_batch(data: bytes, limits: Limits) -> None:
    """Decode a batch; what is accepted is within the limits, and the same by column and by sample."""
    decoded = decode_batch(data, now=NOW, limits=limits, decoder=DECODER)
    given = json.loads(data)["samples"]
    assert len(data) <= limits.payload_bytes  # noqa: S101 - a broken promise is a finding
    assert len(decoded.samples) + len(decoded.rejections) == len(given) <= limits.samples  # noqa: S101 - a finding
    assert len({sample.metric for sample in decoded.samples}) <= limits.series  # noqa: S101 - a finding
    assert not (decoded.whole and decoded.rejections)  # noqa: S101 - a finding
    for sample in decoded.samples:
        assert sample == Sample(sample.metric, sample.value, sample.observed_at)  # noqa: S101 - a finding
        assert len(sample.metric) <= limits.string_characters  # noqa: S101 - a finding
        assert sample.observed_at <= NOW + limits.clock_skew  # noqa: S101 - a finding
        assert DECODER.decode(encode_sample(sample)) == sample  # noqa: S101 - a finding
    for rejection in decoded.rejections:
        check_rejection(rejection)
    with patch.object(batch_module._Reading, "by_column", return_value=None):  # noqa: SLF001 - the fast way
        slowly = decode_batch(data, now=NOW, limits=limits, decoder=DECODER)
    assert outcome(decoded) == outcome(slowly)  # noqa: S101 - a finding


def outcome(decoded: Batch) -> tuple[object, ...]:
    """A batch as a value."""
    return decoded.whole, decoded.samples, [str(rejection) for rejection in decoded.rejections]


def line(data: bytes) -> None:
    """Decode a line; what is accepted is the same when it is encoded."""
    sample = DECODER.decode(data)
    assert DECODER.decode(encode_sample(sample)) == sample  # noqa: S101 - a finding


def signature(data: bytes) -> None:
    """Verify a signature, which stands before the first line end, of the rest."""
    header, _, body = data.partition(b"\n")
    Verifier([KEY]).verify(header, body, NOW)
    assert header.decode() in {  # noqa: S101 - nobody else has the key
        sign(body, KEY, NOW + timedelta(seconds=seconds)) for seconds in (-300, 0, 300)
    }


DECODER = SampleDecoder()
TARGETS: list[Callable[[bytes], None]] = [batch, small_batch, line, check_header, signature]


def one_input(data: bytes) -> None:
    """Decode one input; only a rejection may be raised, and it can be shown."""
    try:
        TARGETS[data[0] % len(TARGETS) if data else 0](data[1:])
    except Rejected as rejection:
        check_rejection(rejection)


def check_rejection(rejection: Rejected) -> None:
    """A rejection is one short printable line with a reason that is documented."""
    detail = rejection.detail
    assert rejection.reason in Reason  # noqa: S101 - a finding
    assert detail.isascii()  # noqa: S101 - a finding
    assert detail.isprintable()  # noqa: S101 - a finding
    assert 0 < len(detail) < 200  # noqa: PLR2004, S101 - a line


def seeds() -> Iterator[bytes]:
    """The cases of the corpus, each for every target that it is made for."""
    yield from (b"\0" + case.text for case in corpus.bodies())
    yield from (b"\1" + case.text for case in corpus.bodies())
    for case in corpus.samples():
        yield b"\0" + case.body("each")
        yield b"\1" + case.body("all")
        yield b"\2" + case.text
    yield from (bytes([3 if case.target == "header" else 2]) + case.text for case in corpus.lines())
    steps = [step for conversation in corpus.signatures() for step in conversation.steps]
    yield from (b"\4" + corpus.build(step["header"]) + b"\n" for step in steps if "header" in step)
    for seconds in (-301, -300, 0, 300):
        yield b"\4" + sign(b"body", KEY, NOW + timedelta(seconds=seconds)).encode() + b"\nbody"


def main() -> int:
    """Run the fuzzer in a process of its own, which ends with it, and say what it found."""
    parser = argparse.ArgumentParser(description="Fuzz the trust boundary from the hostile corpus.")
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random mutations (default %(default)s)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was found as JSON")
    parser.add_argument("--folder", type=Path, help="where inputs are kept (default: a scratch folder)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="fuzz-"))
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    given = sorted({seed for seed in seeds() if len(seed) <= MAX_BYTES})
    for number, seed in enumerate(given):
        (inputs / f"seed-{number:04}").write_bytes(seed)
    began, at = monotonic(), datetime.now(UTC)
    command = [sys.executable, __file__, f"-runs={options.runs}", f"-seed={options.seed}"]
    command += [f"-max_len={MAX_BYTES}", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(inputs)]
    with (folder / "log").open("w+", encoding="utf-8", errors="replace") as log:
        code = subprocess.run(command, stderr=log, check=False).returncode  # noqa: S603 - itself
        log.seek(0)
        text = log.read()
    figures = {
        "executions": last(r"^stat::number_of_executed_units: (\d+)", text),
        "edges": last(r" cov: (\d+)", text),
        "features": last(r" ft: (\d+)", text),
        "findings": len([file for file in folder.iterdir() if re.match(r"(crash|timeout|oom)-", file.name)]),
        "seed inputs": len(given),
        "kept inputs": len(list(inputs.iterdir())),
    }
    if options.record:
        options.record.write_text(json.dumps(record(at, options.seed, figures), indent=1) + "\n", "utf-8")
    said = ", ".join(f"{value:,} {name}" for name, value in figures.items())
    sys.stdout.write(f"seed {options.seed}: {said}, {monotonic() - began:.0f} s; {folder}\n")
    if code:
        sys.stdout.write(text[-2_000:])
    return int(code != 0)


def last(pattern: str, text: str) -> int:
    """The last number that a pattern finds; 0 if the run ended before there was one."""
    return int((re.findall(pattern, text, re.MULTILINE) or ["0"])[-1])


def record(at: datetime, seed: int, figures: dict[str, int]) -> dict[str, object]:
    """What one run found, in the shape of the other evidence files."""
    return {
        "name": "fuzzing",
        "command": f"python capstone/fuzz/fuzz_batch.py --runs {figures['executions']} --seed {seed}",
        "measured": {
            "at": at.isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "python": platform.python_version(),
            "runs": 1,
        },
        "figures": {
            name: {"value": value, "unit": name, "repeats": True, "spread": None, "runs": 1}
            for name, value in figures.items()
        },
        "plots": {},
        "facts": {
            "seed": seed,
            "atheris": version("atheris"),
            "targets": [target.__name__ for target in TARGETS],
        },
    }


if __name__ == "__main__":
    if any(argument.startswith("-runs=") for argument in sys.argv):
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
    sys.exit(main())
