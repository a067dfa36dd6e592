"""The strict build, with every warning of MkDocs and its plugins as a failure on a line."""

from __future__ import annotations

import logging
import re
import sys
from logging.handlers import BufferingHandler
from typing import TYPE_CHECKING

from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from checks.failure import Failure, failure_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = re.compile(r"(?:docs/)?([\w./-]+\.md)")
QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")
# How mkdocs-macros words a macro that raises, and one that is not well formed.
TEMPLATE_LINE = re.compile(r'File "<template>", line (\d+)|_Line (\d+) in Markdown file')
MACRO_ERROR = re.compile(r"^\s*_(?!File_)\w+_: (.+)$|in Markdown file:_ \*\*(.+)\*\*", re.MULTILINE)
SPEAKER = re.compile(r"^Doc file '[^']+' ")
OMITTED = 'not included in the "nav"'
NAVIGATION = "'nav' configuration"


def build(root: Path) -> list[Failure]:
    """Build the site into ``site/``; every warning is a failure."""
    handler = BufferingHandler(sys.maxsize)
    handler.setLevel(logging.WARNING)
    logger = logging.getLogger("mkdocs")
    logger.addHandler(handler)
    logger.propagate = False
    config = load_config(str(root / "mkdocs.yml"), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    try:
        mkdocs_build(config)
    except Abort as aborted:
        # Strict mode ends this way after the warnings; anything else has no warning to show.
        if not handler.buffer:
            handler.handle(logging.makeLogRecord({"msg": str(aborted)}))
    finally:
        config.plugins.on_shutdown()
        logger.removeHandler(handler)
    return [failure for record in handler.buffer for failure in _locate(root, record.getMessage())]


def _locate(root: Path, message: str) -> Iterator[Failure]:
    docs = root / "docs"
    quoted = [single or double for single, double in QUOTED.findall(message)]
    if OMITTED in message:
        for page in PAGE.findall(message):
            yield Failure(f"docs/{page}", 1, "this page is not in the navigation of mkdocs.yml")
        return
    if NAVIGATION in message:
        yield failure_at(root, root / "mkdocs.yml", quoted, message)
        return
    page = next((name for name in PAGE.findall(message) if (docs / name).is_file()), None)
    if page is None:
        yield Failure("mkdocs.yml", 1, message)
    elif line := TEMPLATE_LINE.search(message):
        error = MACRO_ERROR.search(message)
        text = "".join(filter(None, error.groups())) if error else message
        yield Failure(f"docs/{page}", int(line[1] or line[2]), f"this macro fails: {text}")
    else:
        needles = [text for text in quoted if text != page]
        yield failure_at(root, docs / page, needles, SPEAKER.sub("", message))
