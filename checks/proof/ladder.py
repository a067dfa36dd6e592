"""Which rung sees which change first: `invoke ladder` renews the record; with names, it only tries these.

Every change proposal is run on every rung, with the test files that can notice it. The record holds, for
each, what went red where; the pages draw the proof ladder, the verdicts and the outcomes-and-proof map from
it.
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
from checks.proof.changes import Change, UnknownChangeError, read_change, read_changes
from checks.proof.claims import ROOT, ProofData, ProofDataError
from checks.proof.reach import Reach
from checks.proof.trial import DEMO, DoesNotApplyError, Trial, Trials, Verdicts, capstone_digest
from checks.proof.verdicts import rung_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECORD = Path("docs/assets/evidence/ladder.json")
COMMAND = "invoke ladder"
UNCHANGED = "the capstone as it is"


def trials_of(changes: Sequence[Change], data: ProofData, root: Path = ROOT) -> dict[str, Trial]:
    """Each change on every rung, with the test files that can notice it."""
    reach = Reach(root / "capstone")
    rungs = [rung.name for rung in data.rungs]

    def trial(change: Change) -> Trial:
        files = sorted(reach.test_files(change.diff), key=lambda file: rungs.index(rung_of(file)))
        checks = sorted({claim.check for claim in data.claims if claim.check.partition("::")[0] in files})
        return Trial(change.name, change.diff, tuple(files), tuple(checks))

    return {change.name: trial(change) for change in changes}


def row(change: Change, found: Verdicts, data: ProofData) -> dict[str, Any]:
    """What the record says of one change."""
    rungs: dict[str, Any] = {}
    for rung in data.rungs:
        failed = found.failed.get(rung.name, {})
        test, message = next(iter(failed.items()), ("", ""))
        rungs[rung.name] = {"red": bool(failed), "test": test, "message": message}
    first = next((rung.name for rung in data.rungs if rungs[rung.name]["red"]), "")
    broken = [claim.id for claim in data.claims if found.failures_of(claim.check)]
    return {
        "title": change.title,
        "digest": change.digest,
        "rungs": rungs,
        "first": DEMO if DEMO in found.failed else first,
        "claims": broken,
    }


def record(data: ProofData, changes: Sequence[Change], root: Path = ROOT) -> dict[str, Any]:
    """The whole record, measured anew where something changed."""
    unchanged = Trial(UNCHANGED, "", tuple(f"tests/{rung.name}" for rung in data.rungs))
    trials = trials_of(changes, data, root)
    results = Trials(root).run([unchanged, *trials.values()], "changes tried")
    clean = results[unchanged]
    rows = {change.name: row(change, results[trials[change.name]], data) for change in changes}
    rungs = {
        rung.name: {
            "tests": clean.passed.get(rung.name, 0),
            "red": bool(clean.failed.get(rung.name)),
            "seconds": clean.seconds.get(rung.name, 0.0),
        }
        for rung in data.rungs
    }
    return {
        "name": "ladder",
        "command": COMMAND,
        "measured": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "python": platform.python_version(),
            "runs": 1,
        },
        "figures": _figures(rungs, rows),
        "capstone": capstone_digest(root),
        "rungs": rungs,
        "changes": rows,
        "claims": {
            claim.id: {
                "statement": claim.statement,
                "contract": claim.contract,
                "owner": claim.owner,
                "check": claim.check,
                "drifts": list(claim.drifts),
            }
            for claim in data.claims
        },
    }


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


def stale(recorded: dict[str, Any], data: ProofData, changes: Sequence[Change], root: Path) -> list[str]:
    """What changed since the record was made."""
    if not recorded:
        return ["there is no record"]
    found = []
    if recorded["capstone"] != capstone_digest(root):
        found.append("the capstone changed")
    then = {name: entry["digest"] for name, entry in recorded["changes"].items()}
    now = {change.name: change.digest for change in changes}
    found += [
        f"proposal {name} changed"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    checks = {claim.id: [claim.check, list(claim.drifts)] for claim in data.claims}
    known = {name: [entry["check"], entry["drifts"]] for name, entry in recorded["claims"].items()}
    found += [
        f"claim {name} changed"
        for name in sorted(checks.keys() | known.keys())
        if checks.get(name) != known.get(name)
    ]
    return found


def contradictions(recorded: dict[str, Any], data: ProofData) -> Iterator[str]:
    """What the record shows that the claims deny."""
    for rung, entry in recorded["rungs"].items():
        if entry["red"]:
            yield f"rung {rung} is red without any change"
    drifts = data.drifts()
    for name, entry in recorded["changes"].items():
        if entry["first"] == DEMO:
            yield f"proposal {name} does not even pass `service-monitoring demo`: it needs no test to be seen"
        elif entry["first"] and name not in drifts:
            red = entry["rungs"][entry["first"]]
            yield f"proposal {name} is named by no claim, but {red['test']} is red: {red['message']}"
    for name, claims in drifts.items():
        if name not in recorded["changes"]:
            yield f"claim {claims[0].id}: there is no proposal {name}"
            continue
        for claim in claims:
            if claim.id not in recorded["changes"][name]["claims"]:
                yield f"claim {claim.id}: its drift was not seen: {claim.check} stays green with {name}"


def uninformative(recorded: dict[str, Any]) -> Iterator[str]:
    """What would make the matrix not worth its reading."""
    changes = recorded["changes"]
    drifts = {name: entry for name, entry in changes.items() if entry["first"]}
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


def main(arguments: Sequence[str]) -> int:
    """Renew the record, or try the named changes and show what they do."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("name", nargs="*", help="try only these, and record nothing")
    names = parser.parse_args(arguments).name
    try:
        data = ProofData.read()
        if names:
            chosen = [read_change(ROOT, name) for name in names]
            trials = trials_of(chosen, data)
            results = Trials().run(list(trials.values()), "changes tried")
            for change in chosen:
                print(f"{change.name}: {change.title}")
                print(*show(row(change, results[trials[change.name]], data)), sep="\n")
            return 0
        changes = read_changes(ROOT)
        made = record(data, changes)
    except (ProofDataError, UnknownChangeError, DoesNotApplyError) as error:
        print(f"ladder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ladder interrupted: nothing recorded, what was tried is kept", file=sys.stderr)
        return 130
    target = ROOT / RECORD
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    print(f"{RECORD}: {len(changes)} changes on {len(data.rungs)} rungs")
    problems = [*contradictions(made, data), *uninformative(made)]
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
