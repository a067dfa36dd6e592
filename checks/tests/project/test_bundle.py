"""Proof bundles: every byte counts, and nothing that is not one is written over."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks.proof import bundle
from checks.proof import prove as command
from checks.proof.claims import ProofData
from checks.proof.proof import prove
from checks.proof.trial import Trials
from checks.tests.small import CHECKS, Small, replaced

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIM = "answer-is-42"
IS_41 = replaced("ANSWER = 42", "ANSWER = 41")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Small:
    """A small repository with one claim."""
    del quick
    small = Small(tmp_path_factory.mktemp("bundle") / "small")
    small.propose("is-41", IS_41)
    small.claim(CLAIM, CHECKS[CLAIM], "is-41")
    return small


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small: Small) -> Path:
    """A bundle of one claim."""
    folder = tmp_path_factory.mktemp("made") / "proof"
    data, trials = ProofData.read(small.root), Trials(small.root)
    bundle.write(folder, data, prove(data.claims, small.root, trials), trials.snapshot)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def seal(folder: Path) -> None:
    """Write the sums of a bundle anew, as one who changes it on purpose would."""
    lines = (folder / bundle.SUMS).read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    sums = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / bundle.SUMS).write_text("".join(sums))


def test_a_bundle_verifies_with_this_repository_and_without(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Coreutils know its sums."""
    assert bundle.verify(made) == []
    subprocess.run(["sha256sum", "--check", "--strict", bundle.SUMS], cwd=made, check=True)  # noqa: S607 - coreutils
    assert bundle.report_verification(made) == 0
    said = capsys.readouterr().out
    assert "11 files, not a byte changed; 1 of 1 claim proved\nmade 2" in said
    assert "another one: prove again" in said
    document = json.loads((made / bundle.PROOF).read_text())
    assert document["claims"][0]["drifts"][0]["diff"] == IS_41


def test_every_byte_of_a_bundle_counts(made: Path, tmp_path: Path) -> None:
    """One changed byte in any file, and a file less, are found and named."""
    files = [file.relative_to(made) for file in made.rglob("*") if file.is_file()]
    assert len(files) == 12
    for number, name in enumerate(files):
        for place in (0, 0.5, 1):
            touched = tmp_path / f"{number}-{place}"
            shutil.copytree(made, touched)
            content = bytearray((touched / name).read_bytes())
            content[round(place * (len(content) - 1))] ^= 1
            (touched / name).write_bytes(content)
            said = bundle.verify(touched)
            assert said, name
            assert name.name == bundle.SUMS or said == [f"{name} was changed after the bundle was written"]
        (touched / name).unlink()
        assert f"{name} is missing" in bundle.verify(touched)


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda folder: (folder / "more").write_text(""), "more is not in SHA256SUMS"),
        (lambda folder: (folder / "artifacts/empty").mkdir(), "artifacts/empty is not in SHA256SUMS"),
        (lambda folder: (folder / "link").symlink_to("/etc"), "link is not in SHA256SUMS"),
    ],
)
def test_what_is_added_to_a_bundle_is_named(copy: Path, add: Callable[[Path], object], message: str) -> None:
    """A file, an empty folder, a link to a folder."""
    add(copy)
    assert bundle.verify(copy) == [message]


def test_a_file_that_became_a_link_is_named(copy: Path, tmp_path: Path) -> None:
    """Even to a file of the same content."""
    shutil.move(copy / "junit.xml", tmp_path / "elsewhere.xml")
    (copy / "junit.xml").symlink_to(tmp_path / "elsewhere.xml")
    assert bundle.verify(copy) == ["junit.xml was changed after the bundle was written"]


@pytest.mark.parametrize("content", ["[]", '{"schema": 2, "claims": 7}', "{", "null"])
def test_a_bundle_that_was_sealed_again_around_nonsense_is_one_line(
    copy: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its sums fit, and it is still no bundle."""
    (copy / bundle.PROOF).write_text(content)
    seal(copy)
    assert bundle.report_verification(copy) == 1
    said = capsys.readouterr().out
    assert said.startswith("proof.json is not what its schema asks for: ")
    assert len(said.splitlines()) == 1


def test_a_bundle_names_the_artifact_that_changed_first(made: Path, copy: Path) -> None:
    """The earliest in the order in which they come about, not in the alphabet; then the verdicts."""
    old = bundle.read(made)
    assert "no artifact changed" in next(bundle.compare(old, old))
    for name in ("exposition.txt", "transcript.txt"):
        (copy / "artifacts" / name).write_text("something else\n")
    document = json.loads((copy / bundle.PROOF).read_text())
    document["claims"][0]["verdict"] = "red"
    (copy / bundle.PROOF).write_text(json.dumps(document))
    seal(copy)
    said = list(bundle.compare(old, bundle.read(copy)))
    assert said[0] == "changed first: artifacts/transcript.txt"
    assert said[-2:] == ["changed too: exposition.txt", f"claim {CLAIM}: proved before, red now"]


def photos(folder: Path) -> Path:
    """A web application with photos."""
    (folder / "webapp/photos").mkdir(parents=True)
    (folder / "webapp/photos/a.jpg").write_text("a")
    (folder / "webapp/manifest.json").write_text("{}")
    return folder / "webapp"


def sealed_photos(folder: Path) -> Path:
    """The same, with sums of all its files."""
    webapp = photos(folder)
    (webapp / bundle.SUMS).write_text(f"{'0' * 64}  manifest.json\n{'0' * 64}  photos/a.jpg\n")
    seal(webapp)
    return webapp


def annotated(folder: Path, made: Path) -> Path:
    """A bundle to which a reader has added notes."""
    shutil.copytree(made, folder / "bundle")
    (folder / "bundle/notes.txt").write_text("mine")
    return folder / "bundle"


def linked(folder: Path, made: Path) -> Path:
    """A link to a bundle."""
    shutil.copytree(made, folder / "bundle")
    (folder / "link").symlink_to("bundle")
    return folder / "link"


def text(folder: Path) -> Path:
    """A file."""
    (folder / "thesis.txt").write_text("mine")
    return folder / "thesis.txt"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (
            lambda folder, _: photos(folder),
            "is not a proof bundle, so it stays as it is: SHA256SUMS is",
        ),
        (
            lambda folder, _: sealed_photos(folder),
            "is not a proof bundle, so it stays as it is: proof.json is",
        ),
        (annotated, "is not a proof bundle, so it stays as it is: notes.txt is not in"),
        (linked, "is not a folder: name a new one"),
        (lambda folder, _: text(folder), "is not a folder: name a new one"),
        (lambda folder, _: text(folder) / "proof", "cannot be written: Not a directory"),
        (lambda *_: Path("/proc/proof"), "cannot be written: "),
    ],
)
def test_what_is_no_bundle_is_left_alone(  # noqa: PLR0913, PLR0917 - what it takes
    tmp_path: Path,
    made: Path,
    small: Small,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path, Path], Path],
    message: str,
) -> None:
    """One line, status 2; nothing is written, and nothing is lost."""
    into = prepare(tmp_path, made)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert command.main([f"--into={into}"], small.root) == 2
    said = capsys.readouterr().err
    assert f"{into} {message}" in said
    assert len(said.splitlines()) == 1
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_bundle_is_written_into_a_new_folder_an_empty_one_and_over_a_bundle(
    tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, with its parents."""
    monkeypatch.setattr(bundle, "write_all", lambda folder, _: (folder / "alerts.yml").touch())
    (tmp_path / "empty").mkdir()
    for into in ("a/new/one", "empty", "empty"):
        assert command.main([f"--into={tmp_path / into}"], small.root) == 0
        assert bundle.verify(tmp_path / into) == []
    assert {path.name for path in tmp_path.iterdir()} == {"a", "empty"}


@pytest.mark.parametrize("into", ["copy", "./copy/../copy", "link", "copy/inside"])
def test_a_bundle_that_is_to_be_written_is_not_compared_with(
    copy: Path, small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, into: str
) -> None:
    """By whatever name: it would be compared with itself, and be gone."""
    (copy.parent / "link").symlink_to("copy")
    monkeypatch.chdir(copy.parent)
    assert command.main(["--against=copy", f"--into={into}"], small.root) == 2
    assert f"copy cannot be compared with: {Path(into)} is to be written" in capsys.readouterr().err
    assert bundle.verify(copy) == []


def test_the_default_folder_is_not_compared_with_itself(
    copy: Path, small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the guide's kept bundle has the name of the default folder."""
    copy.rename(copy.parent / command.FOLDER)
    monkeypatch.chdir(copy.parent)
    assert command.main([f"--against={command.FOLDER}"], small.root) == 2
    assert ".proof cannot be compared with" in capsys.readouterr().err


def test_a_claim_that_is_red_now_is_compared_with_the_bundle_of_before(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old bundle stays as it was."""
    other = Small(tmp_path / "small")
    other.propose("is-41", IS_41)
    other.claim(CLAIM, "tests/contract/test_twice.py::test_type", "is-41")
    assert command.main([f"--against={copy}", f"--into={tmp_path}/now"], other.root) == 1
    assert f"claim {CLAIM}: proved before, red now" in capsys.readouterr().out
    assert bundle.verify(copy) == []


def test_a_build_server_reads_each_verdict(made: Path) -> None:
    """With what went red, whatever characters it has."""
    claim = json.loads((made / bundle.PROOF).read_text())["claims"][0]
    unseen = {"drifts": [{"drift": "is-<41>", "test": "", "message": ""}]}
    claims = [{**claim, "verdict": "proved"}, {**claim, "verdict": "red", "reason": 'a < "b" & c'}]
    claims += [{**claim, **unseen, "verdict": verdict} for verdict in ("error", "not run")]
    text = bundle._rendered("junit.xml", {"claims": claims})  # noqa: SLF001 - before a bundle is written
    suites = ET.fromstring(text)  # noqa: S314 - its own text
    kinds = ("tests", "failures", "errors", "skipped")
    assert [sum(int(suite.attrib[kind]) for suite in suites) for kind in kinds] == [4, 1, 1, 1]
    found = [child.tag for suite in suites for child in suite[0] if child.tag != "system-out"]
    assert found == ["failure", "error", "skipped"]
    assert suites[1][0][0].attrib["message"] == 'a < "b" & c'
    assert suites[0][0][0].text == f"is-41: {CHECKS[CLAIM]} assert 41 == 42\n"
    assert suites[2][0][1].text == "is-<41>: not seen \n"


def test_the_report_says_when_and_what_the_drift_changes_and_fits_a_phone(made: Path) -> None:
    """And counts one claim as one."""
    report = html.unescape((made / "report.html").read_text())
    made_at = json.loads((made / bundle.PROOF).read_text())["made"]
    assert f"made {made_at} from commit" in report
    assert "<title>Proof of 1 claim</title>" in report
    assert "+ANSWER = 41" in report
    assert "body { overflow-wrap: anywhere; }" in report
