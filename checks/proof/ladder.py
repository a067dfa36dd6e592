"""Which rung sees which change first: `invoke ladder` renews the record; with names, it only tries these.

Every change proposal is run on every rung, with the test files that can notice it. The record holds, for
each, what went red where; the pages draw the proof ladder, the verdicts and the outcomes-and-proof map from
it. Each row carries the digest of what was run: while it is the digest of what would be run, the row stands.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.evidence.figures import Figure
from checks.failure import Failure, command
from checks.memory import ROOT, digest, write_whole
from checks.proof.changes import Change, ChangeError, page_of, read_change, read_changes
from checks.proof.claims import ProofData, ProofDataError
from checks.proof.reach import Reach
from checks.proof.trial import (
    DEMO,
    NO_VERDICTS,
    UNCHANGED,
    Trial,
    Trials,
    Verdicts,
    capstone_digest,
    complete,
    named,
)
from checks.proof.verdicts import rung_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from checks.proof.trial import Outcome

RECORD = Path("docs/assets/evidence/ladder.json")
LOCK = "requirements.lock"
PYTHON = ".".join(platform.python_version_tuple()[:2])
COMMAND = "invoke ladder"
INTERRUPTED = "ladder interrupted: nothing recorded, what was tried is kept"


class Ladder:
    """The trial of each change on every rung, on one state of the capstone.

    Args:
        data: The claims and the rungs.
        changes: The changes.
        root: The repository, or what holds a snapshot of its capstone.
        capstone: The digest of that capstone.

    Attributes:
        trials: The trial of each change, with the test files that can notice it.
        clean: The run of every test on the capstone as it is.
    """

    def __init__(self, data: ProofData, changes: Sequence[Change], root: Path, capstone: str) -> None:
        self._data, self._changes, self._capstone = data, changes, capstone
        self._reach = Reach(root / "capstone")
        self._rungs = [rung.name for rung in data.rungs]
        self.trials = {change.name: self._trial(change) for change in changes}
        self.clean = Trial(UNCHANGED, "", tuple(f"tests/{rung}" for rung in self._rungs))

    def _trial(self, change: Change) -> Trial:
        files = self._reach.test_files(change.diff)
        files.sort(key=lambda file: self._rungs.index(rung_of(file)))
        checks = {claim.check for claim in self._data.claims if claim.check.partition("::")[0] in files}
        return Trial(change.name, change.diff, tuple(files), tuple(sorted(checks)))

    def known(self, recorded: dict[str, Any]) -> dict[str, Any]:
        """The rows of a record whose digests are right, with the titles and the claims of today."""
        found = {}
        for change in self._changes:
            entry = recorded.get("changes", {}).get(change.name)
            if entry and entry["digest"] == self.trials[change.name].digest(self._capstone):
                red = {recorded["claims"][name]["check"] for name in entry["claims"]}
                claims = [claim.id for claim in self._data.claims if claim.check in red]
                found[change.name] = entry | {"title": change.title, "claims": claims}
        return found

    def rows(self, outcomes: Mapping[Trial, Outcome]) -> tuple[dict[str, Any], list[str]]:
        """What the record says of each change that was tried, and why it says nothing of some."""
        rows, unfinished = {}, []
        for change in self._changes:
            if (outcome := outcomes.get(self.trials[change.name])) is not None:
                try:
                    rows[change.name] = self._row(change, complete(outcome))
                except NO_VERDICTS as error:
                    unfinished.append(f"{change.name}: no verdict: {error}")
        return rows, unfinished

    def _row(self, change: Change, found: Verdicts) -> dict[str, Any]:
        rungs: dict[str, Any] = {}
        for rung in self._rungs:
            failed = found.failed.get(rung, {})
            test, message = next(iter(failed.items()), ("", ""))
            rungs[rung] = {"red": bool(failed), "test": test, "message": message}
        first = next((rung for rung in [DEMO, *self._rungs] if found.failed.get(rung)), "")
        return {
            "title": change.title,
            "digest": self.trials[change.name].digest(self._capstone),
            "rungs": rungs,
            "first": first,
            "claims": [claim.id for claim in self._data.claims if found.failures_of(claim.check)],
        }


def record(data: ProofData, changes: Sequence[Change], root: Path) -> tuple[dict[str, Any], list[str]]:
    """The whole record, run anew where something changed; and why there is no row for a change.

    Raises:
        UnfinishedError: The run of the capstone as it is did not end.
    """
    trials, lock = Trials(root), digest(root, [LOCK])
    capstone = trials.snapshot.digest
    ladder = Ladder(data, changes, trials.snapshot.folder, capstone)
    recorded = read_record(root)
    if [recorded.get("measured", {}).get(key) for key in ("python", "lock")] != [PYTHON, lock]:
        recorded = {}
    rows = ladder.known(recorded)
    waiting = [trial for name, trial in ladder.trials.items() if name not in rows]
    rungs, measured = recorded.get("rungs", {}), recorded.get("measured")
    if recorded.get("capstone") != capstone or list(rungs) != [rung.name for rung in data.rungs]:
        waiting.insert(0, ladder.clean)
    outcomes = trials.outcomes(waiting, "changes tried")
    if ladder.clean in outcomes:
        rungs, measured = _rungs(data, named(ladder.clean, outcomes[ladder.clean])), _measured(lock)
    new, unfinished = ladder.rows(outcomes)
    rows = dict(sorted((rows | new).items()))
    document = {
        "name": "ladder",
        "command": COMMAND,
        "measured": measured,
        "figures": _figures(rungs, rows),
        "capstone": capstone,
        "rungs": rungs,
        "changes": rows,
        "claims": _claims(data),
    }
    return document, unfinished


def _measured(lock: str) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "python": PYTHON,
        "lock": lock,
        "runs": 1,
    }


def _rungs(data: ProofData, clean: Verdicts) -> dict[str, Any]:
    return {
        rung.name: {
            "tests": clean.passed.get(rung.name, 0),
            "red": bool(clean.failed.get(rung.name)),
            "seconds": clean.seconds.get(rung.name, 0.0),
        }
        for rung in data.rungs
    }


def _claims(data: ProofData) -> dict[str, Any]:
    entries = {claim.id: asdict(claim) | {"drifts": list(claim.drifts)} for claim in data.claims}
    return {name: {key: entry[key] for key in entry if key != "id"} for name, entry in entries.items()}


def _figures(rungs: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    """What the evidence page lists of the record."""
    drifts = sum(bool(entry["first"]) for entry in rows.values())
    costs = {
        name: {
            "tests": asdict(Figure(entry["tests"], "tests", follows_from="rungs")),
            "seconds": asdict(Figure(entry["seconds"], "seconds of tests", repeats=False)),
        }
        for name, entry in rungs.items()
    }
    counts = {"proposals": len(rows), "drifts": drifts, "safe": len(rows) - drifts}
    judged = {name: Figure(count, "changes", follows_from="changes") for name, count in counts.items()}
    return costs | {"judged": {name: asdict(figure) for name, figure in judged.items()}}


def read_record(root: Path = ROOT) -> dict[str, Any]:
    """The record as it is in the repository; empty when there is none."""
    file = root / RECORD
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def stale(
    recorded: dict[str, Any], data: ProofData, changes: Sequence[Change], root: Path = ROOT
) -> list[Failure]:
    """What changed since the record was made, without what only follows from it."""
    capstone = capstone_digest(root)
    old = f"changed since the ladder's record was made: {COMMAND}"
    if recorded.get("capstone") != capstone:
        return [Failure(str(RECORD), 1, f"the capstone {old}")]
    if recorded["measured"].get("lock") != digest(root, [LOCK]):
        return [Failure(LOCK, 1, old)]
    then, now = recorded["claims"], _claims(data)
    names = [name for name in sorted(then | now) if then.get(name) != now.get(name)]
    if names:
        return [data.failure(root, name, f"claim {name} {old}") for name in names]
    gone = sorted(recorded["changes"].keys() - {change.name for change in changes})
    known = Ladder(data, changes, root, capstone).known(recorded)
    lost = [Failure(str(RECORD), 1, f"there is no proposal {name} any more: {COMMAND}") for name in gone]
    return [*lost, *(Failure(page_of(c.name).as_posix(), 1, old) for c in changes if c.name not in known)]


def contradictions(recorded: dict[str, Any], data: ProofData, root: Path = ROOT) -> Iterator[Failure]:
    """What the record shows that the claims deny."""
    for rung, entry in recorded["rungs"].items():
        if entry["red"]:
            yield data.failure(root, rung, f"rung {rung} is red on {UNCHANGED}")
    drifts = data.drifts()
    for name, entry in recorded["changes"].items():
        page = page_of(name).as_posix()
        if entry["first"] == DEMO:
            message = "it does not even pass `service-monitoring demo`: it needs no test to be seen"
            yield Failure(page, 1, message)
        elif entry["first"] and name not in drifts:
            red = entry["rungs"][entry["first"]]
            yield Failure(page, 1, f"no claim names it, but {red['test']} is red: {red['message']}")
    for name, claims in drifts.items():
        for claim in claims:
            if claim.id not in recorded["changes"].get(name, {"claims": []})["claims"]:
                message = f"claim {claim.id}: its drift was not seen: {claim.check} stays green with {name}"
                yield data.failure(root, claim.id, message)


def dull_rungs(recorded: dict[str, Any]) -> Iterator[str]:
    """What makes the matrix not worth reading."""
    drifts = {name: entry for name, entry in recorded["changes"].items() if entry["first"]}
    for rung in recorded["rungs"]:
        first = [name for name, entry in drifts.items() if entry["first"] == rung]
        if not first:
            yield f"rung {rung} is the first to see no drift"
        elif len(first) == len(drifts):
            yield f"rung {rung} is the first to see every drift"
    if not any(entry["first"] == "shape" and red_rungs(entry) == ["shape"] for entry in drifts.values()):
        yield "no drift is seen by the rung shape alone"


def red_rungs(entry: dict[str, Any]) -> list[str]:
    """The rungs that a change of the record turns red."""
    return [rung for rung, cell in entry["rungs"].items() if cell["red"]]


def show(entry: dict[str, Any]) -> Iterator[str]:
    """One change in lines for a terminal."""
    for rung, cell in entry["rungs"].items():
        told = f"red: {cell['test']}: {cell['message']}" if cell["red"] else "green"
        yield f"  {rung:<9} {told}"
    yield f"  claims    {', '.join(entry['claims']) or 'none broken'}"


@command("ladder", INTERRUPTED, ProofDataError, ChangeError, *NO_VERDICTS)
def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Renew the record, or try the named changes and show what they do."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("name", nargs="*", help="try only these, and record nothing")
    names = parser.parse_args(arguments).name
    data = ProofData.read(root)
    if names:
        return _try([read_change(root, name) for name in names], data, Trials(root))
    made, unfinished = record(data, read_changes(root), root)
    write_whole(root / RECORD, json.dumps(made, indent=1) + "\n")
    problems = unfinished or [*map(str, contradictions(made, data, root)), *dull_rungs(made)]
    print(f"{RECORD}: {len(made['changes'])} changes on {len(data.rungs)} rungs", *problems, sep="\n")
    return 1 if problems else 0


def _try(changes: Sequence[Change], data: ProofData, trials: Trials) -> int:
    ladder = Ladder(data, changes, trials.snapshot.folder, trials.snapshot.digest)
    rows, unfinished = ladder.rows(trials.outcomes(list(ladder.trials.values()), "changes tried"))
    for name, entry in rows.items():
        print(f"{name}: {entry['title']}", *show(entry), sep="\n")
    print("\n".join(unfinished), end="\n" if unfinished else "")
    return 2 if unfinished else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
