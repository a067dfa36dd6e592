import ast
import errno
import fcntl
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks import child
from checks.child import Exit, UnfinishedError
from checks.memory import ROOT
from checks.tooling import setup, uv
from checks.tooling.setup import INPUTS, LIBRARIES, MADE, SetUp, lock, reason

TASKS = ROOT / "tasks.py"
SAYS = """\
import pathlib, sys
name, message, status = sys.argv[1:]
with pathlib.Path("commands.txt").open("a") as file:
    file.write(name + "\\n")
print(message)
raise SystemExit(int(status))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> SetUp:
    """A checkout with the files that set-up depends on, and nothing installed."""
    for name in INPUTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return SetUp(tmp_path)


def finish(checkout: SetUp) -> None:
    """Leave the checkout as set-up would."""
    for made in MADE:
        (checkout.root / made).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / made).touch()
    checkout.record.write_text("\n".join(checkout.digests()), encoding="utf-8")


def makes_the_environment(checkout: SetUp) -> bool:
    """Whether the next set-up begins with a new environment."""
    return "venv" in checkout.steps()["Python packages"][0]


@pytest.fixture
def pretended(checkout: SetUp, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, int]]:
    """Each step is one command that only writes down its name; what it says, and its exit status, by name."""
    said = {"packages": ("installed", 0), "npm": ("added", 0), "capstone": ("built", 0)}

    def steps(_: SetUp) -> dict[str, list[tuple[str, ...]]]:
        checkout.record.parent.mkdir(exist_ok=True)
        return {
            name: [(sys.executable, "-c", SAYS, name, message, str(status))]
            for name, (message, status) in said.items()
        }

    monkeypatch.setattr(SetUp, "steps", steps)
    return said


def ran(checkout: SetUp) -> list[str]:
    """The steps that were run, in order."""
    commands = checkout.root / "commands.txt"
    return commands.read_text(encoding="utf-8").split() if commands.exists() else []


def test_tasks_py_parses_on_the_python_that_it_refuses() -> None:
    """A Python too old for the project still reads tasks.py, to say so."""
    ast.parse(TASKS.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_a_wrong_python_is_told_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python 3.10 ends with status 2 and one line that names what is needed."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    with pytest.raises(SystemExit) as exited:
        runpy.run_path(str(TASKS), run_name="__main__")
    assert exited.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "needs Python 3.11 or newer" in line
    assert "this is Python 3.10" in line


def test_a_finished_set_up_is_not_done_again(checkout: SetUp) -> None:
    """What is recorded is what there is, and all that it made is in place: nothing is left to do."""
    finish(checkout)
    assert checkout.is_finished()


def test_nothing_is_finished_in_a_fresh_clone(checkout: SetUp) -> None:
    """Without .venv everything is to do, first of all the environment."""
    assert not checkout.is_finished()
    assert makes_the_environment(checkout)


def test_a_finished_set_up_starts_no_process(checkout: SetUp) -> None:
    """A run that has nothing to do opens the record and the files that it depends on, and no other."""
    finish(checkout)
    events: list[tuple[str, str]] = []
    watched = {"open", "subprocess.Popen", "os.exec", "os.posix_spawn"}
    sys.addaudithook(lambda event, what: events.append((event, str(what[0]))) if event in watched else None)
    checkout.run()
    seen, watched = events.copy(), set()
    assert set(seen) == {("open", str(checkout.root / name)) for name in (".venv/set-up.done", *INPUTS)}


def test_every_step_is_done_in_order_and_recorded(
    checkout: SetUp, pretended: dict[str, tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Set-up says what it does, runs each step, and writes what they said to the log."""
    checkout.run()
    assert ran(checkout) == list(pretended)
    assert checkout.recorded() == checkout.digests()
    assert checkout.log.read_text(encoding="utf-8") == "installed\nadded\nbuilt\n"
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"set-up fills .venv and node_modules: about a minute (log: {checkout.log})"
    assert [line.split()[1] for line in said[1:]] == ["1/3", "2/3", "3/3"]


def test_the_environment_outlives_a_later_step_that_failed(
    checkout: SetUp, pretended: dict[str, tuple[str, int]]
) -> None:
    """Once the packages are in, a run that ended later goes on in the same environment."""
    pretended["npm"] = ("npm error code E500", 1)
    with pytest.raises(UnfinishedError):
        checkout.run()
    assert ran(checkout) == ["packages", "npm"]
    assert checkout.recorded() == checkout.digests()[:1]
    pretended["npm"] = ("added", 0)
    checkout.run()
    assert checkout.recorded() == checkout.digests()


def test_an_environment_with_half_of_its_packages_is_made_anew(
    checkout: SetUp, pretended: dict[str, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the packages were interrupted, a file may be missing in any of them."""
    finish(checkout)
    with (checkout.root / "requirements.lock").open("a", encoding="utf-8") as file:
        file.write("\n")
    pretended["packages"] = ("killed", -9)
    with pytest.raises(UnfinishedError):
        checkout.run()
    monkeypatch.undo()
    assert checkout.recorded() == []
    assert makes_the_environment(checkout)


@pytest.mark.parametrize("changed", INPUTS)
def test_a_changed_input_is_installed_into_the_same_environment(checkout: SetUp, changed: str) -> None:
    """What a lock no longer names is taken away; npm begins anew where its own files have changed."""
    finish(checkout)
    with (checkout.root / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert not checkout.is_finished()
    assert not makes_the_environment(checkout)
    assert bool(checkout.steps()["browser libraries"]) == (changed in LIBRARIES)


@pytest.mark.parametrize("missing", MADE)
def test_what_was_deleted_is_made_again(checkout: SetUp, missing: str) -> None:
    """A record without the thing that it records is not believed."""
    finish(checkout)
    (checkout.root / missing).unlink()
    assert not checkout.is_finished()
    assert makes_the_environment(checkout) == (missing == ".venv/bin/python")


def test_another_python_makes_the_environment_anew(checkout: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment belongs to the Python that made it."""
    finish(checkout)
    monkeypatch.setattr(sys, "version", "3.15.0")
    assert not checkout.is_finished()
    assert makes_the_environment(checkout)


def test_a_moved_checkout_makes_the_environment_anew(checkout: SetUp, tmp_path: Path) -> None:
    """An environment belongs to the folder that it was made in."""
    finish(checkout)
    moved = SetUp(checkout.root.rename(tmp_path.with_name(f"{tmp_path.name}-moved")))
    assert not moved.is_finished()
    assert makes_the_environment(moved)


def test_pip_installs_the_uv_of_the_lock_and_nothing_else(
    checkout: SetUp, pretended: dict[str, tuple[str, int]]
) -> None:
    """What pip gets is the entry of uv, with its version and its hashes."""
    assert pretended
    checkout.run()
    first, *more = checkout.log.with_name("uv.lock").read_text(encoding="utf-8").splitlines()
    assert first.startswith("uv==")
    assert {line.split("=")[0] for line in more} == {"    --hash", "    # via -r requirements.in"}


def test_a_failing_command_says_which_step_and_where_the_log_is(
    checkout: SetUp, pretended: dict[str, tuple[str, int]]
) -> None:
    """The one line names the step, the first error and the log."""
    pretended["packages"] = ("ERROR: the disk is full", 1)
    with pytest.raises(UnfinishedError) as raised:
        checkout.run()
    assert str(raised.value) == f"packages: ERROR: the disk is full (log: {checkout.log})"


def test_a_failed_set_up_ends_with_one_line_and_status_2(
    checkout: SetUp,
    pretended: dict[str, tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback: what is wrong, and where more stands."""
    pretended["npm"] = ("npm error code EAI_AGAIN", 1)
    monkeypatch.setattr(setup, "ROOT", checkout.root)
    with pytest.raises(SystemExit) as exited:
        setup.main([])
    assert exited.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "set-up failed: npm: no network: the package registry cannot be reached; connect and run this again "
        f"(log: {checkout.log})"
    )


@pytest.mark.parametrize(
    "said",
    [
        "WARNING: Retrying: Failed to establish a new connection: [Errno 101] Network is unreachable",
        "  cause: client error (Connect)\n  cause: dns error\n  cause: error resolving DNS",
        "  cause: tcp connect error\n  cause: Connection refused (os error 111)",
        "npm error code EAI_AGAIN",
    ],
)
def test_a_missing_network_is_recognised(said: str) -> None:
    """What pip, uv and npm say in many lines, the user reads in one."""
    assert reason(said).startswith("no network:")


def test_a_python_without_venv_is_told_what_to_install() -> None:
    """Debian ships Python without ensurepip."""
    said = "The virtual environment was not created successfully because ensurepip is not\navailable."
    assert "apt install python3-venv" in reason(said)


def test_the_lock_outlives_a_killed_set_up(tmp_path: Path) -> None:
    """While pip goes on after its parent was killed, no other set-up starts."""
    path = tmp_path / "set-up.lock"
    with lock(path) as held:
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[held.fileno()]
        )
    with path.open("w", encoding="utf-8") as file:
        with pytest.raises(BlockingIOError) as raised:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert raised.value.errno == errno.EWOULDBLOCK
        child.communicate(b"\n")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_each_command_of_set_up_holds_the_lock(checkout: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is still running when set-up is killed keeps every other set-up waiting."""
    tries = (
        "import fcntl, pathlib\n"
        "pathlib.Path('.venv').mkdir()\n"
        "file = open('.cache/set-up.lock', 'w')\n"
        "print([name for name in pathlib.Path('/dev/fd').iterdir() if name.exists()"
        " and name.resolve().name == 'set-up.lock' and int(name.name) != file.fileno()] != [])\n"
    )
    monkeypatch.setattr(SetUp, "steps", lambda _: {"packages": [(sys.executable, "-c", tries)]})
    checkout.run()
    assert checkout.log.read_text(encoding="utf-8") == "True\n"


def test_a_second_set_up_waits_for_the_first(
    checkout: SetUp, pretended: dict[str, tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that it waits, and finds nothing left to do."""
    assert pretended
    checkout.log.parent.mkdir()
    path = checkout.log.with_suffix(".lock")
    waiter = (
        "from pathlib import Path; from checks.tooling import setup\n"
        f"with setup.lock(Path({str(path)!r})): print('has it', flush=True)\n"
    )
    with lock(path):
        child = subprocess.Popen(
            [sys.executable, "-c", waiter],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr
        assert child.stderr.readline() == "another set-up is running in this checkout; waiting for it\n"
        assert child.poll() is None
        finish(checkout)
    assert child.communicate()[0] == "has it\n"
    assert capsys.readouterr().err == ""


def test_a_set_up_that_another_one_did_meanwhile_is_not_done_again(
    checkout: SetUp, pretended: dict[str, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished is looked at again once the lock is held."""
    assert pretended
    flock = fcntl.flock

    def finished_meanwhile(*arguments: object) -> None:
        finish(checkout)
        flock(*arguments)  # type: ignore[arg-type] # whatever it is called with

    monkeypatch.setattr(fcntl, "flock", finished_meanwhile)
    checkout.run()
    assert ran(checkout) == []


PIP_CONFIG = """\
:env:.cert='/etc/own.pem'
:env:.disable-pip-version-check='1'
global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'
global.find-links='/wheels /more'
global.index-url='https://everywhere.example/simple'
install.index-url='https://me:secret@install.example/simple'
list.index-url='https://list.example/simple'
"""


def test_uv_finds_what_pip_finds() -> None:
    """Set-up hands pip's settings over to uv; a more special one wins, as it does in pip."""
    assert uv.settings(PIP_CONFIG, {"PATH": "/bin"}) == {
        "PATH": "/bin",
        "SSL_CERT_FILE": "/etc/own.pem",
        "UV_DEFAULT_INDEX": "https://me:secret@install.example/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "true",
    }


def test_uv_needs_no_setting_of_pip() -> None:
    """Where pip is told nothing, uv is told no place and trusts the machine's certificates."""
    assert uv.settings("", {}) == {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize(
    ("name", "value"), [("UV_DEFAULT_INDEX", "https://uv.example/simple"), ("SSL_CERT_FILE", "/uv.pem")]
)
def test_what_uv_itself_is_told_wins(name: str, value: str) -> None:
    """A machine that sets uv up is believed before its pip."""
    assert uv.settings(PIP_CONFIG, {name: value})[name] == value


def test_the_certificates_that_pip_takes_from_requests_are_those_of_uv() -> None:
    """The variable of pip's HTTP library counts for pip too."""
    assert uv.settings("", {"REQUESTS_CA_BUNDLE": "/requests.pem"})["SSL_CERT_FILE"] == "/requests.pem"


def test_uv_is_that_of_the_environment_and_asks_its_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The uv beside this Python runs with what the pip of this Python is set to."""
    asked: list[object] = []
    became: list[tuple[str, list[str], dict[str, str]]] = []

    def answer(command: list[str], **_: object) -> Exit:
        asked.append(command)
        return Exit(0, "global.index-url='https://pip.example/simple'\n")

    monkeypatch.setattr(child, "run", answer)
    monkeypatch.setattr(os, "execve", lambda *how: became.append(how))
    monkeypatch.setattr(sys, "argv", ["uv", "pip", "sync"])
    runpy.run_path(uv.__file__, run_name="__main__")
    assert asked == [[sys.executable, "-m", "pip", "config", "list"]]
    ((program, arguments, environment),) = became
    assert program == str(Path(sys.executable).with_name("uv"))
    assert arguments == [program, "pip", "sync"]
    assert environment["UV_DEFAULT_INDEX"] == "https://pip.example/simple"
    assert environment["UV_PYTHON"] == sys.executable
