"""The proof bundle: a folder that a reviewer can open, and somebody else can verify and re-run."""

from __future__ import annotations

import difflib
import json
import platform
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import jsonschema_rs

from checks.proof.artifacts import ARTIFACTS, write_all
from checks.proof.claims import ROOT
from checks.proof.trial import capstone_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.proof.claims import ProofData
    from checks.proof.prove import Proof

SCHEMA = ROOT / "docs/assets/schemas/proof.schema.json"
TEMPLATES = Path(__file__).parent
PROOF, REPORT, JUNIT = "proof.json", "report.html", "junit.xml"
MANIFEST, SUM = "manifest.json", "manifest.sha256"
SHOWN_LINES = 12


class BundleError(ValueError):
    """What is wrong with a bundle, and which file of it."""


def write(folder: Path, data: ProofData, proofs: Sequence[Proof]) -> None:
    """Write a bundle, whole or not at all.

    Raises:
        BundleError: The folder holds something else.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as scratch:
        new = Path(scratch) / folder.name
        (new / "artifacts").mkdir(parents=True)
        write_all(new / "artifacts")
        document = _document(data, proofs)
        jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), document)
        (new / PROOF).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        (new / JUNIT).write_bytes(_junit(proofs))
        (new / REPORT).write_text(_html(document), encoding="utf-8")
        _seal(new)
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)


def verify(folder: Path) -> Iterator[str]:
    """Every file of a bundle that is not as it was written, and why."""
    try:
        names = _sums(folder)
    except BundleError as error:
        yield str(error)
        return
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    for name in sorted(names.keys() | there - {MANIFEST, SUM}):
        if name not in there:
            yield f"{name} is missing"
        elif name not in names:
            yield f"{name} is not in the manifest"
        elif _sum(folder / name) != names[name]:
            yield f"{name} was changed after the bundle was written"


def report_verification(folder: Path) -> int:
    """Say of a bundle whether it is as it was written, and what it was made from.

    Raises:
        BundleError: The folder is no bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} is no proof bundle: there is no {MANIFEST} in it")
    wrong = list(verify(folder))
    if wrong:
        print(*wrong, sep="\n")
        return 1
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    proof = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    same = manifest["capstone"] == capstone_digest()
    proved = sum(claim["verdict"] == "proved" for claim in proof["claims"])
    files, claims, python = len(manifest["files"]), len(proof["claims"]), manifest["versions"]["python"]
    print(f"{files} files, not a byte changed; {proved} of {claims} claims proved")
    print(f"made {manifest['made']} from commit {manifest['commit']} with Python {python}")
    print(
        "this clone's capstone is "
        + ("the same one" if same else "another one: prove again, --against this bundle")
    )
    return 0


def refuse_foreign(folder: Path) -> None:
    """Do not write over what is no bundle.

    Raises:
        BundleError: The folder holds something else.
    """
    if (
        folder.exists()
        and not (folder / MANIFEST).is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise BundleError(f"{folder} holds something else: name a new folder")


def refuse_unverified(folder: Path) -> None:
    """Compare only with a bundle that is as it was written.

    Raises:
        BundleError: It is not; the message names the first file that is wrong.
    """
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} is no proof bundle: there is no {MANIFEST} in it")
    for wrong in verify(folder):
        raise BundleError(f"{folder}: {wrong}")


def compare(old: Path, new: Path) -> Iterator[str]:
    """The artifact that changed first, in the order in which they come about, and how; then the verdicts."""
    changed = [name for name in ARTIFACTS if _text(old, name) != _text(new, name)]
    if changed:
        yield f"changed first: artifacts/{changed[0]}"
        before, after = _text(old, changed[0]).splitlines(), _text(new, changed[0]).splitlines()
        difference = list(difflib.unified_diff(before, after, str(old), str(new), lineterm="", n=1))
        yield from difference[:SHOWN_LINES]
        if len(difference) > SHOWN_LINES:
            yield f"({len(difference) - SHOWN_LINES} lines more)"
        if changed[1:]:
            yield f"changed too: {', '.join(changed[1:])}"
    else:
        yield f"no artifact changed: {len(ARTIFACTS)} are the same to the byte"
    then, now = _verdicts(old), _verdicts(new)
    for claim in then:
        if claim in now and then[claim] != now[claim]:
            yield f"claim {claim}: {then[claim]} before, {now[claim]} now"


def _document(data: ProofData, proofs: Sequence[Proof]) -> dict[str, Any]:
    return {
        "schema": 1,
        "commit": _commit(),
        "capstone": capstone_digest(),
        "rungs": [{"name": rung.name, "command": rung.command} for rung in data.rungs],
        "claims": [
            {
                "id": proof.claim.id,
                "statement": proof.claim.statement,
                "contract": proof.claim.contract,
                "owner": proof.claim.owner,
                "check": proof.claim.check,
                "rung": proof.claim.rung,
                "command": proof.claim.command,
                "verdict": proof.verdict,
                "reason": proof.reason,
                "drifts": [asdict(one) for one in proof.seen],
            }
            for proof in proofs
        ],
        "artifacts": [f"artifacts/{name}" for name in ARTIFACTS],
    }


def _junit(proofs: Sequence[Proof]) -> bytes:
    suites = ET.Element("testsuites", name="claims")
    for proof in proofs:
        red = proof.verdict == "red"
        skipped = proof.verdict == "not run"
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=proof.claim.contract,
            tests="1",
            failures=str(int(red)),
            skipped=str(int(skipped)),
        )
        case = ET.SubElement(suite, "testcase", classname=proof.claim.contract, name=proof.claim.id)
        if red:
            ET.SubElement(case, "failure", message=proof.reason)
        if skipped:
            ET.SubElement(case, "skipped", message=proof.reason)
        ET.SubElement(case, "system-out").text = "\n".join(
            f"{one.drift}: {one.test or 'not seen'} {one.message}".rstrip() for one in proof.seen
        )
    ET.indent(suites)
    text = bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True))
    return text + b"\n"


def _html(document: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html").render(document, python=platform.python_version())


def _seal(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    manifest = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "capstone": capstone_digest(),
        "versions": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            **{found.name: found.version for found in sorted(distributions(), key=lambda found: found.name)},
        },
        "files": {file.relative_to(folder).as_posix(): _sum(file) for file in files},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    (folder / SUM).write_text(f"{_sum(folder / MANIFEST)}  {MANIFEST}\n", encoding="utf-8")


def _sums(folder: Path) -> dict[str, str]:
    for name in (MANIFEST, SUM):
        if not (folder / name).is_file():
            raise BundleError(f"{name} is missing")
    if (folder / SUM).read_bytes() != f"{_sum(folder / MANIFEST)}  {MANIFEST}\n".encode():
        raise BundleError(f"{MANIFEST} or {SUM} was changed after the bundle was written")
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])


def _sum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _text(folder: Path, name: str) -> str:
    return (folder / "artifacts" / name).read_text(encoding="utf-8")


def _verdicts(folder: Path) -> dict[str, str]:
    claims = json.loads((folder / PROOF).read_text(encoding="utf-8"))["claims"]
    return {claim["id"]: claim["verdict"] for claim in claims}


def _commit() -> str:
    """The commit that is checked out, marked where the working tree differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"],  # noqa: S607 - the developer's git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "none"
