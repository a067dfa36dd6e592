"""A recorded trace: a header line, then one sample a line (JSON Lines)."""

from __future__ import annotations

import json
import platform
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from service_monitoring.boundary.codec import MAX_LINE_BYTES, SampleDecoder, decode_object, encode_sample
from service_monitoring.boundary.rejections import Reason, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from service_monitoring.domain.values import Sample

FORMAT = "service-monitoring/trace"
VERSION = 1


class BrokenTraceError(ValueError):
    """A trace can not be read on.

    Attributes:
        path: The file.
        line: The line, from 1.
        rejection: Why.
    """

    def __init__(self, path: Path, line: int, rejection: Rejected) -> None:
        super().__init__(f"{path}:{line}: {rejection}")
        self.path = path
        self.line = line
        self.rejection = rejection


class TraceWriter:
    """Writes a trace to an open binary file, a whole tick at a time."""

    def __init__(self, file: IO[bytes], *, interval_seconds: float, about: dict[str, Any]) -> None:
        self._file = file
        header = {
            "format": FORMAT,
            "version": VERSION,
            "interval_seconds": interval_seconds,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            **about,
        }
        file.write(json.dumps(header).encode() + b"\n")

    def write(self, samples: Sequence[Sample]) -> None:
        """Append samples and hand them to the system at once: an interrupted recording keeps them."""
        self._file.write(b"".join(encode_sample(sample) + b"\n" for sample in samples))
        self._file.flush()


def read_trace(path: Path) -> Iterator[Sample]:
    """The samples of a trace, in file order, one at a time: memory does not grow with the file.

    Raises:
        BrokenTraceError: The header or a line is refused; the samples before it have been given.
        OSError: The file can not be read.
    """
    decode = SampleDecoder().decode
    with path.open("rb") as file:
        # A line is read no further than to see that it is too long.
        lines = iter(partial(file.readline, MAX_LINE_BYTES + 1), b"")
        number = 1
        try:
            check_header(next(lines, b""))
            for number, line in enumerate(lines, 2):  # noqa: B007 - the handler names the line
                yield decode(line)
        except Rejected as rejection:
            raise BrokenTraceError(path, number, rejection) from None


def check_header(line: bytes) -> None:
    """Check the first line of a trace.

    Raises:
        Rejected: It is not the header of a trace of this version.
    """
    header = decode_object(line)
    if header.get("format") != FORMAT:
        raise Rejected(Reason.BAD_HEADER, f'the first line must hold "format": "{FORMAT}"')
    if header.get("version") != VERSION:
        raise Rejected(Reason.BAD_HEADER, f"version must be {VERSION}")
