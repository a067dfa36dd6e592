import logging
import runpy
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from checks.memory import ROOT
from checks.progress import SILENCE_S
from checks.tooling import serve
from checks.tooling.next_steps import STARTED_IN, next_steps


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another server listens on."""
    with socket.socket() as server:
        server.bind((serve.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of the server, which is not started; the first build is done at once."""
    arguments: list[str] = []
    monkeypatch.setattr(runpy, "run_module", lambda name, **_: arguments.extend([name, *sys.argv[1:]]))
    monkeypatch.setattr(serve, "tell_progress", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["serve"])
    return arguments


def test_a_taken_port_is_passed_over(taken: int) -> None:
    """The next free port is used."""
    assert serve.next_free(taken) > taken


def test_a_free_port_is_used(taken: int) -> None:
    """The port asked for is the port used when it is free."""
    free = serve.next_free(taken)
    assert serve.next_free(free) == free


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search ends, and says how to go on."""
    monkeypatch.setattr(serve, "is_free", lambda _: False)
    with pytest.raises(LookupError, match="no free port from 8000 on; choose another with --port"):
        serve.next_free(8000)


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-1"])
def test_what_is_no_port_is_said_to_be_none(
    port: str, started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is searched for: the line says which numbers are ports, and the exit status is 2."""
    with pytest.raises(SystemExit) as exited:
        serve.main([port])
    assert exited.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"invoke serve: error: --port {port}: a port is a number from 1 to 65535"
    )
    assert started == []


def test_a_taken_port_is_said_before_the_server_starts(
    taken: int, started: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names both ports."""
    monkeypatch.delenv(STARTED_IN, raising=False)  # in a check that `python3 tasks.py` started
    serve.main([str(taken)])
    (line,) = capsys.readouterr().out.splitlines()
    port = started[-1].rpartition(":")[2]
    assert started == ["mkdocs", "serve", f"--dev-addr=127.0.0.1:{port}"]
    assert line == f"port {taken} is taken; using {port}"


def test_the_server_is_told_what_to_type_in_another_terminal(
    started: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Serving takes this terminal, so the next steps stand before the address."""
    monkeypatch.setenv(STARTED_IN, str(ROOT))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    serve.main([])
    assert capsys.readouterr().out.splitlines()[-5:-3] == [
        "In another terminal:",
        "  source .venv/bin/activate",
    ]
    assert started


@pytest.mark.parametrize("plugin", ["mkdocs_macros.util", "mermaid2.util"])
def test_a_plugin_says_nothing_of_itself(plugin: str, started: list[str]) -> None:
    """Its warnings are shown, and its lines about what it found are not."""
    serve.main([])
    assert started
    logger = logging.getLogger(f"mkdocs.plugins.{plugin}")
    assert logger.isEnabledFor(logging.WARNING)
    assert not logger.isEnabledFor(logging.INFO)


def test_the_first_build_is_never_silent(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until the server answers, a line tells how long it has been building."""
    clock = iter([0.0, 4.0, 8.0])
    slept: list[float] = []
    answers = serve.answers
    time = SimpleNamespace(monotonic=lambda: next(clock), sleep=slept.append)
    monkeypatch.setattr("checks.tooling.serve.time", time)
    monkeypatch.setattr(serve, "answers", lambda port: len(slept) > 2 and answers(port))
    serve.tell_progress(taken)
    assert slept == [SILENCE_S] * 3
    assert capsys.readouterr().out == "building the site: 4 s\nbuilding the site: 8 s\n"


def test_the_next_steps_begin_with_the_activation() -> None:
    """In a new shell, `invoke` is a command only once the environment is active."""
    assert next_steps("Next", {STARTED_IN: str(ROOT)}).splitlines() == [
        "Next:",
        "  source .venv/bin/activate",
        "  invoke prove      # see each claim's check turn red when the claim is broken",
        "  invoke exercise   # list the exercises",
        "  invoke refresh    # after a change: renew the outputs on the pages",
    ]


@pytest.mark.parametrize(
    ("started_in", "change"),
    [("..", "cd 'a clone'"), ("docs/guides", "cd ../.."), ("../b", "cd '../a clone'")],
)
def test_the_next_steps_are_right_for_the_folder_of_the_shell(
    tmp_path: Path, started_in: str, change: str
) -> None:
    """`python3 elsewhere/tasks.py` leaves the shell elsewhere."""
    root = tmp_path / "a clone"
    environment = {STARTED_IN: str((root / started_in).resolve())}
    lines = next_steps("Next", environment, root).splitlines()
    assert lines[1] == f"  {change} && source .venv/bin/activate"


@pytest.mark.parametrize(
    "environment",
    [{}, {"VIRTUAL_ENV": str(ROOT / ".venv")}, {STARTED_IN: str(ROOT), "VIRTUAL_ENV": str(ROOT / ".venv")}],
)
def test_inside_the_environment_no_next_step_is_printed(environment: dict[str, str]) -> None:
    """A shell that is set up, and a task that `invoke` started, need no advice."""
    assert next_steps("Next", environment) == ""


def test_another_active_environment_is_not_this_one() -> None:
    """With some other project's environment active, `invoke` would be that one's."""
    environment = {STARTED_IN: str(ROOT), "VIRTUAL_ENV": "/elsewhere/.venv"}
    assert "source .venv/bin/activate" in next_steps("Next", environment)
