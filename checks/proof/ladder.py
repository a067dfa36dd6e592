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
from checks.failure import Failure
from checks.memory import digest
from checks.proof.changes import Change, ChangeError, page_of, read_change, read_changes
from checks.proof.claims import ROOT, ProofData, ProofDataError
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
)
from checks.proof.verdicts import rung_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECORD = Path("docs/assets/evidence/ladder.json")
LOCK = "requirements.lock"
PYTHON = ".".join(platform.python_version_tuple()[:2])
COMMAND = "invoke ladder"


def trials_of(changes: Sequence[Change], data: ProofData, capstone: Path) -> dict[str, Trial]:
    """Each change on every rung, with the test files of a capstone that can notice it."""
    reach = Reach(capstone)
    rungs = [rung.name for rung in data.rungs]

    def trial(change: Change) -> Trial:
        files = sorted(reach.test_files(change.diff), key=lambda file: rungs.index(rung_of(file)))
        checks = sorted({claim.check for claim in data.claims if claim.check.partition("::")[0] in files})
        return Trial(change.name, change.diff, tuple(files), tuple(checks))

    return {change.name: trial(change) for change in changes}


def row(change: Change, trial: Trial, capstone: str, found: Verdicts, data: ProofData) -> dict[str, Any]:
    """What the record says of one change, which was tried on a capstone of this digest."""
    rungs: dict[str, Any] = {}
    for rung in data.rungs:
        failed = found.failed.get(rung.name, {})
        test, message = next(iter(failed.items()), ("", ""))
        rungs[rung.name] = {"red": bool(failed), "test": test, "message": message}
    first = next((rung.name for rung in data.rungs if rungs[rung.name]["red"]), "")
    return {
        "title": change.title,
        "digest": trial.digest(capstone),
        "rungs": rungs,
        "first": DEMO if DEMO in found.failed else first,
        "claims": [claim.id for claim in data.claims if found.failures_of(claim.check)],
    }


def known_rows(
    recorded: dict[str, Any],
    changes: Sequence[Change],
    tried: dict[str, Trial],
    capstone: str,
    data: ProofData,
) -> dict[str, Any]:
    """The rows of the record whose digests are right, with the titles and the claims of today."""
    found = {}
    for change in changes:
        entry = recorded.get("changes", {}).get(change.name)
        if entry and entry["digest"] == tried[change.name].digest(capstone):
            red = {recorded["claims"][name]["check"] for name in entry["claims"]}
            claims = [claim.id for claim in data.claims if claim.check in red]
            found[change.name] = entry | {"title": change.title, "claims": claims}
    return found


def record(data: ProofData, changes: Sequence[Change], root: Path) -> tuple[dict[str, Any], list[str]]:
    """The whole record, run anew where something changed; and why there is no row for a change.

    Raises:
        UnfinishedError: The run of the capstone as it is did not end.
    """
    trials = Trials(root)
    capstone = trials.snapshot.digest
    tried = trials_of(changes, data, trials.snapshot.capstone)
    clean = Trial(UNCHANGED, "", tuple(f"tests/{rung.name}" for rung in data.rungs))
    recorded = read_record(root)
    lock = digest(root, [LOCK])
    if [recorded.get("measured", {}).get(key) for key in ("python", "lock")] != [PYTHON, lock]:
        recorded = {}
    rows = known_rows(recorded, changes, tried, capstone, data)
    waiting = [trial for name, trial in tried.items() if name not in rows]
    rungs, measured = recorded.get("rungs", {}), recorded.get("measured")
    if recorded.get("capstone") != capstone or list(rungs) != [rung.name for rung in data.rungs]:
        waiting.insert(0, clean)
    outcomes = trials.outcomes(waiting, "changes tried")
    if clean in outcomes:
        try:
            rungs, measured = _rungs(data, complete(outcomes[clean])), _measured(lock)
        except NO_VERDICTS as error:
            raise type(error)(f"{UNCHANGED}: {error}") from None
    unfinished = []
    for change in changes:
        if change.name not in rows:
            try:
                found = complete(outcomes[tried[change.name]])
                rows[change.name] = row(change, tried[change.name], capstone, found, data)
            except NO_VERDICTS as error:
                unfinished.append(f"{change.name}: not recorded: {error}")
    rows = dict(sorted(rows.items()))
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
    return costs | {
        "judged": {
            name: asdict(Figure(count, "changes", follows_from="changes")) for name, count in counts.items()
        }
    }


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
    known = known_rows(recorded, changes, trials_of(changes, data, root / "capstone"), capstone, data)
    return [
        *(Failure(str(RECORD), 1, f"there is no proposal {name} any more: {COMMAND}") for name in gone),
        *(Failure(page_of(c.name).as_posix(), 1, old) for c in changes if c.name not in known),
    ]


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
    if not any(
        entry["first"] == "shape" and sum(bool(cell["red"]) for cell in entry["rungs"].values()) == 1
        for entry in drifts.values()
    ):
        yield "no drift is seen by the rung shape alone"


def show(entry: dict[str, Any]) -> Iterator[str]:
    """One change in lines for a terminal."""
    for rung, cell in entry["rungs"].items():
        told = f"red: {cell['test']}: {cell['message']}" if cell["red"] else "green"
        yield f"  {rung:<9} {told}"
    yield f"  claims    {', '.join(entry['claims']) or 'none broken'}"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Renew the record, or try the named changes and show what they do."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("name", nargs="*", help="try only these, and record nothing")
    names = parser.parse_args(arguments).name
    try:
        data = ProofData.read(root)
        if names:
            return _try([read_change(root, name) for name in names], data, Trials(root))
        made, unfinished = record(data, read_changes(root), root)
    except (ProofDataError, ChangeError, *NO_VERDICTS) as error:
        print(f"ladder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ladder interrupted: nothing recorded, what was tried is kept", file=sys.stderr)
        return 130
    target = root / RECORD
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    problems = unfinished or [*map(str, contradictions(made, data, root)), *dull_rungs(made)]
    print(f"{RECORD}: {len(made['changes'])} changes on {len(data.rungs)} rungs", *problems, sep="\n")
    return 1 if problems else 0


def _try(changes: Sequence[Change], data: ProofData, trials: Trials) -> int:
    tried = trials_of(changes, data, trials.snapshot.capstone)
    outcomes = trials.outcomes(list(tried.values()), "changes tried")
    status = 0
    for change in changes:
        print(f"{change.name}: {change.title}")
        try:
            found = complete(outcomes[tried[change.name]])
            print(*show(row(change, tried[change.name], "", found, data)), sep="\n")
        except NO_VERDICTS as error:
            print(f"  no verdict: {error}")
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
