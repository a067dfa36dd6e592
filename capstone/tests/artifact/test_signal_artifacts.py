"""What the adapters give out over one scripted story, against files that somebody has read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.signals import Outputs, tell_the_story

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


def test_no_secret_that_a_sink_quotes_is_in_any_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors quote addresses with their tokens; only the error's type is told, in log, metrics and traces."""
    outputs = Outputs()
    tell_the_story(outputs, monkeypatch, quoted="https://hooks.invalid/planted-token")
    said = "\n".join(
        [
            outputs.lines.getvalue(),
            outputs.prometheus.exposition().decode(),
            *outputs.trees(),
            *(span.to_json() for span in outputs.spans.get_finished_spans()),
            str(outputs.reader.get_metrics_data()),
        ]
    )
    assert "ConnectionError" in said
    assert "planted" not in said
