"""The proof bundle: a folder that a reviewer can open, and that anyone can verify, without this repository.

It is written over nothing but a bundle that is as it was written.
"""

from __future__ import annotations

import difflib
import json
import platform
import re
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import jsonschema_rs

from checks import child
from checks.failure import shortened
from checks.memory import ROOT
from checks.proof.artifacts import ARTIFACTS, write_all
from checks.proof.proof import ERROR, NOT_RUN, PROVED, RED
from checks.proof.trial import capstone_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.proof.claims import ProofData
    from checks.proof.proof import Proof
    from checks.proof.trial import Snapshot

SCHEMA = ROOT / "docs/assets/schemas/proof.schema.json"
PROOF = "proof.json"
PAGES = ("report.html", "junit.xml")
SUMS = "SHA256SUMS"
"""The sum of every other file, as coreutils writes it: `sha256sum -c SHA256SUMS` verifies them."""
SUM_LINE = re.compile(r"^([0-9a-f]{64})  (\S.*)$", re.MULTILINE)
JUNIT_TAGS = {RED: "failure", ERROR: "error", NOT_RUN: "skipped"}
SHOWN_LINES = 12


class BundleError(ValueError):
    """What is wrong with a bundle or with a folder for one, and which file of it."""


class Contents(NamedTuple):
    """What two bundles are compared by.

    Attributes:
        name: The folder.
        artifacts: The text of each artifact.
        verdicts: The verdict on each claim.
    """

    name: str
    artifacts: dict[str, str]
    verdicts: dict[str, str]


def counted(count: int, what: str) -> str:
    """`1 claim`, `2 claims`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def write(folder: Path, data: ProofData, proofs: Sequence[Proof], snapshot: Snapshot) -> None:
    """Write a bundle of what was proved of a snapshot, whole or not at all.

    Raises:
        BundleError: The folder holds something else, or cannot be written.
    """
    refuse_target(folder)
    with _scratch_beside(folder) as scratch:
        new, old = scratch / "new", scratch / "old"
        (new / "artifacts").mkdir(parents=True)
        write_all(new / "artifacts", snapshot.capstone)
        document = _document(data, proofs, snapshot.digest)
        jsonschema_rs.validate(_schema(), document)
        (new / PROOF).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        for page in PAGES:
            (new / page).write_text(_rendered(page, document), encoding="utf-8")
        sums = {name: _sum(new / name) for name in sorted(_entries(new))}
        (new / SUMS).write_text(_sum_lines(sums), encoding="utf-8")
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    """A folder on the same disk as the one that is to be written, to be moved there in one step."""
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=".bundle-") as scratch:
            yield Path(scratch)
    except OSError as error:
        raise BundleError(f"{folder} cannot be written: {error.strerror or error}") from None


def refuse_target(folder: Path, against: Path | None = None) -> None:
    """Do not write where nothing can be written, over what is no bundle, or over what is to be compared with.

    Raises:
        BundleError: The folder is one of these; nothing was written.
    """
    if against and against.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise BundleError(f"{against} cannot be compared with: {folder} is to be written; name another")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BundleError(f"{folder} is not a folder: name a new one")
    with _scratch_beside(folder):
        for wrong in verify(folder) if folder.exists() and any(folder.iterdir()) else ():
            raise BundleError(f"{folder} is not a proof bundle, so it stays as it is: {wrong}")


def verify(folder: Path) -> list[str]:
    """Everything in a folder that is not as a bundle was written, and why."""
    text = (folder / SUMS).read_text("utf-8", errors="replace") if (folder / SUMS).is_file() else ""
    sums = {name: total for total, name in SUM_LINE.findall(text)}
    if not sums or _sum_lines(sums) != text:
        return [f"{SUMS} was changed after the bundle was written" if text else f"{SUMS} is missing"]
    there = _entries(folder) - {SUMS}
    wrong = [f"{name} is missing" for name in sums.keys() - there]
    wrong += [f"{name} is not in {SUMS}" for name in there - sums.keys()]
    for name in there & sums.keys():
        if (folder / name).is_symlink() or _sum(folder / name) != sums[name]:
            wrong.append(f"{name} was changed after the bundle was written")
    if not wrong:
        try:
            jsonschema_rs.validate(_schema(), json.loads((folder / PROOF).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            wrong.append(f"{PROOF} is not what its schema asks for: {str(error).splitlines()[0]}")
    return sorted(wrong)


def report_verification(folder: Path) -> int:
    """Say of a bundle whether it is as it was written, and what it was made from.

    Raises:
        BundleError: The folder is no bundle.
    """
    if not (folder / SUMS).is_file():
        raise BundleError(f"{folder} is no proof bundle: there is no {SUMS} in it")
    if wrong := verify(folder):
        print(*wrong, sep="\n")
        return 1
    proof = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    files = counted(len(_entries(folder)) - 1, "file")
    proved = sum(claim["verdict"] == PROVED for claim in proof["claims"])
    print(f"{files}, not a byte changed; {proved} of {counted(len(proof['claims']), 'claim')} proved")
    print(f"made {proof['made']} from commit {proof['commit']} with Python {proof['versions']['python']}")
    same = proof["capstone"] == capstone_digest()
    other = "another one: prove again, --against this bundle"
    print(f"this clone's capstone is {'the same one' if same else other}")
    return 0


def read(folder: Path) -> Contents:
    """What a bundle is compared by.

    Raises:
        BundleError: It is not as it was written; the message names the first file that is wrong.
    """
    for wrong in verify(folder):
        raise BundleError(f"{folder} is no proof bundle: {wrong}")
    proof = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    files = (folder / "artifacts").glob("*")
    artifacts = {file.name: file.read_text("utf-8", errors="replace") for file in files}
    return Contents(str(folder), artifacts, {claim["id"]: claim["verdict"] for claim in proof["claims"]})


def compare(old: Contents, new: Contents) -> Iterator[str]:
    """The artifact that changed first, in the order in which they come about, and how; then the verdicts."""
    changed = [name for name in ARTIFACTS if old.artifacts.get(name) != new.artifacts.get(name)]
    if changed:
        yield f"changed first: artifacts/{changed[0]}"
        before, after = (each.artifacts.get(changed[0], "").splitlines() for each in (old, new))
        difference = list(difflib.unified_diff(before, after, old.name, new.name, lineterm="", n=1))
        yield from shortened(difference, SHOWN_LINES)
        if changed[1:]:
            yield f"changed too: {', '.join(changed[1:])}"
    else:
        yield f"no artifact changed: {len(ARTIFACTS)} are the same to the byte"
    for claim, verdict in old.verdicts.items():
        if new.verdicts.get(claim, verdict) != verdict:
            yield f"claim {claim}: {verdict} before, {new.verdicts[claim]} now"


def _document(data: ProofData, proofs: Sequence[Proof], capstone: str) -> dict[str, Any]:
    return {
        "schema": 2,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "capstone": capstone,
        "versions": {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            **{found.name: found.version for found in sorted(distributions(), key=lambda found: found.name)},
        },
        "rungs": [{"name": rung.name, "command": rung.command} for rung in data.rungs],
        "claims": [
            asdict(proof.claim)
            | {"rung": proof.claim.rung, "command": proof.claim.command}
            | {"verdict": proof.verdict, "reason": proof.reason, "drifts": list(map(asdict, proof.seen))}
            for proof in proofs
        ],
        "artifacts": [f"artifacts/{name}" for name in ARTIFACTS],
    }


def _rendered(template: str, document: dict[str, Any]) -> str:
    """A page of the bundle, or a file for a build server."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    title = f"Proof of {counted(len(document['claims']), 'claim')}"
    return environment.get_template(template).render(document, title=title, tags=JUNIT_TAGS) + "\n"


def _schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _entries(folder: Path) -> set[str]:
    """Every file and link below a folder, and every folder without one."""
    return {
        entry.relative_to(folder).as_posix()
        for entry in folder.rglob("*")
        if entry.is_symlink() or not entry.is_dir() or not any(entry.iterdir())
    }


def _sum_lines(sums: dict[str, str]) -> str:
    return "".join(f"{total}  {name}\n" for name, total in sums.items())


def _sum(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _commit() -> str:
    """The commit that is checked out, marked where the working tree differs from it."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"]
    done = child.run(command, cwd=ROOT)
    return done.output.strip() if done.good else "none"
