import socket
from collections.abc import Iterator

import pytest

from checks.tooling import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another server listens on."""
    with socket.socket() as server:
        server.bind((serve.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


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


def test_a_taken_port_is_said_before_the_server_starts(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names both ports."""
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, arguments: started.append(arguments))
    serve.main([str(taken)])
    (line,) = capsys.readouterr().out.splitlines()
    port = started[0][-1].rpartition(":")[2]
    assert line == f"port {taken} is taken; using {port}"
