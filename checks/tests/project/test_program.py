"""A page's blocks are a program to download, and one to run block by block: `invoke page NAME`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from checks.tests.repository import ROOT

COMMAND = [sys.executable, "-m", "checks.pages.program"]
NAME = "trust-boundary"


def test_without_a_terminal_it_waits_for_nothing() -> None:
    """It shows each block, and below it what it printed."""
    ran = subprocess.run(
        [*COMMAND, NAME], cwd=ROOT, stdin=subprocess.DEVNULL, check=True, capture_output=True
    )
    assert b"print(rejection.reason" in ran.stdout
    assert b"\nbad_metric | " in ran.stdout


@pytest.mark.parametrize(
    ("typed", "status", "printed"), [(b"\n", 0, True), (b"q\n", 0, False), (b"\x03", 130, False)]
)
def test_on_a_terminal_it_waits_before_each_block(typed: bytes, status: int, *, printed: bool) -> None:
    """Enter runs the block, q and Ctrl-C stop."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(ROOT)
        os.execv(sys.executable, [*COMMAND, NAME])
    said = b""
    while b"q stops: " not in said:
        said += os.read(terminal, 1024)
    ended = 0
    while not ended:
        # A Ctrl-C between the prompt and the read that waits is not seen, so type it again.
        os.write(terminal, typed)
        time.sleep(0.3)
        ended, code = os.waitpid(child, os.WNOHANG)
    with suppress(OSError):  # how Linux says that the other side is closed
        while more := os.read(terminal, 1024):
            said += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(code) == status
    assert (b"bad_metric | " in said) is printed


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    """In one line, with exit status 2."""
    ran = subprocess.run([*COMMAND, "trust-boundry"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "the nearest names are: trust-boundary," in ran.stderr
