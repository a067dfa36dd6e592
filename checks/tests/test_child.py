import os
import sys
import threading
import time
from pathlib import Path

import pytest

from checks.child import Child, Exit, UnfinishedError, run

SLEEP = "import time; print('begun', flush=True); time.sleep(60)"


def begun(source: str) -> Child:
    """A started script that has written something."""
    child = Child([sys.executable, "-c", source], cwd=Path.cwd())
    while not child.written:
        time.sleep(0.01)
    return child


def python(source: str, **options: object) -> Exit:
    """Run a script to its end."""
    return run([sys.executable, "-c", source], cwd=Path.cwd(), **options)  # type: ignore[arg-type]  # as given


def test_a_child_that_ends_tells_its_status_and_all_its_output_in_order() -> None:
    """Standard output and standard error, as a terminal shows them."""
    exited = python(
        "import sys; print(1, flush=True); print(2, file=sys.stderr, flush=True); print(3); sys.exit(7)"
    )
    assert exited == Exit(7, "1\n2\n3\n")
    assert (exited.good, exited.last_line) == (False, "3")
    assert python("").good


def test_what_is_given_is_standard_input() -> None:
    """And nothing is an end of input, not a wait."""
    assert python("print(input())", given="hello").output == "hello\n"
    assert "EOFError" in python("input()").output


def test_a_child_at_its_limit_has_no_status() -> None:
    """It did not end: neither good nor bad, and the reason says so."""
    with begun(SLEEP) as child:
        exited = child.wait(0.1)
    assert exited == Exit(None, "begun\n", "did not end within 0.1 s")
    assert not exited.good
    assert exited.last_line == "did not end within 0.1 s"


def test_a_child_that_does_not_start_has_no_status() -> None:
    """The reason is the system's."""
    assert run(["no-such-program"], cwd=Path.cwd()) == Exit(
        None, "", "did not start: No such file or directory"
    )
    with pytest.raises(UnfinishedError, match="did not start"):
        Child(["no-such-program"], cwd=Path.cwd())


def test_a_child_that_floods_is_cut_off() -> None:
    """While it runs, or when it ends too fast for that."""
    for source in ("while True: print('x' * 1000)", "print('x' * 100_000)"):
        with Child([sys.executable, "-c", source], cwd=Path.cwd()) as child:
            exited = child.wait(30, max_bytes=50_000)
        assert (exited.status, exited.cut) == (None, "wrote more than 50,000 bytes")


def test_a_child_is_cut_off_when_it_is_stopped() -> None:
    """From another thread, in a fraction of a second."""
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    assert run([sys.executable, "-c", SLEEP], cwd=Path.cwd(), stop=stop).cut == "was interrupted"
    assert time.monotonic() - began < 30


def test_with_patience_a_child_ends_in_order() -> None:
    """It gets SIGINT first, and the time to clean up."""
    source = (
        "import time\ntry:\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('cleaned up', flush=True)\n"
    )
    with begun(source) as child:
        assert child.wait(0.1, patience_s=30).output == "begun\ncleaned up\n"


def test_nothing_of_a_child_outlives_it(tmp_path: Path) -> None:
    """What it started in its session ends with it."""
    pulse = tmp_path / "pulse"
    source = (
        "import os, time\nif os.fork() == 0:\n    while True:\n"
        f"        open({str(pulse)!r}, 'a').write('x')\n        time.sleep(0.01)\n"
        f"while not os.path.exists({str(pulse)!r}): time.sleep(0.01)\n"
    )
    assert python(source).good
    beats = pulse.stat().st_size
    time.sleep(0.2)
    assert pulse.stat().st_size == beats


def test_a_descriptor_is_handed_on() -> None:
    """And nothing else that is open."""
    reading, writing = os.pipe()
    script = f"import os; os.write({writing}, b'reply')"
    with Child([sys.executable, "-c", script], cwd=Path.cwd(), pass_fds=[writing]) as child:
        os.close(writing)
        assert child.wait(30).good
    with os.fdopen(reading) as replies:
        assert replies.read() == "reply"
