"""The hostile corpus: inputs that break decoders, their neighbours that are right, and what becomes of each.

Four files of JSON Lines, one case a line, made by this project:

- `samples.jsonl`: one sample, decoded as a line, in a batch of all or none, and in a batch of each. It is a
  good sample with some `fields` replaced, or `raw` text. With `whole` it spoils the document around it.
- `bodies.jsonl`: the body of a request.
- `lines.jsonl`: a line of a trace, or its header.
- `signatures.jsonl`: the steps of one conversation, the last of which is judged.

Text is built from parts: a string is itself, `{"hex": "ff"}` are bytes, `{"times": 9, "of": part}` repeats,
`{"count": 9, "of": "m#"}` numbers what it repeats. `reason` is a code, or `accepted`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
GOOD = {"metric": '"up"', "value": "1", "observed_at": '"2026-11-23T09:00:00Z"'}
ACCEPTED = "accepted"
_FOLDER = Path(__file__).parent


class SampleCase(NamedTuple):
    """The text of one sample.

    Attributes:
        name: What is strange about it.
        text: The text.
        reason: What a batch makes of it.
        position: Where in the sample the batch says it is; `None` where versions of Python may differ.
        line: What the decoder of lines makes of it.
        whole: Whether it spoils the document around it.
    """

    name: str
    text: bytes
    reason: str
    position: str | None
    line: str
    whole: bool

    def body(self, accept: str) -> bytes:
        """A batch of three, the second of which is this one."""
        good = sample()
        return f'{{"accept":"{accept}","samples":['.encode() + good + b"," + self.text + b"," + good + b"]}"

    def alone(self) -> bytes:
        """A batch of this one."""
        return b'{"accept":"all","samples":[' + self.text + b"]}"


class BodyCase(NamedTuple):
    """The body of a request; `samples` is how many are decoded if it is accepted."""

    name: str
    text: bytes
    reason: str
    position: str | None
    samples: int


class LineCase(NamedTuple):
    """A line of a trace, or its header, if that is the `target`."""

    name: str
    target: str
    text: bytes
    reason: str
    position: str


class SignatureCase(NamedTuple):
    """Signed requests, one after the other; the last has the outcome."""

    name: str
    reason: str
    steps: list[dict[str, Any]]


def build(part: Any) -> bytes:
    """The bytes that parts describe."""
    if isinstance(part, str):
        return part.encode("utf-8", "surrogatepass")
    if isinstance(part, list):
        return b"".join(map(build, part))
    if "hex" in part:
        return bytes.fromhex(part["hex"])
    if "count" in part:
        return b",".join(part["of"].replace("#", str(number)).encode() for number in range(part["count"]))
    return build(part["of"]) * int(part["times"])


def sample(fields: dict[str, Any] | None = None) -> bytes:
    """A good sample with some fields replaced."""
    parts = {**GOOD, **(fields or {})}
    return b"{" + b",".join(f'"{name}":'.encode() + build(part) for name, part in parts.items()) + b"}"


def samples() -> list[SampleCase]:
    """The cases of one sample."""
    return [
        SampleCase(
            case["name"],
            build(case["raw"]) if "raw" in case else sample(case["fields"]),
            case["reason"],
            case.get("position"),
            case.get("line", case["reason"]),
            case.get("whole", False),
        )
        for case in _cases("samples")
    ]


def bodies() -> list[BodyCase]:
    """The cases of a whole body."""
    return [
        BodyCase(
            case["name"],
            build(case["body"]),
            case.get("reason", ACCEPTED),
            case.get("position"),
            case.get("samples", 0),
        )
        for case in _cases("bodies")
    ]


def lines() -> list[LineCase]:
    """The cases of a line."""
    return [
        LineCase(case["name"], case["target"], build(case["line"]), case["reason"], case["position"])
        for case in _cases("lines")
    ]


def signatures() -> list[SignatureCase]:
    """The cases of signatures."""
    return [SignatureCase(case["name"], case["reason"], case["steps"]) for case in _cases("signatures")]


def _cases(name: str) -> Iterator[dict[str, Any]]:
    with (_FOLDER / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)
