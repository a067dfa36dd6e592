"""The command line: what it prints, what it refuses, and what it leaves alone."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from service_monitoring.application import recording
from service_monitoring.boundary.codec import encode_sample
from service_monitoring.cli import main
from service_monitoring.domain.values import MetricName, Sample

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HEADER = b'{"format": "service-monitoring/trace", "version": 1}\n'
COMMANDS = (
    "record",
    "replay",
    "summary",
    "history",
    "timeline",
    "snapshot",
    "rules",
    "export-alerts",
    "serve",
    "rebuild",
    "check",
    "demo",
)
POLICY = """\
schema = 1
policy = "test"
[[rule]]
id = "busy"
metric = "busy"
condition = { kind = "threshold", comparison = ">", limit = 0.5 }
severity = "critical"
hold_for = "30s"
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Three minutes of one metric, busy during the second."""
    file = tmp_path / "trace.jsonl"
    values = [0.1] * 60 + [0.9] * 60 + [0.1] * 60
    file.write_bytes(
        HEADER
        + b"".join(
            encode_sample(Sample(MetricName("busy"), value, START + timedelta(seconds=second))) + b"\n"
            for second, value in enumerate(values)
        )
    )
    return file


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """One rule that the trace breaks for a minute."""
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def over(command: str, trace: Path, policy: Path, *more: str) -> list[str]:
    """The arguments of a command over a trace."""
    return [command, str(trace), "--config", str(policy), *more]


def test_replay_prints_each_incident_as_it_opens_and_resolves(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line an incident's step, then the totals."""
    assert main(over("replay", trace, policy)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "09:01:30  open      busy                   critical",
        "09:02:00  resolved  busy                   condition cleared after 30s",
        "180 samples, 13 decisions: 1 incidents opened, 1 resolved, 0 forgotten while pending",
    ]


def test_until_leaves_later_samples_out(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The instant itself still counts."""
    assert main(over("replay", trace, policy, "--until", "2026-11-23T09:01:00Z")) == 0
    assert capsys.readouterr().out.startswith("61 samples, 5 decisions: 0 incidents opened")


def test_summary_counts_everything(trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trace, samples, decisions, rules and incidents."""
    assert main(over("summary", trace, policy)) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["trace"] == f"{trace}, 2026-11-23 09:00:00 to 09:02:59 UTC"
    assert rows["samples"] == "180 of 1 metrics, none refused"
    assert rows["decisions"] == "13, one every 15s"
    assert rows["rules"] == "0 draft, 1 active, 0 retired"
    assert rows["incidents"] == "0 pending, 0 open, 1 resolved, 0 forgotten while pending"


def test_history_lists_events_in_commit_order(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the draft of the rule to the end of its incident."""
    assert main(over("history", trace, policy)) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "RuleDrafted",
        "RuleActivated",
        "IncidentPending",
        "IncidentOpened",
        "IncidentResolved",
    ]


def test_timeline_draws_pending_and_open(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Idle for a third, pending for a sixth, open for a sixth, idle again."""
    assert main(over("timeline", trace, policy)) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row == "busy  " + "·" * 20 + "-" * 10 + "█" * 10 + "·" * 20


def test_timeline_draws_what_began_with_the_last_decision(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the last column; in the first one of a trace that holds one instant only."""
    assert main(over("timeline", trace, policy, "--until", "2026-11-23T09:01:00Z")) == 0
    assert capsys.readouterr().out.splitlines()[1] == "busy  " + "·" * 59 + "-"
    trace.write_bytes(HEADER + encode_sample(Sample(MetricName("busy"), 0.9, START)) + b"\n")
    assert main(over("timeline", trace, policy)) == 0
    assert capsys.readouterr().out.splitlines()[1] == "busy  -" + "·" * 59


def test_snapshot_in_json_is_what_is_true(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The open incident, its instants, and the newest value."""
    arguments = over("snapshot", trace, policy, "--until", "2026-11-23T09:01:40Z", "--json")
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["at"] == "2026-11-23T09:01:45Z"
    assert document["metrics"] == {"busy": 0.9}
    (incident,) = document["incidents"]["current"]
    assert incident["state"] == "open"
    assert incident["opened_at"] == "2026-11-23T09:01:30Z"


def test_snapshot_for_people_names_the_open_incident(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so when there is none."""
    assert main(over("snapshot", trace, policy, "--until", "2026-11-23T09:01:40Z")) == 0
    assert "open: busy@20261123T090100.000000Z, critical" in capsys.readouterr().out
    assert main(over("snapshot", trace, policy)) == 0
    assert "no incident is pending or open" in capsys.readouterr().out


def test_rules_and_check_read_the_policy(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row a rule; one line for a policy without a problem."""
    assert main(["rules", "--config", str(policy)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "busy",
        "critical",
        "busy",
        ">",
        "0.5",
        "30s",
        "0s",
    ]
    assert main(["check", str(policy)]) == 0
    assert capsys.readouterr().out == f"{policy}: policy test, 1 rules, no problem found\n"


def test_demo_opens_and_resolves_what_the_recorded_load_explains(capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of load that load.py makes is seen, and every incident is resolved in the end."""
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    opened = {line.split()[2] for line in out.splitlines() if line[8:14] == "  open"}
    assert opened == {
        "cpu-saturated",
        "load-above-processors",
        "disk-writes-high",
        "memory-filling",
        "memory-nearly-full",
    }
    assert "7 incidents opened, 7 resolved" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` prints and exits with 0."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_the_commands_are_these(capsys: pytest.CaptureFixture[str]) -> None:
    """No command without a test of its help, and no test without a command."""
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z-]+)\s", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["replay", "{folder}/nowhere.jsonl"], "{folder}/nowhere.jsonl: No such file or directory"),
        (["replay", "{folder}"], "{folder}: Is a directory"),
        (["replay", "{folder}/empty.jsonl"], "{folder}/empty.jsonl:1: not_json"),
        (["summary", "{folder}/header.jsonl"], "{folder}/header.jsonl: holds no samples"),
        (["replay", "{folder}/broken.jsonl"], "{folder}/broken.jsonl:3: bad_value"),
        (["replay", "{folder}/gap.jsonl"], "lies more than a day after"),
        (["check", "{folder}/twins.toml"], "{folder}/twins.toml: rule busy exists already"),
        (["rules", "--config", "{folder}/broken.jsonl"], "{folder}/broken.jsonl: "),
        (["replay", "machine-under-load", "--until", "yesterday"], "'yesterday' is not an instant"),
        (["replay", "machine-under-load", "--until", "2026-11-23T09:05:00"], "is not an instant"),
        (["replay", "machine-under-load", "--until", "0001-01-01T00:00:00+01:00"], "is not an instant"),
        (["summary", "machine-under-load", "--until", "2026-01-01T00:00:00Z"], "begins after 2026-01-01"),
        (["record", "{folder}/new.jsonl", "--for", "soon"], "'soon' is not a duration"),
        (["record", "{folder}/new.jsonl", "--interval", "0"], "must be longer than 0"),
        (["record", "{folder}/broken.jsonl", "--for", "1s"], "exists already"),
        (["record", "{folder}/no/folder.jsonl", "--for", "1s"], "{folder}/no/folder.jsonl: No such file"),
        (["summarize"], "invalid choice: 'summarize'"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_is_one_line_and_status_2_and_writes_nothing(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong and where, on standard error, and every file as it was."""
    up = b'{"metric":"up","value":1,"observed_at":"2026-11-23T09:00:00Z"}\n'
    files = {
        "empty.jsonl": b"",
        "header.jsonl": HEADER,
        "broken.jsonl": HEADER + up + up.replace(b":1,", b":1e999,"),
        "gap.jsonl": HEADER + up + up.replace(b"2026-11-23", b"2026-11-25"),
        "twins.toml": (POLICY + POLICY[POLICY.index("[[rule]]") :]).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    try:
        status: object = main([argument.format(folder=tmp_path) for argument in arguments])
    except SystemExit as ended:
        status = ended.code
    errors = capsys.readouterr().err
    assert status == 2
    assert errors.count("\n") == 1
    assert errors.startswith("service-monitoring: ")
    assert complaint.format(folder=tmp_path) in errors
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == files


class ShortSleeps:
    """A monotonic clock that only sleeping moves, by all of it after a hundredth: no tick is missed."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes, most of it at once."""
        time.sleep(seconds / 100)
        self.now += seconds


def test_record_writes_what_replay_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two readings of this machine, seven metrics, through the whole service."""
    monkeypatch.setattr(recording, "time", ShortSleeps())
    file = tmp_path / "mine.jsonl"
    assert main(["record", str(file), "--for", "1s", "--interval", "500ms"]) == 0
    assert capsys.readouterr().out == f"{file}: 14 samples\n"
    assert main(["summary", str(file)]) == 0
    assert "14 of 7 metrics, none refused" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`replay | head -1`: no traceback, status 0."""
    run = "from service_monitoring.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", run, "history", "machine-under-load"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


VIEWS = ("summary", "history", "timeline", "snapshot")


@pytest.fixture
def store(trace: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The address of a store that holds what was decided over the trace."""
    address = f"sqlite:///{tmp_path / 'store.db'}"
    assert main(over("replay", trace, policy, "--store", address)) == 0
    capsys.readouterr()
    return address


@pytest.mark.parametrize("view", ["history", "timeline", "snapshot", "history --json", "timeline --json"])
def test_a_store_shows_what_its_replay_showed(
    view: str, store: str, trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same lines, from another process's file."""
    view, *form = view.split()
    assert main(over(view, trace, policy, *form)) == 0
    shown = capsys.readouterr().out
    assert main([view, "--store", store, "--config", str(policy), *form]) == 0
    assert capsys.readouterr().out == shown
    assert shown


def test_a_summary_of_a_store_counts_what_it_holds(
    store: str, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In columns for people, as JSON for machines."""
    assert main(["summary", "--store", store, "--config", str(policy)]) == 0
    assert "incidents  0 pending, 0 open, 1 resolved, 0 forgotten while pending" in capsys.readouterr().out
    assert main(["summary", "--store", store, "--config", str(policy), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["incidents"] == {"current": 0, "opened": 1, "resolved": 1, "forgotten": 0}
    assert document["rules"] == {"active": 1}
    assert document["outbox"] == {"waiting": 0, "dead": 0}


@pytest.mark.parametrize("view", VIEWS)
def test_a_store_that_is_not_there_is_not_made(
    view: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, status 2, and nothing on the disk."""
    assert main([view, "--store", f"sqlite:///{tmp_path / 'none.db'}"]) == 2
    assert capsys.readouterr().err.endswith("none.db: there is no such file\n")
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_policy_says_which_it_does_not_hold(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what to do."""
    assert main(["summary", "--store", store]) == 2
    assert capsys.readouterr().err == (
        "service-monitoring: --store: there is no policy 'machine': replay a trace into it, or serve\n"
    )


def test_a_trace_is_replayed_into_a_store_once(
    store: str, trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second replay is refused and changes nothing."""
    assert main(["history", "--store", store, "--config", str(policy)]) == 0
    before = capsys.readouterr().out
    assert main(over("replay", trace, policy, "--store", store)) == 2
    assert "--store: holds policy test already" in capsys.readouterr().err
    assert main(["history", "--store", store, "--config", str(policy)]) == 0
    assert capsys.readouterr().out == before


@pytest.mark.parametrize(
    ("true", "false"),
    [('"opened_count":1', '"opened_count":7'), ('"status":"active"', '"status":"retired"')],
    ids=["a count", "a status"],
)
def test_rebuild_finds_and_mends_a_projection_that_somebody_changed(
    store: str, policy: Path, capsys: pytest.CaptureFixture[str], true: str, false: str
) -> None:
    """Equal when nobody did."""
    rebuild = ["rebuild", "--store", store, "--config", str(policy)]
    assert main(rebuild) == 0
    assert "are equal to the live ones" in capsys.readouterr().out
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE policies SET live = replace(live, ?, ?)", (true, false))
    assert main(rebuild) == 0
    assert "are DIFFERENT from the live ones, and in their place now" in capsys.readouterr().out
    assert main(rebuild) == 0
    assert "are equal to the live ones" in capsys.readouterr().out


def test_until_cuts_a_trace_and_nothing_else(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A store has no samples to leave out."""
    assert main(["summary", "--store", store, "--until", "2026-11-23T09:05:00Z"]) == 2
    assert capsys.readouterr().err == "service-monitoring: --until cuts a trace: name the trace\n"


def test_a_bad_store_address_is_not_repeated(
    trace: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may hold a password."""
    assert main(over("replay", trace, policy, "--store", "redis://me:hunter22@host")) == 2
    error = capsys.readouterr().err
    assert "postgresql://user@host/database" in error
    assert "hunter22" not in error


def test_rules_are_also_said_to_machines(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Durations in seconds."""
    assert main(["rules", "--config", str(policy), "--json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)
    assert (rule["id"], rule["condition"], rule["hold_for_seconds"]) == ("busy", "> 0.5", 30.0)


def test_export_alerts_prints_rules_and_names_what_it_leaves_out(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules go to the standard output alone."""
    policy.write_text(POLICY + 'runbook = "busy"\n')
    assert main(["export-alerts", "--runbooks", "https://runbooks.example", "--config", str(policy)]) == 0
    out, err = capsys.readouterr()
    assert 'runbook_url: "https://runbooks.example/busy"' in out
    assert err == ""
    assert main(["export-alerts"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("groups:\n")
    assert "left out: PromQL has no such condition" in err


@pytest.mark.parametrize(
    ("arguments", "token", "expected"),
    [
        ([], "", "there is no token: put one of at least 16 characters into SERVICE_MONITORING_TOKEN"),
        ([], "hunter2", "SERVICE_MONITORING_TOKEN: a secret needs at least 8 characters"),
        ([], "hunter2hunter2", "the token must be at least 16 letters, digits"),
        (["--host", "192.0.2.1"], "a" * 20, "'192.0.2.1' is not a loopback address"),
        (["--port", "66000"], "a" * 20, "'66000' is not a port"),
        (["--token-file", "none"], "", "none: No such file or directory"),
    ],
)
def test_serve_refuses_to_start_unsafely(  # noqa: PLR0913, PLR0917 - a table of refusals
    arguments: list[str],
    token: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line, status 2, no store made, and no part of the token shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_MONITORING_TOKEN", token)
    command = ["serve", "--store", f"sqlite:///{tmp_path / 'store.db'}", *arguments]
    try:
        status = main(command)
    except SystemExit as ended:
        status = int(str(ended.code))
    out, err = capsys.readouterr()
    assert status == 2
    assert expected in err
    assert out == ""
    assert len(err.splitlines()) == 1
    assert not token or token not in err
    assert list(tmp_path.iterdir()) == []
