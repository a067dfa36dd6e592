"""A console block: drawn, and copied, by the commands and the outputs that the check runs and compares."""

from __future__ import annotations

import re
from html import escape, unescape

from pygments import highlight  # type: ignore[import-untyped]  # ships no types
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # as above
from pygments.lexers import BashLexer  # type: ignore[import-untyped]  # as above

from checks.failure import lines_of
from checks.pages.blocks import steps_of

BLOCK = re.compile(r'(?s)(<div class="language-console highlight")(>(?:(?!</div>).)*?<code>)(.*?)</code>')
TAG = re.compile(r"<[^>]*>")


def draw(html: str) -> str:
    """The page with each console block drawn anew, and with what its copy button copies."""
    return BLOCK.sub(_drawn, html)


def _drawn(block: re.Match[str]) -> str:
    steps = steps_of(lines_of(unescape(TAG.sub("", block[3]))))
    lines: list[str] = []
    for step in steps:
        commands = lines_of(highlight(step.command, BashLexer(), HtmlFormatter(nowrap=True)))
        prompts = (f'<span class="gp">{escape(prompt[:2])}</span>' for prompt in step.prompts)
        lines += map("".join, zip(prompts, commands, strict=True))
        lines += [f'<span class="go">{escape(line)}</span>' for line in step.shown]
    copied = escape("\n".join(step.command for step in steps))
    return f'{block[1]} data-copy="{copied}"{block[2]}' + "\n".join(lines) + "\n</code>"
