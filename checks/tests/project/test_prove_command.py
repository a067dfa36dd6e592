"""The command `invoke prove`: what it says and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.proof import bundle
from checks.proof import prove as command
from checks.tests.small import CHECKS, Small, replaced

if TYPE_CHECKING:
    from pathlib import Path

IS_42 = "ANSWER = 42"
ANSWER = CHECKS["answer-is-42"]


def test_the_command_writes_a_bundle_and_its_status_says_what_was_proved(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Claims are named with or without blanks; what was not run fails in CI."""
    monkeypatch.setattr(bundle, "write_all", lambda folder, _: (folder / "alerts.yml").touch())
    small.write(
        "capstone/tests/domain/test_more.py",
        "import pytest\n\n\n@pytest.mark.skip('no server')\ndef test_skipped() -> None:\n    pass\n",
    )
    small.propose("is-41", replaced(IS_42, "ANSWER = 41"))
    small.claim("seen", ANSWER, "is-41")
    small.claim("skipped", "tests/domain/test_more.py::test_skipped", "is-41")
    into = f"--into={tmp_path}/bundle"
    monkeypatch.delenv("CI", raising=False)
    assert command.main(["--claim=seen, skipped", into], small.root) == 0
    assert "1 proved, 1 not run of 2 claims\n" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert command.main(["--claim=skipped", into], small.root) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--claim=nope"], "there is no claim 'nope'"),
        (["--contract=nope"], "there is no contract 'nope'; there are: authority"),
        (["--rung=nope"], "there is no rung 'nope'; there are: shape"),
        (["--rung=drill", "--claim=samples-are-facts"], "no claim fits all of that"),
        (["--verify=nowhere"], "nowhere is no proof bundle"),
        (["--against=nowhere"], "nowhere is no proof bundle"),
    ],
)
def test_an_odd_request_for_a_proof_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Status 2, and no bundle."""
    assert command.main([*arguments, f"--into={tmp_path}/never-written"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
