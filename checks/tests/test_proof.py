"""The proof engine, seen to fail: checks that ask nothing, bundles that were touched, old records."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks.pages.scratch import copy_repository
from checks.proof import bundle, prove, review
from checks.proof.agreement import disagreements, exists, shape
from checks.proof.changes import Change, read_change, read_changes
from checks.proof.claims import CLAIMS, ROOT, Claim, ProofData, ProofDataError
from checks.proof.ladder import contradictions, read_record, stale, uninformative
from checks.proof.reach import Reach
from checks.proof.trial import DEMO, DoesNotApplyError, Trial, Trials, Verdicts, capstone_digest

FIRST_CLAIM = "samples-are-facts"


@pytest.fixture(scope="module")
def data() -> ProofData:
    """The claims of this repository."""
    return ProofData.read()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository to break."""
    copy_repository(ROOT, tmp_path / "repository")
    return tmp_path / "repository"


def drawn(data: ProofData, count: int) -> list[Claim]:
    """A few cheap claims, others for each state of the capstone."""
    cheap = [claim for claim in data.claims if claim.rung in {"shape", "domain", "artifact", "oracle"}]
    start = int(capstone_digest(), 16)
    return [cheap[(start + step * 7) % len(cheap)] for step in range(count)]


def test_a_few_claims_are_proved_of_the_capstone_as_it_is(data: ProofData) -> None:
    """Not from the record: each check green as it is, red with each of its drifts."""
    for proof in prove.prove(drawn(data, 2)):
        assert (proof.verdict, proof.reason) == (prove.PROVED, "")
        assert [one.drift for one in proof.seen] == list(proof.claim.drifts)


def test_a_check_that_asks_nothing_makes_its_claim_red(data: ProofData, copy: Path) -> None:
    """The body of the test is taken out: everything is green, and the proof says what was not seen."""
    claims = drawn(data, 2)
    for claim in claims:
        file, _, test = claim.check.partition("::")
        disarm(copy / "capstone" / file, test)
    for proof in prove.prove(claims, copy, Trials(copy)):
        assert proof.verdict == prove.RED
        assert proof.reason.startswith("its drift was not seen: " + proof.claim.check)
        assert any(proof.claim.id in line for line in prove.lines([proof]))


def disarm(file: Path, test: str) -> None:
    """Have a test return before its first statement."""
    text = file.read_text(encoding="utf-8")
    start = re.search(
        rf"^def {test}\(.*?\) -> None:\n(?:    \"\"\".*?\"\"\"\n)?", text, re.MULTILINE | re.DOTALL
    )
    if start is None:  # what a state machine's test case inherits
        name = test.partition("::")[0]
        text = re.sub(
            rf"^{name}\b.*$", f"class {name}:\n    def runTest(self):\n        pass", text, flags=re.MULTILINE
        )
        file.write_text(text, encoding="utf-8")
        return
    file.write_text(text[: start.end()] + "    return\n" + text[start.end() :], encoding="utf-8")


def test_a_claim_is_red_for_each_reason_there_is(data: ProofData, copy: Path) -> None:
    """A test that is gone, one that is red by itself, a drift that breaks the demo."""
    claim = data.claim(FIRST_CLAIM)
    trials = Trials(copy)
    gone = replace(claim, check="tests/artifact/test_cli.py::test_of_nothing")
    assert "did not run" in prove.prove([gone], copy, trials)[0].reason
    proposal = copy / "docs/proposals" / claim.drifts[0] / "index.md"
    proposal.write_text(
        "# Break it\n\nWhy not.\n\n```diff\n--- a/capstone/src/service_monitoring/cli.py\n"
        "+++ b/capstone/src/service_monitoring/cli.py\n@@ -1 +1,2 @@\n+raise SystemExit(3)\n"
        f" {(copy / 'capstone/src/service_monitoring/cli.py').read_text().splitlines()[0]}\n```\n"
    )
    assert "does not even pass" in prove.prove([claim], copy, trials)[0].reason
    file = copy / "capstone" / claim.check.partition("::")[0]
    file.write_text(
        file.read_text() + f"\n\ndef {claim.check.partition('::')[2]}() -> None:\n    assert 1 == 2\n"
    )
    again = Trials(copy)
    assert "red without any change: assert 1 == 2" in prove.prove([claim], copy, again)[0].reason


def test_what_is_known_is_not_run_again_and_what_changed_is(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of a trial is kept by the hash of what it depends on."""
    trial = Trial("a test", "", ("tests/shape/test_configuration.py",))
    trials = Trials(copy, copy / ".cache/trials")
    first = trials.run([trial], "runs")[trial]
    monkeypatch.setattr(Trials, "_try", None)
    assert Trials(copy, copy / ".cache/trials").run([trial], "runs")[trial] == first
    assert trials.known(replace(trial, diff="another")) is None
    (copy / "capstone/src/service_monitoring/report.py").write_text("")
    assert Trials(copy, copy / ".cache/trials").known(trial) is None


def test_a_change_is_tried_where_it_can_be_noticed(copy: Path) -> None:
    """By what imports it at any depth, by what starts the service, and by the shape of the sources."""
    capstone = copy / "capstone"
    window, postgres = (
        f"--- a/capstone/src/service_monitoring/{path}.py\n+++ b/capstone/src/service_monitoring/{path}.py\n"
        for path in ("domain/window", "storage/postgres")
    )
    by_import = "tests/domain/test_policy_model.py"  # of the policy, which imports the window
    by_fixture, by_process = "tests/contract/test_outbox.py", "tests/drill/test_kill.py"
    by_reading, never = "tests/shape/test_layers.py", "tests/artifact/test_durations.py"
    reach = Reach(capstone)
    found = reach.test_files(window)
    assert {by_import, by_process, by_reading} <= set(found)
    assert never not in found
    found = reach.test_files(postgres)
    assert {by_fixture, by_process, by_reading} <= set(found)
    assert not {by_import, never} & set(found)
    assert never in reach.test_files(postgres.replace(".py", ".json"))
    file = capstone / never
    file.write_text(f"def later():\n    from service_monitoring.storage import postgres\n{file.read_text()}")
    assert never in Reach(capstone).test_files(postgres)


def test_a_diff_that_does_not_apply_is_named(copy: Path) -> None:
    """With what git says of it."""
    with pytest.raises(DoesNotApplyError, match=r"^odd does not apply: error: capstone/src/nowhere\.py"):
        Trials(copy, copy / ".cache/trials").run(
            [
                Trial(
                    "odd",
                    "--- a/capstone/src/nowhere.py\n+++ b/capstone/src/nowhere.py\n@@ -1 +1 @@\n-a\n+b\n",
                    ("tests",),
                )
            ],
            "runs",
        )


def test_an_interrupted_run_leaves_nothing_behind(copy: Path, tmp_path: Path) -> None:
    """No copy of the capstone, no record, no traceback; one line, and the status of an interruption."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "checks.proof.ladder", "refill-one-sample"],
        cwd=copy,
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(scratch.glob("trial-*/capstone/tests")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)  # into the demo, or the tests
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert errors.splitlines()[-1].startswith("ladder interrupted")
    assert "Traceback" not in errors
    assert not list(scratch.iterdir())
    assert not (copy / ".cache/trials").exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: ProofData) -> Path:
    """A bundle of one claim."""
    folder = tmp_path_factory.mktemp("bundle") / "proof"
    bundle.write(folder, data, prove.prove([data.claim(FIRST_CLAIM)]))
    return folder


def test_a_bundle_verifies_and_every_byte_of_it_counts(made: Path, tmp_path: Path) -> None:
    """One changed byte in any file, a file more and a file less are each found and named."""
    assert list(bundle.verify(made)) == []
    files = [file.relative_to(made) for file in made.rglob("*") if file.is_file()]
    assert len(files) == 13
    for number, name in enumerate(files):
        touched = tmp_path / str(number)
        shutil.copytree(made, touched)
        content = bytearray((touched / name).read_bytes())
        content[len(content) // 2] ^= 1
        (touched / name).write_bytes(content)
        assert any(str(name) in line for line in bundle.verify(touched)), name
        (touched / name).unlink()
        assert any(str(name) in line for line in bundle.verify(touched)), name
    (tmp_path / "0" / "more").write_text("")
    shutil.copytree(made, tmp_path / "more")
    (tmp_path / "more" / "more").write_text("")
    assert list(bundle.verify(tmp_path / "more")) == ["more is not in the manifest"]


def test_a_bundle_names_the_artifact_that_changed_first(made: Path, tmp_path: Path) -> None:
    """The earliest in the order in which they come about, not in the alphabet."""
    assert "no artifact changed" in next(bundle.compare(made, made))
    other = tmp_path / "other"
    shutil.copytree(made, other)
    for name in ("exposition.txt", "transcript.txt"):
        (other / "artifacts" / name).write_text("something else\n")
    said = list(bundle.compare(made, other))
    assert said[0] == "changed first: artifacts/transcript.txt"
    assert "changed too: exposition.txt" in said


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path) -> None:
    """It is neither overwritten nor compared with."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(bundle.BundleError, match="holds something else"):
        bundle.refuse_foreign(tmp_path)
    with pytest.raises(bundle.BundleError, match="is no proof bundle"):
        bundle.refuse_unverified(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("outcome = 1\n", "outcome = 9\n", "there is no outcome 9"),
        ('id = "samples-are-facts"\n', "", "missing or unknown: id"),
        ('[[rung]]\nname = "shape"', '[[rung]]\nname = "domain"', "rung domain stands there twice"),
        ('contract = "authority"', 'contract = "autority"', "there is no contract 'autority'"),
        ('check = "tests/artifact/', 'check = "tests/elsewhere/', "is on no rung"),
    ],
)
def test_a_data_file_that_does_not_fit_together_is_one_line(
    copy: Path, old: str, new: str, message: str
) -> None:
    """It says which entry, and what would be right."""
    file = copy / CLAIMS
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ProofDataError, match=re.escape(message)):
        ProofData.read(copy)


def test_claims_code_tests_and_proposals_are_held_to_each_other(data: ProofData, copy: Path) -> None:
    """An owner, a check, a drift, a rung: each that is not there is named on its line."""
    assert list(disagreements(copy, data)) == []
    claim = data.claim(FIRST_CLAIM)
    file, _, test = claim.check.partition("::")
    (copy / "capstone" / file).write_text((copy / "capstone" / file).read_text().replace(test, test + "_"))
    shutil.rmtree(copy / "docs/proposals" / claim.drifts[0])
    (copy / "capstone/tests/seventh").mkdir()
    (copy / "capstone/tests/seventh/test_x.py").touch()
    broken = replace(
        data, claims=(replace(claim, owner="service_monitoring.domain.policy.Nobody"), *data.claims[1:])
    )
    said = "\n".join(map(str, disagreements(copy, broken)))
    line = (copy / CLAIMS).read_text().partition(f'id = "{claim.id}"')[0].count("\n") + 1
    for message in (
        "its owner service_monitoring.domain.policy.Nobody does not",
        "its check",
        "there is no proposal",
    ):
        assert re.search(rf"^{CLAIMS}:{line}: claim {claim.id}: {message}", said, re.MULTILINE), said
    assert "seventh is a rung in only one of" in said
    assert exists("service_monitoring.domain.policy.MonitoringPolicy.copy")


def test_a_proposal_changes_the_package_and_nothing_else() -> None:
    """Neither tests, nor pages, nor nothing."""
    tests = Change(
        "x", "Title", "Motive.", "--- a/capstone/tests/conftest.py\n+++ b/capstone/tests/conftest.py\n"
    )
    empty = Change("y", "Title", "", "")
    assert [failure.path for failure in shape([tests, empty])] == [
        "docs/proposals/x/index.md",
        "docs/proposals/y/index.md",
    ]


def test_an_old_record_says_what_changed(data: ProofData, copy: Path) -> None:
    """The capstone, a proposal or a claim: each by name."""
    changes = read_changes(copy)
    recorded = read_record(copy)
    assert stale(recorded, data, changes, copy) == []
    (copy / "capstone/src/service_monitoring/report.py").write_text("")
    other = [replace(changes[0], diff="other"), *changes[1:]]
    fewer = replace(data, claims=data.claims[1:])
    assert stale(recorded, fewer, other, copy) == [
        "the capstone changed",
        f"proposal {changes[0].name} changed",
        f"claim {data.claims[0].id} changed",
    ]
    assert stale({}, data, changes, copy) == ["there is no record"]


def test_a_record_that_denies_a_claim_is_red(data: ProofData) -> None:
    """A drift that was not seen, a safe change that is red, a rung that is red by itself, a broken demo."""
    recorded = read_record()
    assert list(contradictions(recorded, data)) == []
    safe = next(name for name, entry in recorded["changes"].items() if not entry["first"])
    drift, named = next(iter(data.drifts().items()))
    broken = json.loads(json.dumps(recorded))
    broken["rungs"]["domain"]["red"] = 1
    broken["changes"][drift]["claims"] = []
    broken["changes"][safe]["first"] = "shape"
    broken["changes"][safe]["rungs"]["shape"] = {
        "red": True,
        "test": "tests/shape/test_x.py::test_y",
        "message": "no",
    }
    said = list(contradictions(broken, data))
    assert "rung domain is red without any change" in said
    assert f"proposal {safe} is named by no claim, but tests/shape/test_x.py::test_y is red: no" in said
    assert any(line.startswith(f"claim {named[0].id}: its drift was not seen") for line in said)
    broken["changes"][safe]["first"] = DEMO
    assert any(f"proposal {safe} does not even pass" in line for line in contradictions(broken, data))


def test_a_matrix_that_teaches_nothing_is_red() -> None:
    """A rung that is never first, one that is always first, and no drift for the shape rung alone."""
    recorded = read_record()
    assert list(uninformative(recorded)) == []
    dull = json.loads(json.dumps(recorded))
    for entry in dull["changes"].values():
        entry["first"] = entry["first"] and "drill"
    said = list(uninformative(dull))
    assert "rung drill is the first to see every drift" in said
    assert "rung shape is the first to see no drift" in said
    assert "no drift is seen by the rung shape alone" in said


def test_there_is_enough_to_judge(data: ProofData) -> None:
    """Claims over all contracts, three drifts for each, and a third of the proposals safe."""
    changes, drifts = read_changes(ROOT), data.drifts()
    assert len(data.claims) >= 40
    assert len(drifts) >= 36
    for contract in data.contracts:
        assert len({drift for claim in data.of_contract(contract.name) for drift in claim.drifts}) >= 3, (
            contract.name
        )
    safe = [change for change in changes if change.name not in drifts]
    assert len(changes) >= 30
    assert len(safe) * 3 >= len(changes)


def right_answers(names: list[str], true: dict[str, review.Truth]) -> dict[str, dict[str, str]]:
    """What a perfect reviewer answers."""
    return {name: {question: right[0] for question, right in true[name].right.items()} for name in names}


@pytest.fixture
def as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the record for the truth, however old it is: that it is old, the part `claims` says."""
    monkeypatch.setattr(review, "stale", lambda *_: [])


@pytest.mark.usefixtures("as_recorded")
def test_an_exam_counts_a_false_alarm_as_much_as_a_miss(data: ProofData) -> None:
    """Perfect is 1; to refuse everything or to accept everything is a half."""
    true = review.truths(read_changes(ROOT), data)
    names = review.sealed(true, "a seed")
    assert names == review.sealed(true, "a seed") != review.sealed(true, "another")
    assert len(names) == review.EXAM_SIZE == 2 * sum(not true[name].rung for name in names)
    perfect = right_answers(names, true)
    assert review.score(perfect, true).value == 1
    accept = {name: dict.fromkeys(review.QUESTIONS, review.NONE) for name in names}
    refuse = {name: {"contract": "authority", "rung": "shape", "boundary": "domain"} for name in names}
    assert review.score(accept, true).value == review.score(refuse, true).value == 0.5 < review.PASS_SCORE
    assert (
        review.score(accept, true).misses == review.score(refuse, true).false_alarms == review.EXAM_SIZE // 2
    )


def answers_file(file: Path, answers: dict[str, dict[str, str]]) -> Path:
    """Answers as a learner writes them down."""
    file.write_text(
        "".join(
            f"[{name}]\n" + "".join(f'{question} = "{answer}"\n' for question, answer in table.items())
            for name, table in answers.items()
        )
    )
    return file


@pytest.mark.usefixtures("as_recorded")
def test_a_proposal_is_judged_from_a_file(
    data: ProofData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The proposal, then the truth with its evidence, then each answer: status 0 only if all are right."""
    true = review.truths([read_change(ROOT, "refill-one-sample")], data)
    answers = right_answers(["refill-one-sample"], true)
    file = answers_file(tmp_path / "a.toml", answers)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 0
    told = capsys.readouterr().out
    assert told.index("Refill one sample") < told.index("+++ b/capstone") < told.index("It breaks: authority")
    assert f"First seen by {true['refill-one-sample'].rung}: tests/" in told
    answers["refill-one-sample"]["contract"] = "none"
    answers_file(file, answers)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 1
    assert "contract:  none, wrong: authority" in capsys.readouterr().out


@pytest.mark.usefixtures("as_recorded")
def test_an_exam_is_taken_from_a_file(
    data: ProofData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same seed asks the same twelve."""
    true = review.truths(read_changes(ROOT), data)
    file = answers_file(tmp_path / "a.toml", right_answers(review.sealed(true, "x"), true))
    assert review.main(["--exam", "--seed=x", f"--answers={file}"]) == 0
    assert "score 100%" in capsys.readouterr().out
    assert review.main(["--exam", "--seed=y", f"--answers={file}"]) == 2
    assert "there is no table [" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no table [refill-one-sample] with contract, rung, boundary"),
        (
            '[refill-one-sample]\ncontract = "speed"\n',
            "refill-one-sample.contract is 'speed': one of authority",
        ),
        ('[refill-one-sample]\ncontract = "none"\n', "refill-one-sample.rung is missing: one of shape"),
        ("[refill", "Expected ']'"),
    ],
)
def test_odd_answers_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    """What, where, what would be right; status 2, and nothing of the truth is shown."""
    file = tmp_path / "answers.toml"
    file.write_text(text)
    assert review.main(["refill-one-sample", f"--answers={file}"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert "First seen" not in captured.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--claim=nope"], "there is no claim 'nope'"),
        (["--contract=nope"], "there is no contract 'nope'; there are: authority"),
        (["--rung=nope"], "there is no rung 'nope'; there are: shape"),
        (["--rung=drill", f"--claim={FIRST_CLAIM}"], "no claim fits all of that"),
        (["--verify=nowhere"], "nowhere is no proof bundle"),
    ],
)
def test_an_odd_request_for_a_proof_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Status 2, and no bundle."""
    assert prove.main([*arguments, f"--into={tempfile.gettempdir()}/never-written"]) == 2
    assert message in capsys.readouterr().err
    assert not Path(tempfile.gettempdir(), "never-written").exists()


def test_a_skipped_check_is_not_run_and_never_proved(data: ProofData) -> None:
    """Its reason is the verdict's."""
    claim = data.claim(FIRST_CLAIM)
    clean = Verdicts(skipped={claim.check: "Skipped: no server here"})
    seen = Verdicts(failed={claim.rung: {claim.check: "assert 1"}})
    proof = prove.judge(claim, clean, dict.fromkeys(claim.drifts, seen))
    assert (proof.verdict, proof.reason) == (prove.NOT_RUN, "Skipped: no server here")
