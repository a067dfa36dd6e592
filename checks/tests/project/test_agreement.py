"""Claims, tests, code, proposals and record are held to each other, by file and line, first cause first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.drawing.proofs import Proofs
from checks.memory import ROOT
from checks.proof import agreement, ladder
from checks.proof.agreement import disagreements, disputed, exists, readable
from checks.proof.changes import MOTIVE_TO_WRITE, TITLE_TO_WRITE, Change, malformed, read_changes
from checks.proof.claims import CLAIMS, ProofData, ProofDataError
from checks.tests.small import CHECKS, SOURCE, Small, replaced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.failure import Failure

CLAIM = "answer-is-42"
IS_41 = replaced("ANSWER = 42", "ANSWER = 41")


@pytest.fixture
def small(small: Small) -> Small:
    """A small repository with a drift and its claim."""
    small.propose("is-41", IS_41)
    small.claim(CLAIM, CHECKS[CLAIM], "is-41")
    return small


def said(failures: Iterable[Failure]) -> list[str]:
    """Each failure as the check shows it."""
    return [str(failure) for failure in failures]


def line_of(small: Small, text: str) -> int:
    """Where something stands in the claims of a small repository."""
    lines = (small.root / CLAIMS).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("outcome = 1", "outcome = 9", 'name = "truth"', "contract truth: there is no outcome 9"),
        (f'id = "{CLAIM}"\n', "", "[[claim]]", "[[claim]]: missing, unknown or of another type: id"),
        ("outcome = 1", 'outcome = "1"', "[[contract]]", "missing, unknown or of another type: outcome"),
        ("drifts = ['is-41']", 'drifts = "is-41"', "[[claim]]", "unknown or of another type: drifts"),
        ('name = "contract"', 'name = "domain"', 'name = "domain"', "rung domain stands there twice"),
        ('contract = "truth"', 'contract = "thruth"', f'id = "{CLAIM}"', "there is no contract 'thruth'"),
        ('check = "tests/domain/', 'check = "tests/else/', f'id = "{CLAIM}"', "is on no rung"),
        ("drifts = ['is-41']", "drifts = []", f'id = "{CLAIM}"', "names no drift that makes it false"),
        ("[[claim]]", "[[claim]", "[[claim]", "Expected ']]'"),
    ],
)
def test_a_data_file_that_does_not_fit_together_is_one_line(
    small: Small, old: str, new: str, at: str, message: str
) -> None:
    """It says which entry, on which line, and what would be right."""
    text = (small.root / CLAIMS).read_text()
    assert old in text
    small.write(str(CLAIMS), text.replace(old, new, 1))
    with pytest.raises(ProofDataError) as error:
        ProofData.read(small.root)
    assert str(error.value).startswith(f"{CLAIMS}:{line_of(small, at)}: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_contract_has_a_claim(small: Small) -> None:
    """Else nothing shows that it is kept; a page that shows its claims is not drawn, either."""
    text = (small.root / CLAIMS).read_text()
    contract = text[text.index("[[contract]]") :].partition("\n\n")[0].replace('"truth"', '"beauty"')
    small.write(str(CLAIMS), f"{text}\n\n{contract}\n")
    data = ProofData.read(small.root)
    assert said(disagreements(small.root, data)) == [
        f"{CLAIMS}:{line_of(small, 'beauty')}: contract beauty: no claim is a part of it"
    ]
    with pytest.raises(LookupError, match="no claim belongs to a contract 'beauty'"):
        Proofs(small.root, lambda: "page.md").claims("beauty")


def test_claims_code_tests_and_proposals_are_held_to_each_other(small: Small) -> None:
    """An owner, a check, a drift, a rung, a contract: each that is not there is named on its line."""
    assert said(disagreements(small.root, ProofData.read(small.root))) == []
    small.claim("odd", "tests/domain/test_answer.py::test_gone", "gone")
    (small.root / "capstone/tests/third").mkdir()
    small.write("capstone/tests/third/test_x.py", "")
    text = (small.root / CLAIMS).read_text()
    owner = 'owner = "service_monitoring.cli.main"'
    head, _, tail = text.rpartition(owner)
    small.write(str(CLAIMS), f'{head}owner = "service_monitoring.cli.Nobody"{tail}')
    at = line_of(small, 'id = "odd"')
    assert said(disagreements(small.root, ProofData.read(small.root))) == [
        f"{CLAIMS}:{at}: claim odd: its owner service_monitoring.cli.Nobody does not exist",
        f"{CLAIMS}:{at}: claim odd: its check tests/domain/test_answer.py::test_gone does not exist",
        f"{CLAIMS}:{at}: claim odd: there is no proposal gone: `invoke propose gone` writes one",
        f"{CLAIMS}:1: third is a rung in only one of capstone/tests and {CLAIMS}",
    ]
    assert exists("service_monitoring.domain.policy.MonitoringPolicy.copy")


def test_what_only_follows_is_said_when_its_cause_is_gone(small: Small) -> None:
    """A record that is old is not asked what it says; a new claim is said to be new, and not to be unseen."""
    ladder.main([], small.root)
    small.claim("twice-is-84", CHECKS["twice-is-84"], "is-40")
    small.propose("is-40", replaced("ANSWER = 42", "ANSWER = 40"))
    data, changes = ProofData.read(small.root), read_changes(small.root)
    assert [line.partition(" changed")[0] for line in said(disputed(small.root, data, changes))] == [
        f"{CLAIMS}:{line_of(small, 'twice-is-84')}: claim twice-is-84"
    ]
    ladder.main([], small.root)
    data = ProofData.read(small.root)
    assert not [line for line in said(disputed(small.root, data, changes)) if "claim" in line]


def test_a_proposal_that_cannot_be_read_is_named_with_all_others(small: Small) -> None:
    """Without a diff, with two, with an empty one: one line each, and the good ones are read."""
    for name, text in {
        "none": "# Title\n\nWhy.\n",
        "two": "# Title\n\nWhy.\n\n```diff\n-a\n+b\n```\n\n```diff\n-a\n+b\n```\n",
        "empty": "# Title\n\nWhy.\n\n```diff\n```\n",
        "blank": "",
    }.items():
        small.write(f"docs/proposals/{name}/index.md", text)
    changes, failures = readable(small.root)
    assert [change.name for change in changes] == ["is-41"]
    assert said(failures) == [
        f"docs/proposals/{name}/index.md:1: a proposal is a title, a motive and one diff"
        for name in ("blank", "empty", "none", "two")
    ]


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (Change("x", "", "Why.", IS_41), 1, "write the title"),
        (Change("x", TITLE_TO_WRITE, "Why.", IS_41), 1, "write the title"),
        (Change("x", "Title", "", IS_41), 3, "write the motive"),
        (Change("x", "Title", MOTIVE_TO_WRITE, IS_41), 3, "write the motive"),
        (
            Change("x", "T", "W.", IS_41.replace(SOURCE, "capstone/tests/conftest.py")),
            1,
            "capstone/src and no",
        ),
        (
            Change("x", "T", "W.", "diff --git a/README.md b/README.md\nrename from README.md\n"),
            1,
            "and nothing",
        ),
    ],
)
def test_a_proposal_is_whole_and_changes_the_package_only(change: Change, line: int, message: str) -> None:
    """Title and motive are written; neither tests nor pages are touched, by whatever kind of change."""
    failures = said(malformed(change))
    assert len(failures) == 1
    assert failures[0].startswith(f"docs/proposals/x/index.md:{line}: ")
    assert message in failures[0]
    assert not list(malformed(Change("x", "Title", "Why.", IS_41)))


def test_this_repository_agrees_but_for_an_old_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the record is old, the part `claims` says."""
    agreement.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if ladder.COMMAND not in line]
    assert len(lines) == 1
    assert lines[0].endswith(" failures")


def test_there_is_enough_to_judge() -> None:
    """Claims over all contracts, three drifts for each, and a third of the proposals safe."""
    data, changes = ProofData.read(), read_changes(ROOT)
    drifts = data.drifts()
    assert len(data.claims) >= 40
    assert len(drifts) >= 36
    for contract in data.contracts:
        found = {drift for claim in data.of_contract(contract.name) for drift in claim.drifts}
        assert len(found) >= 3, contract.name
    safe = [change for change in changes if change.name not in drifts]
    assert len(changes) >= 30
    assert len(safe) * 3 >= len(changes)
