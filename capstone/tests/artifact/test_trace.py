"""The recorded trace: what is written can be read, and what is broken is named by file and line."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from service_monitoring.boundary.codec import MAX_LINE_BYTES
from service_monitoring.boundary.rejections import Reason
from service_monitoring.domain.values import MetricName, Sample
from service_monitoring.sources.shipped import MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import BrokenTraceError, TraceWriter, read_trace

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SAMPLES = [Sample(MetricName("up"), float(n), AT + timedelta(seconds=n)) for n in range(3)]
HEADER = b'{"format": "service-monitoring/trace", "version": 1}\n'
LINE = b'{"metric":"up","value":1.0,"observed_at":"2026-11-23T09:00:00Z"}\n'


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """In the order of the file, after a header that says how it was made."""
    path = tmp_path / "trace.jsonl"
    with path.open("wb") as file:
        writer = TraceWriter(file, interval_seconds=1.0, about={"processors": 2})
        writer.write(SAMPLES[:2])
        writer.write(SAMPLES[2:])
    assert list(read_trace(path)) == SAMPLES
    header = json.loads(path.read_bytes().splitlines()[0])
    assert header["format"] == "service-monitoring/trace"
    assert header["version"] == 1
    assert header["interval_seconds"] == 1.0
    assert header["processors"] == 2
    assert {"python", "system"} <= header.keys()


def test_every_tick_is_handed_to_the_system_at_once(tmp_path: Path) -> None:
    """An interrupted recording keeps what it wrote."""
    path = tmp_path / "trace.jsonl"
    with path.open("wb") as file:
        writer = TraceWriter(file, interval_seconds=1.0, about={})
        for number, sample in enumerate(SAMPLES, 1):
            writer.write([sample])
            assert list(read_trace(path)) == SAMPLES[:number]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b"", 1, Reason.NOT_JSON),
        (b"\n", 1, Reason.NOT_JSON),
        (LINE, 1, Reason.BAD_HEADER),
        (HEADER.replace(b"1", b"2"), 1, Reason.BAD_HEADER),
        (HEADER + b"nonsense\n", 2, Reason.NOT_JSON),
        (HEADER + LINE + b"\n" + LINE, 3, Reason.NOT_JSON),
        (HEADER + LINE + LINE[:-10], 3, Reason.NOT_JSON),
        (HEADER + LINE + LINE + LINE.replace(b"1.0", b"NaN"), 4, Reason.NOT_JSON),
        (HEADER + HEADER, 2, Reason.UNKNOWN_FIELD),
        (HEADER + LINE[:-1] + LINE, 2, Reason.NOT_JSON),
        (HEADER + b"x" * (MAX_LINE_BYTES + 1), 2, Reason.TOO_LARGE),
        (b"\0" * 1_000_000, 1, Reason.TOO_LARGE),
        (b"\x1f\x8b\x08\x00\n", 1, Reason.NOT_UTF8),
    ],
)
def test_a_broken_line_is_named_by_file_line_and_reason(
    tmp_path: Path, text: bytes, line: int, reason: Reason
) -> None:
    """The samples before it have been given."""
    path = tmp_path / "trace.jsonl"
    path.write_bytes(text)
    samples = read_trace(path)
    assert len(list(islice(samples, max(0, line - 2)))) == max(0, line - 2)
    with pytest.raises(BrokenTraceError) as caught:
        next(samples)
    assert caught.value.path == path
    assert caught.value.line == line
    assert caught.value.rejection.reason is reason
    assert str(caught.value).startswith(f"{path}:{line}: {reason.value}: ")


def test_a_trace_without_a_last_line_end_is_whole(tmp_path: Path) -> None:
    """A line that is complete counts."""
    path = tmp_path / "trace.jsonl"
    path.write_bytes(HEADER + LINE + LINE[:-1])
    assert len(list(read_trace(path))) == 2


def test_a_line_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a gigabyte in one line is refused after its first bytes."""

    class Endless(io.BytesIO):
        """Zeros for ever."""

        def readline(self, limit: int | None = -1, /) -> bytes:
            """As many zeros as are asked for."""
            assert limit is not None
            assert 0 < limit < 2 * MAX_LINE_BYTES
            return b"\0" * limit

        def __next__(self) -> bytes:
            raise AssertionError("reads a whole line")

    path = tmp_path / "zeros"
    monkeypatch.setattr(type(path), "open", lambda *_: Endless())
    with pytest.raises(BrokenTraceError, match="more than 4096"):
        next(read_trace(path))


def test_the_shipped_trace_is_whole() -> None:
    """At least 15 minutes of seven metrics, about one sample a second and metric."""
    samples = list(read_trace(MACHINE_UNDER_LOAD))
    metrics = {sample.metric for sample in samples}
    lasted = (samples[-1].observed_at - samples[0].observed_at).total_seconds()
    assert len(metrics) == 7
    assert lasted >= 15 * 60
    assert len(samples) / 7 > 0.95 * lasted
    assert [sample.observed_at for sample in samples] == sorted(sample.observed_at for sample in samples)
