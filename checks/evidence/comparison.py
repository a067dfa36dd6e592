"""What an evidence file says, beside what is measured now."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from checks.evidence.figures import code_digest, flat, nested
from checks.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from checks.evidence.figures import Figure
    from checks.evidence.measurement import Measurement

EVIDENCE = "docs/assets/evidence"
OTHER_PYTHON = 0.2
"""How far, as a part of it, a figure may be off on another minor version of CPython than the file's."""


class EvidenceFile:
    """An evidence file as it is in the repository.

    Args:
        root: The repository.
        name: Its name, without a suffix.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.path = f"{EVIDENCE}/{name}.json"
        text = (root / self.path).read_text(encoding="utf-8")
        self._lines = text.splitlines()
        self.document: dict[str, Any] = json.loads(text)
        self.figures = dict(flat(self.document["figures"]))

    def failure(self, key: str, message: str) -> Failure:
        """A failure on the line of a dotted key, or of the last part of it that is there."""
        found = 1
        for depth, part in enumerate(key.split("."), 1):
            for line, text in enumerate(self._lines[found:], found + 1):
                if text.startswith(f"{' ' * depth}{json.dumps(part)}:"):
                    found = line
                    break
                if len(text) - len(text.lstrip()) < depth:
                    break
        return Failure(self.path, found, f"{key.removeprefix('figures.')}: {message}")


def outdated_figures(root: Path, name: str, measurement: Measurement) -> Iterator[Failure]:
    """What is measured now and is not what the evidence file says.

    Bytes and calls are one number for one minor version of CPython. On another one than the file's, they may
    be off by a fifth. What takes over a minute is not measured again, and what it measured must not be newer.

    Raises:
        NotMeasuredError: Something that is needed to measure it again is not installed.
        UnfinishedError: What is measured went wrong.
    """
    file = EvidenceFile(root, name)
    figures = nested(file.document["figures"])
    renew = f"`{file.document['command']}` renews it"
    if measurement.long and file.document["measured"]["code"] != code_digest(root, measurement.reads):
        yield file.failure("measured.code", f"{', '.join(measurement.reads)} changed since: {renew}")
    for key, message in _differences(file.figures, dict(flat(measurement.derive(figures))), "follows as"):
        yield file.failure(f"figures.{key}", f"{message}: {renew}")
    if file.document["plots"] != json.loads(json.dumps(measurement.plots(figures))):
        yield file.failure("plots", f"recorded otherwise than they follow from the figures: {renew}")
    now = measurement.measure_again()
    room = 0.0 if _same_python(file.document) else OTHER_PYTHON
    for key, message in _differences(file.figures, now, "now", room):
        yield file.failure(f"figures.{key}", f"{message}: {renew}")
    for key in sorted(file.figures.keys() - now.keys()):
        if file.figures[key].tolerance is not None:
            message = f"recorded with a tolerance, and no step measures it again: {renew}"
            yield file.failure(f"figures.{key}", message)


def unheld_figures(root: Path, name: str, once: Sequence[str] = ()) -> Iterator[Failure]:
    """Figures that do not say how each check holds them, or say what is not so.

    Args:
        root: The repository.
        name: The evidence file.
        once: The figures that no check holds.
    """
    file = EvidenceFile(root, name)
    for key, figure in file.figures.items():
        if message := _unheld(root, file, figure, loose=key in once):
            yield file.failure(f"figures.{key}", message)


def _unheld(root: Path, file: EvidenceFile, figure: Figure, *, loose: bool) -> str:
    held = figure.tolerance is not None or figure.follows_from or figure.tested_by
    if not figure.repeats:
        return "varies, and so it carries no tolerance" if figure.tolerance is not None else ""
    if figure.follows_from and figure.follows_from not in {**file.document, **file.document["figures"]}:
        return f"follows from {figure.follows_from!r}, which the file does not hold"
    if figure.tested_by:
        test_file, _, test = figure.tested_by.partition("::")
        if not (root / test_file).is_file() or f"def {test}(" not in (root / test_file).read_text("utf-8"):
            return f"tested by {figure.tested_by}, which is no test"
    if loose:
        return "named as measured once, and held all the same: take it out of `once`" if held else ""
    return "" if held else "repeats, and nothing holds it: add a tolerance, follows_from or tested_by"


def _differences(
    recorded: Mapping[str, Figure], now: Mapping[str, Figure], how: str, room: float = 0
) -> Iterator[tuple[str, str]]:
    for name, found in now.items():
        was = recorded.get(name)
        if was is None:
            yield name, f"not recorded, {how} {found.value:,} {found.unit}"
            continue
        tolerance = max(found.tolerance or 0, room)
        allowed = f" (tolerance {tolerance:.0%})" if tolerance else ""
        if abs(found.value - was.value) > tolerance * abs(was.value):
            yield name, f"recorded as {was.value:,} {was.unit}, {how} {found.value:,}{allowed}"
        if was.tolerance != found.tolerance:
            yield name, f"recorded with tolerance {was.tolerance}, measured with {found.tolerance}"


def _same_python(document: Mapping[str, Any]) -> bool:
    minor = document["measured"]["python"].split(".")[:2]
    return bool(minor == platform.python_version().split(".")[:2])
