"""Running one python or console block and holding it to what the page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.pages.masks import MASK, STATUS, difference, first_difference, masks_of, matches, renewed
from checks.pages.page import FENCE_LINE

if TYPE_CHECKING:
    from checks.failure import Failure
    from checks.pages.page import Fence, Page
    from checks.pages.scratch import Scratch

# What a part of an output would be taken for on the page.
UNSHOWABLE = {"a fence": FENCE_LINE.pattern, f"the mask {MASK}": MASK, "a control character": r"[\0\r\x1b]"}
BELOW_A_COMMAND = UNSHOWABLE | {"a prompt": r"^\$ |\A> ", "an exit status": STATUS.pattern}


@dataclass
class Outcome:
    """What is wrong with a block, and the lines that would make it true.

    ``true_lines`` belong into ``recorded``, or into a new Output block where there is none.
    """

    failures: list[Failure] = field(default_factory=list)
    recorded: Fence | None = None
    true_lines: list[str] | None = None


def run_python(page: Page, fence: Fence, scratch: Scratch) -> Outcome:
    """Run a python block and compare what it prints with the Output block after it."""
    result = scratch.run_python("\n" * fence.line + fence.content)
    if result.error:
        line = (result.line or 0) - fence.line
        offset = line if 0 <= line <= len(fence.lines) else 0
        return Outcome([fence.failure(result.error, result.text, offset=offset)])
    if unshowable := _unshowable(result.lines, UNSHOWABLE):
        return Outcome([fence.failure(unshowable)])
    output = page.output_of(fence)
    shown, (masks, _) = (output.lines, masks_of(output.title)) if output else ([], ({}, []))
    true_lines = renewed(shown, result.lines, masks)
    failures = []
    if not output and true_lines:
        message = 'this block prints, so a text block title="Output" must directly follow it'
        failures.append(fence.failure(message, difference([], true_lines)))
    elif output and not true_lines:
        failures.append(output.failure("the python block before this prints nothing"))
    elif output and not matches(shown, result.lines, masks):
        offset = first_difference(shown, true_lines) + 1
        told = difference(shown, true_lines)
        failures.append(output.failure("the block printed something else", told, offset=offset))
    return Outcome(failures, output, true_lines or None)


def _unshowable(lines: list[str], patterns: dict[str, str]) -> str:
    """Why a block cannot show these lines; empty where it can."""
    found = (what for what, pattern in patterns.items() if re.search(f"(?m){pattern}", "\n".join(lines)))
    return next((f"what this wrote holds {what}, which no block can show as output" for what in found), "")


@dataclass
class Step:
    """One command of a console block with the output shown for it."""

    offset: int
    prompts: list[str]
    shown: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """What a reader types."""
        return "\n".join(prompt[2:] for prompt in self.prompts)


def steps_of(lines: list[str]) -> list[Step]:
    """The commands of a console block, each with what it wrote; none where the first line is no command."""
    steps: list[Step] = []
    for offset, line in enumerate(lines, 1):
        if line.startswith("$ "):
            steps.append(Step(offset, [line]))
        elif not steps:
            return []
        elif line.startswith("> ") and not steps[-1].shown:
            steps[-1].prompts.append(line)
        else:
            steps[-1].shown.append(line)
    return steps


def run_console(fence: Fence, scratch: Scratch) -> Outcome:
    """Run every command of a console block and compare what each one writes."""
    failures, lines = [], []
    masks, _ = masks_of(fence.title)
    steps = steps_of(fence.lines)
    if not steps:
        return Outcome([fence.failure("a console block begins with a command: a line `$ …`")])
    for step in steps:
        result = scratch.run_command(step.command)
        error = result.error or _unshowable(result.lines, BELOW_A_COMMAND)
        if error:
            return Outcome([fence.failure(error, offset=step.offset)])
        actual = [*result.lines, *([f"(exit status {result.status})"] if result.status else [])]
        true_lines = renewed(step.shown, actual, masks)
        lines += [*step.prompts, *true_lines]
        if not matches(step.shown, actual, masks):
            message = f"`{step.command.splitlines()[0]}` wrote something else"
            below = min(first_difference(step.shown, true_lines), max(len(step.shown) - 1, 0))
            offset = step.offset + len(step.prompts) + below
            failures.append(fence.failure(message, difference(step.shown, true_lines), offset=offset))
    return Outcome(failures, fence, lines)
