"""Serves the site on this machine: `python -m checks.tooling.serve [PORT]`."""

import argparse
import os
import socket
import sys

HOST = "127.0.0.1"
TRIED = 100


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As the server does: a port that only waits out its last connections counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def next_free(port: int) -> int:
    """The first free port from this one on.

    Raises:
        LookupError: None of the next hundred is free.
    """
    for candidate in range(port, min(port + TRIED, 65536)):
        if is_free(candidate):
            return candidate
    raise LookupError(f"no free port from {port} on; choose another with --port")


def main(arguments: list[str]) -> None:
    """Become the live server of the site, on the port asked for or the next free one."""
    parser = argparse.ArgumentParser(prog="invoke serve")
    parser.add_argument("port", type=int, nargs="?", default=8000)
    asked = parser.parse_args(arguments).port
    try:
        port = next_free(asked)
    except LookupError as error:
        parser.error(str(error))
    if port != asked:
        print(f"port {asked} is taken; using {port}", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "mkdocs", "serve", f"--dev-addr={HOST}:{port}"])


if __name__ == "__main__":
    main(sys.argv[1:])
