"""Runs the checks: `python -m checks.run [--only PART]`. A new part is a new row of parts.toml."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
import tomllib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from checks import child, memory
from checks.failure import command
from checks.memory import ROOT
from checks.progress import Progress
from checks.tooling.next_steps import next_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCKS = ROOT / ".cache/blocks.json"  # written by the part `pages`: how many blocks of each kind it checked
WORKERS = 3  # one more than processors: the drill waits most of its time
LIMIT_S = 3_000
PATIENCE_S = 5
SLOWEST = 10

NOT_RUN_STATUS = 3
TABLE = tomllib.loads(Path(__file__).with_name("parts.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Part:
    """One part of the check: commands that all exit with 0 when what it guards is right.

    A part that needs what not every machine has exits with NOT_RUN_STATUS, its reason on the last line.

    Attributes:
        name: What the summary calls it.
        commands: What is run, from the repository's root; `pytest` stands for the first key of the table.
        depends_on: The files and folders that decide how it ends; where nothing of them changed since it
            passed, it is not run again. None: it is always run, and may remember what it likes.
        makes: The folder that it leaves behind, which must still be as it was.
        after: The part whose result it needs.
        alone: It runs in a copy of the repository that holds what it depends on, and nothing else.
        may_not_run: Whether it may need something that is missing.
        guards: What it checks, for the contributing page.
    """

    name: str
    commands: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    makes: str = ""
    after: str = ""
    alone: bool = False
    may_not_run: bool = False
    guards: str = ""

    def digest(self) -> str:
        """What its result depends on."""
        names = memory.repository_files(ROOT, *self.depends_on)
        return memory.digest(ROOT, names, memory.environment(*memory.CAPSTONE_TOOLS), *self.commands)

    @contextmanager
    def place(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """The folder in which it runs, and its environment."""
        if not self.alone:
            yield ROOT, {**os.environ}
            return
        with tempfile.TemporaryDirectory(prefix="part-") as folder:
            copy = Path(folder).resolve()
            memory.copy_repository(ROOT, copy, *self.depends_on)
            (copy / "node_modules").symlink_to(ROOT / "node_modules")
            # The environment has the capstone installed; here it is found first, and says why it is missing.
            missing = f"the part {self.name} does not depend on the capstone"
            (copy / "service_monitoring.py").write_text(f"raise ImportError({missing!r})\n", encoding="utf-8")
            yield copy, {**os.environ, "PYTHONPATH": str(copy)}

    def made(self) -> str:
        """The folder that it leaves behind, as it is now."""
        files = (file for file in (ROOT / self.makes).rglob("*") if file.is_file()) if self.makes else ()
        return memory.digest(ROOT, [file.relative_to(ROOT).as_posix() for file in files])


PARTS = tuple(Part(**memory.with_tuples(row)) for row in TABLE["part"])


@dataclass(frozen=True)
class Result:
    """How a part ended.

    Attributes:
        part: The part.
        verdict: `ok`, `red`, `not run`, or `error`: it did not run to its end.
        output: What it said.
        seconds: How long it took.
        unchanged: It passed before, and was not run again.
    """

    part: Part
    verdict: str
    output: str = ""
    seconds: float = 0.0
    unchanged: bool = field(default=False, kw_only=True)

    @property
    def not_run(self) -> list[str]:
        """What this part left out, each with its reason."""
        if self.verdict == "not run":
            return [f"{self.part.name}: {self.output.strip().splitlines()[-1]}"]
        skipped = re.findall(r"^SKIPPED .*", self.output, re.MULTILINE)
        return [f"{self.part.name}: {line}" for line in skipped]

    @property
    def steps(self) -> list[tuple[float, str]]:
        """The seconds of its slowest tests, or its own."""
        tests = re.findall(r"^([\d.]+)s (?:call|setup|teardown) +(.+)$", self.output, re.MULTILINE)
        return [(float(took), name) for took, name in tests] or [(self.seconds, self.part.name)]

    def __str__(self) -> str:
        took = "unchanged since it passed" if self.unchanged else f"{self.seconds:5.1f} s"
        return f"{self.part.name:<10}{self.verdict:<9}{took}"


def run(part: Part, stop: threading.Event | None = None) -> Result:
    """Run all commands of a part, also after one that is red, to show everything at once."""
    started = time.monotonic()
    remembered, digest = memory.Memory("parts"), part.digest() if part.depends_on else ""
    if digest and remembered.known(part.name, digest) == part.made():
        return Result(part, "ok", unchanged=True)
    verdict, output = "ok", ""
    with part.place() as (cwd, env):
        for command in part.commands:
            words = re.sub("^pytest", TABLE["pytest"], command).split()
            exited = child.run(words, cwd=cwd, env=env, limit_s=LIMIT_S, stop=stop, patience_s=PATIENCE_S)
            output += exited.output
            if exited.cut:
                verdict = "error"
                output += f"({command}: {exited.cut})\n"
            elif part.may_not_run and exited.status == NOT_RUN_STATUS:
                verdict = "not run"
            elif exited.status:
                verdict = "red" if verdict == "ok" else verdict
                output += f"({command}: exit status {exited.status})\n"
    result = Result(part, verdict, output, time.monotonic() - started)
    if digest and verdict == "ok" and not result.not_run:
        remembered.keep(part.name, digest, part.digest, part.made())
    return result


def run_all(parts: Sequence[Part]) -> list[Result]:
    """Run the parts, WORKERS at a time, and say how each ended as soon as it has."""
    waiting = list(parts)
    running: dict[Future[Result], Part] = {}
    results: dict[str, Result] = {}
    stop = threading.Event()

    def end(result: Result) -> None:
        results[result.part.name] = result
        progress.step(result.part.name, str(result))

    with Progress(len(parts), "parts checked") as progress, ThreadPoolExecutor(WORKERS) as pool:
        try:
            while waiting or running:
                for part in [part for part in waiting if not part.after or part.after in results]:
                    if part.after and results[part.after].verdict != "ok":
                        reason = f"{part.after} is {results[part.after].verdict}"
                        end(Result(part, "not run", reason))
                    elif len(running) < WORKERS:
                        progress.begin(part.name)
                        running[pool.submit(run, part, stop)] = part
                    else:
                        break
                    waiting.remove(part)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    end(future.result())
        except KeyboardInterrupt:
            stop.set()
            raise
    return [results[part.name] for part in parts]


def selected(name: str) -> list[Part]:
    """The part of this name and the one it runs after; without a name, all."""
    if not name:
        return list(PARTS)
    part = next(part for part in PARTS if part.name == name)
    return [prerequisite for prerequisite in PARTS if prerequisite.name == part.after] + [part]


def failures(output: str) -> str:
    """What a red part has to say: of a test run, its failures, without progress, times and worker names."""
    output = re.sub(r"^\[gw\d+\] .*\n", "", output, flags=re.MULTILINE)
    output = re.sub(r"^=+ slowest (?:.*\n)+?(?==|\d+ |\Z)", "", output, flags=re.MULTILINE)
    start = re.search(r"^=+ (ERRORS|FAILURES) =+$", output, re.MULTILINE)
    return output[start.start() :] if start else output


def summary(results: Sequence[Result], blocks: dict[str, int], seconds: float) -> Iterator[str]:
    """The closing lines: the slowest steps, times, blocks by kind, and what was not run."""
    ran = [result for result in results if not result.unchanged]
    slowest = sorted((step for result in ran for step in result.steps), reverse=True)[:SLOWEST]
    yield from (f"{took:7.1f} s  {name}" for took, name in slowest)
    times = ", ".join(f"{result.part.name} {result.seconds:.1f} s" for result in ran)
    yield f"time: {times or 'nothing was run'}; total {seconds:.1f} s"
    if blocks:
        unchanged = blocks.pop("unchanged", 0)
        kinds = sorted(blocks, key=blocks.__getitem__, reverse=True)
        counts = ", ".join(f"{blocks[kind]} {kind}" for kind in kinds)
        counts += f"; {unchanged} of them on pages unchanged since they passed" if unchanged else ""
        yield f"blocks: {counts}"
    yield from (f"not run: {reason}" for result in results for reason in result.not_run)


def closing(results: Sequence[Result], *, strict: bool) -> tuple[str, int]:
    """The last line and the exit status; strictly, what was not run has failed."""
    failed = [r for r in results if r.verdict in {"red", "error"} or (strict and r.not_run)]
    skipped = [result for result in results if result.verdict == "not run" and result not in failed]
    line = f"{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed"
    if skipped:
        line += f", {len(skipped)} skipped"
    return line, 1 if failed else 0


@command("check", "check interrupted")
def main() -> int:
    """Run the parts asked for, show what is red, and close with the summary."""
    parser = argparse.ArgumentParser(prog="invoke check")
    parser.add_argument("--only", default="", choices=[part.name for part in PARTS], metavar="PART")
    parts = selected(parser.parse_args().only)

    # The parts start Python hundreds of times: compiling each module again costs a third of their time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    BLOCKS.unlink(missing_ok=True)
    started = time.monotonic()
    results = run_all(parts)
    for result in results:
        if result.verdict in {"red", "error"}:
            print(f"\n--- {result.part.name} ---\n{failures(result.output).strip()}")
    blocks = json.loads(BLOCKS.read_text(encoding="utf-8")) if BLOCKS.exists() else {}
    line, status = closing(results, strict=os.environ.get("CI") == "true")
    print("", *summary(results, blocks, time.monotonic() - started), sep="\n")
    print(next_steps(), end="")
    print(line)
    return status


if __name__ == "__main__":
    sys.exit(main())
