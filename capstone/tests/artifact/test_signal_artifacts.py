"""What the adapters give out over one scripted story, against files that somebody has read."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from support.signals import AT, BUSY, Outputs, tell_the_story

from service_monitoring.application.signals import (
    CommandCommitted,
    NotificationDelivered,
    NotificationFailed,
    RequestHandled,
)
from service_monitoring.boundary.secrets import REDACTED, Secret
from service_monitoring.domain.events import IncidentOpened
from service_monitoring.domain.incidents import Incident
from service_monitoring.domain.values import Severity
from service_monitoring.signals.log import JsonFormatter

REVIEWED = Path(__file__).parent / "signals"
PROMTOOL = shutil.which("promtool")


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Outputs:
    """Every adapter's, after the story."""
    outputs = Outputs()
    tell_the_story(outputs, monkeypatch)
    return outputs


@pytest.fixture
def exposition(outputs: Outputs) -> str:
    """What Prometheus scrapes."""
    return outputs.prometheus.exposition().decode()


def hold_to(name: str, text: str, folder: Path) -> None:
    """Compare with the reviewed file; what came instead is written next to nothing that is committed."""
    file, new = REVIEWED / name, folder / name
    new.write_text(text, encoding="utf-8")
    assert text.splitlines() == file.read_text("utf-8").splitlines(), f"if this is meant: cp {new} {file}"


def test_the_exposition_is_the_reviewed_one(exposition: str, tmp_path: Path) -> None:
    """Every series, every bucket, every word of help."""
    hold_to("exposition.txt", exposition, tmp_path)


def test_the_log_lines_are_the_reviewed_ones(outputs: Outputs, tmp_path: Path) -> None:
    """From debug up."""
    hold_to("log.jsonl", outputs.lines.getvalue(), tmp_path)


def test_the_traces_are_the_reviewed_ones(outputs: Outputs, tmp_path: Path) -> None:
    """Each span below its parent, with its times and what it says."""
    hold_to("traces.txt", "\n".join(outputs.trees()) + "\n", tmp_path)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian package prometheus)")
def test_promtool_finds_nothing_wrong_with_the_exposition(exposition: str) -> None:
    """Neither in its syntax nor in its names."""
    command = [str(PROMTOOL), "check", "metrics"]
    done = subprocess.run(command, input=exposition, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def said_by(outputs: Outputs) -> str:
    """Everything that any adapter gave out."""
    return "\n".join(
        [
            outputs.lines.getvalue(),
            outputs.prometheus.exposition().decode(),
            *outputs.trees(),
            *(span.to_json() for span in outputs.spans.get_finished_spans()),
            str(outputs.reader.get_metrics_data()),
        ]
    )


def test_no_signal_tells_what_the_error_of_a_sink_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors quote addresses with their tokens; only the error's type is told, in log, metrics and traces."""
    outputs = Outputs()
    tell_the_story(outputs, monkeypatch, quoted="https://hooks.invalid/planted-token")
    said = said_by(outputs)
    assert "ConnectionError" in said
    assert "planted" not in said


@pytest.mark.parametrize("text", ["planted-token", 'plan"ted\\token', "plantéd-tökên", "0badc0de" * 4])
def test_no_output_holds_a_secret_whatever_was_named_after_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy, a rule, a sink, a route, a reason, a correlation, and the message of another library."""
    secret = Secret(text)
    outputs = Outputs()
    tell_the_story(outputs, monkeypatch, policy=f"policy-{text}", quoted=text)
    opened = IncidentOpened(Incident(text, BUSY, Severity.INFO, AT), AT)
    for signal in (
        CommandCommitted("Evaluate", text, 0.1, [opened], 0, Counter(), root=True),
        NotificationDelivered(f"sink-{text}", text, text, 0.1),
        NotificationFailed(text, text, text, 0.1, text, 1, dead=True),
        RequestHandled(f"/{text}", 400, text, text, 0.1),
    ):
        outputs.fan_out.emit(signal)
    record = logging.LogRecord("uvicorn", logging.INFO, __file__, 1, "GET /?token=%s", (text,), None)
    said = said_by(outputs) + JsonFormatter().format(record)
    assert REDACTED in said
    for form in (secret.reveal(), ascii(text)[1:-1], json.dumps(text)[1:-1]):
        assert form not in said
    assert outputs.fan_out.dropped == 0
