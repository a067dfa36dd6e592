"""Whether each diagram of a page is drawn, shows what its source says, and fits the room kept for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Page as Tab

    from checks.failure import Failure
    from checks.pages.page import Fence, Page

SCRIPT = Path(__file__).with_suffix(".js")
RESERVE = "python -m checks.site.browser --reserve"
NOT_DRAWN = "the browser did not draw this diagram"
TOLERANCE = 0.15  # the fonts of one machine are up to a tenth wider than those of another
SHIFT = 0.001


@dataclass(frozen=True)
class Look:
    """What the browser shows of a diagram.

    Attributes:
        fence: Its source.
        shift: How far the page moved until it was drawn, as layout shift.
        error: Whether Mermaid drew its error picture.
        size: Its width and height in pixels; empty: it is not drawn.
        room: The width and height that are kept for it; 0: none.
        shown: The lines of text in the drawing.
        meant: Those in its source; None: of this kind of diagram they are not known.
    """

    fence: Fence
    shift: float
    error: bool = False
    size: Sequence[int] = ()
    room: Sequence[int] = ()
    shown: Sequence[str] = ()
    meant: Sequence[str] | None = ()

    def failures(self) -> Iterator[Failure]:
        """What is wrong with it."""
        if not self.size:
            instead = ", but Mermaid's error picture" if self.error else ""
            yield self.fence.failure(NOT_DRAWN + instead)
            return
        yield from self._text_failures()
        if not all(self.room):
            yield self.fence.failure(f"no room is kept for this diagram: {RESERVE}")
        elif any(abs(drawn / kept - 1) > TOLERANCE for drawn, kept in zip(self.size, self.room, strict=True)):
            drawn, kept = (f"{width} x {height}" for width, height in (self.size, self.room))
            yield self.fence.failure(f"this diagram is drawn {drawn}, and its room is {kept}: {RESERVE}")
        if self.shift > SHIFT:
            message = f"the page moves when this diagram is drawn: layout shift {self.shift:.3f}"
            yield self.fence.failure(message)

    def _text_failures(self) -> Iterator[Failure]:
        if self.meant is None:
            yield self.fence.failure(f"{SCRIPT.name} does not know the labels of this kind of diagram")
            return
        missing = sorted((Counter(self.meant) - Counter(self.shown)).elements())
        extra = sorted((Counter(self.shown) - Counter(self.meant)).elements())
        if missing or extra:
            yield self.fence.failure(f"the source says {missing} where the diagram shows {extra}")


def look(tab: Tab, page: Page, patience_ms: int) -> list[Look]:
    """Scroll to each diagram of an open page, wait until it is drawn, and look at it."""
    fences = [fence for fence in page.fences if fence.language == "mermaid"]
    sources = [fence.content for fence in fences]
    seen = tab.evaluate(SCRIPT.read_text(encoding="utf-8"), [sources, patience_ms]) if fences else []
    return [Look(fence, **one) for fence, one in zip(fences, seen, strict=True)]
