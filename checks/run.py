"""Runs the checks: `python -m checks.run [--only PART]`. A new part is a new row of PARTS."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = ROOT / ".cache/blocks.json"  # written by the part `pages`: how many blocks of each kind it checked
WORKERS = 3  # one more than processors: the drill waits most of its time

NOT_RUN_STATUS = 3
PYTEST = (
    "python -m pytest --quiet --no-header --tb=short -rs --color=no "
    # A test that hangs ends the run with a traceback that says where.
    "-o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true"
)
CAPSTONE = f"{PYTEST} -c capstone/pyproject.toml --rootdir=capstone"


@dataclass(frozen=True)
class Part:
    """One part of the check: commands that all exit with 0 when what it guards is right.

    A part that needs what not every machine has exits with NOT_RUN_STATUS, its reason on the last line.
    """

    name: str
    commands: tuple[str, ...]
    after: str = ""
    may_not_run: bool = False


# Longest first, so that the last part to end is a short one; what another part waits for, before all.
PARTS = (
    Part("site", ("python -m checks.site",)),
    Part("checks", (f"{PYTEST} -n 2 --dist=loadfile -c checks/tests/pytest.ini --rootdir=. checks/tests",)),
    Part("browser", ("python -m checks.site.browser",), after="site", may_not_run=True),
    Part("capstone", (f"{CAPSTONE} -n 2 --ignore=capstone/tests/drill capstone/tests capstone/src",)),
    Part("drill", (f"{CAPSTONE} capstone/tests/drill",)),
    Part("pages", ("python -m pytest -c checks/pytest.ini --rootdir=. --color=no docs README.md",)),
    Part(
        "types",
        (
            "python -m mypy --config-file=capstone/pyproject.toml capstone/src capstone/tests",
            "python -m mypy --config-file=checks/mypy.ini",
        ),
    ),
    Part("claims", ("python -m checks.proof.agreement",)),
    Part("layers", ("lint-imports --config=capstone/pyproject.toml --no-logo",)),
    Part(
        "lint",
        (
            "ruff check --quiet --output-format=concise capstone checks docs tasks.py",
            "ruff format --quiet --diff capstone checks docs tasks.py",
        ),
    ),
)


@dataclass(frozen=True)
class Result:
    """How a part ended."""

    part: Part
    verdict: str  # "ok", "red" or "not run"
    output: str
    seconds: float = 0.0

    @property
    def not_run(self) -> list[str]:
        """What this part left out, each with its reason."""
        if self.verdict == "not run":
            return [f"{self.part.name}: {self.output.strip().splitlines()[-1]}"]
        skipped = re.findall(r"^SKIPPED .*", self.output, re.MULTILINE)
        return [f"{self.part.name}: {line}" for line in skipped]


def run(part: Part) -> Result:
    """Run all commands of a part, also after one that is red, to show everything at once."""
    started = time.monotonic()
    verdict, output = "ok", ""
    for command in part.commands:
        done = subprocess.run(
            command.split(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        output += done.stdout
        if part.may_not_run and done.returncode == NOT_RUN_STATUS:
            verdict = "not run"
        elif done.returncode:
            verdict = "red"
            output += f"({command}: exit status {done.returncode})\n"
    return Result(part, verdict, output, time.monotonic() - started)


def run_all(parts: Sequence[Part]) -> list[Result]:
    """Run the parts, WORKERS at a time, and say how each ended as soon as it has."""
    waiting = list(parts)
    running: set[Future[Result]] = set()
    results: dict[str, Result] = {}

    def end(result: Result) -> None:
        results[result.part.name] = result
        print(f"{result.part.name:<10}{result.verdict:<9}{result.seconds:5.1f} s", flush=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        while waiting or running:
            for part in [part for part in waiting if not part.after or part.after in results]:
                if part.after and results[part.after].verdict != "ok":
                    end(Result(part, "not run", f"{part.after} is {results[part.after].verdict}"))
                elif len(running) < WORKERS:
                    running.add(pool.submit(run, part))
                else:
                    break
                waiting.remove(part)
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                end(future.result())
    return [results[part.name] for part in parts]


def selected(name: str) -> list[Part]:
    """The part of this name and the one it runs after; without a name, all."""
    if not name:
        return list(PARTS)
    part = next(part for part in PARTS if part.name == name)
    return [prerequisite for prerequisite in PARTS if prerequisite.name == part.after] + [part]


def failures(output: str) -> str:
    """What a red part has to say: of a test run, what follows its progress, without xdist's worker names."""
    output = re.sub(r"^\[gw\d+\] .*\n", "", output, flags=re.MULTILINE)
    start = re.search(r"^=+ (ERRORS|FAILURES) =+$", output, re.MULTILINE)
    return output[start.start() :] if start else output


def summary(results: Sequence[Result], blocks: dict[str, int], seconds: float) -> list[str]:
    """The closing lines: times, blocks by kind, and what was not run."""
    times = ", ".join(f"{result.part.name} {result.seconds:.1f} s" for result in results)
    lines = [f"time: {times}; total {seconds:.1f} s"]
    if blocks:
        unchanged = blocks.pop("unchanged", 0)
        kinds = sorted(blocks, key=blocks.__getitem__, reverse=True)
        counts = ", ".join(f"{blocks[kind]} {kind}" for kind in kinds)
        counts += f"; {unchanged} of them on pages unchanged since they passed" if unchanged else ""
        lines.append(f"blocks: {counts}")
    lines += [f"not run: {reason}" for result in results for reason in result.not_run]
    return lines


def closing(results: Sequence[Result], *, strict: bool) -> tuple[str, int]:
    """The last line and the exit status; strictly, what was not run has failed."""
    red = [result for result in results if result.verdict == "red" or (strict and result.not_run)]
    skipped = [result for result in results if result.verdict == "not run" and result not in red]
    line = f"{len(results) - len(red) - len(skipped)} passed, {len(red)} failed"
    if skipped:
        line += f", {len(skipped)} skipped"
    return line, 1 if red else 0


def main() -> int:
    """Run the parts asked for, show what is red, and close with the summary."""
    parser = argparse.ArgumentParser(prog="invoke check")
    parser.add_argument("--only", default="", choices=[part.name for part in PARTS], metavar="PART")
    parts = selected(parser.parse_args().only)

    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    BLOCKS.unlink(missing_ok=True)
    started = time.monotonic()
    results = run_all(parts)
    for result in results:
        if result.verdict == "red":
            print(f"\n--- {result.part.name} ---\n{failures(result.output).strip()}")
    blocks = json.loads(BLOCKS.read_text(encoding="utf-8")) if BLOCKS.exists() else {}
    line, status = closing(results, strict=os.environ.get("CI") == "true")
    print("", *summary(results, blocks, time.monotonic() - started), line, sep="\n")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("check interrupted")
        sys.exit(130)
