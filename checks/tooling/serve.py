"""Serves the site on this machine: `python -m checks.tooling.serve [PORT]`."""

import argparse
import logging
import runpy
import socket
import sys
import threading
import time
from contextlib import suppress

from checks.progress import SILENCE_S
from checks.tooling.next_steps import next_steps

HOST = "127.0.0.1"
TRIED = 100
LAST_PORT = 65535


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with suppress(OSError):
        # As the server does: a port that only waits out its last connections counts as free.
        socket.create_server((HOST, port)).close()
        return True
    return False


def next_free(port: int) -> int:
    """The first free port from this one on.

    Raises:
        LookupError: None of the next hundred is free.
    """
    for candidate in range(port, min(port + TRIED, LAST_PORT + 1)):
        if is_free(candidate):
            return candidate
    raise LookupError(f"no free port from {port} on; choose another with --port")


def answers(port: int) -> bool:
    """Whether a server accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def tell_progress(port: int) -> None:
    """Say that the site is being built, until the server answers."""
    began = time.monotonic()
    time.sleep(SILENCE_S)
    while not answers(port):
        print(f"building the site: {time.monotonic() - began:.0f} s", flush=True)
        time.sleep(SILENCE_S)


def main(arguments: list[str]) -> None:
    """Become the live server of the site, on the port asked for or the next free one."""
    parser = argparse.ArgumentParser(prog="invoke serve")
    parser.add_argument("port", type=int, nargs="?", default=8000)
    asked = parser.parse_args(arguments).port
    if not 1 <= asked <= LAST_PORT:
        parser.error(f"--port {asked}: a port is a number from 1 to {LAST_PORT}")
    try:
        port = next_free(asked)
    except LookupError as error:
        parser.error(str(error))
    if port != asked:
        print(f"port {asked} is taken; using {port}", flush=True)
    print(next_steps("In another terminal"), end="", flush=True)
    threading.Thread(target=tell_progress, args=[port], daemon=True).start()
    # Some plugins print up to 15 lines about themselves at every build, and have no option against it.
    logging.getLogger("mkdocs.plugins").setLevel(logging.WARNING)
    sys.argv = ["mkdocs", "serve", f"--dev-addr={HOST}:{port}"]
    runpy.run_module("mkdocs", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
