"""A Mermaid fence as HTML, with the room kept for its drawing, so that nothing moves when it is drawn.

How large each diagram is drawn is known to a browser only: `python -m checks.site.browser --reserve`
writes it down, by the diagram's title.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

from mermaid2 import fence_mermaid  # type: ignore[import-untyped]  # ships no types

ROOMS = Path(__file__).with_suffix(".json")
TITLE = re.compile(r"^\s*accTitle\s*:\s*(.+?)\s*$", re.MULTILINE)


def title(source: str) -> str:
    """The accessible title of a diagram; empty where it has none."""
    found = TITLE.search(source)
    return found[1] if found else ""


def fence(source: str, *arguments: object, **keywords: object) -> str:
    """What mermaid2 makes of the fence, its `<` escaped, in a frame that keeps the room."""
    rooms = json.loads(ROOMS.read_text(encoding="utf-8"))
    diagram = fence_mermaid(escape(source, quote=False), *arguments, **keywords)
    room = rooms.get(title(source), "")
    return f'<div class="diagram" style="{room}" data-search-exclude>{diagram}</div>'
