"""A real load for `service-monitoring record` to see: it saturates this machine, then lets go.

    python capstone/traces/load.py

Phases: quiet, processors only, processors with memory, disk and network, quiet again. Standard library only;
everything it starts is a child of its own, it writes to one unnamed temporary file and talks to itself over
loopback.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from multiprocessing import Process

PROCESSORS = os.cpu_count() or 1
QUIET_SECONDS = 240
BUSY_SECONDS = 300
FULL_SECONDS = 240
MEMORY_SHARE = 0.62  # of what the machine has in all
DISK_BYTES = 256_000_000
DISK_BYTES_PER_SECOND = 60_000_000
NETWORK_BYTES_PER_SECOND = 5_000_000


def burn(seconds: float) -> None:
    """Keep one processor busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


def hold_memory(seconds: float) -> None:
    """Fill memory in steps over the first half of the time, hold it, let go by ending."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    steps = 40
    held = []
    for _ in range(steps):
        held.append(b"\xa5" * int(total * MEMORY_SHARE / steps))
        time.sleep(seconds / 2 / steps)
    time.sleep(seconds / 2)


def write_disk(seconds: float) -> None:
    """Write and sync at a steady rate, over the same 256 MB."""
    block = os.urandom(DISK_BYTES_PER_SECOND // 4)
    end = time.monotonic() + seconds
    with tempfile.TemporaryFile() as file:
        while time.monotonic() < end:
            if file.tell() > DISK_BYTES:
                file.seek(0)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            time.sleep(0.25)


def talk(seconds: float) -> None:
    """Send to a socket of our own over loopback at a steady rate."""
    receiver = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(receiver.getsockname())
    peer, _ = receiver.accept()
    block = bytes(NETWORK_BYTES_PER_SECOND // 20)

    def drain() -> None:
        while peer.recv(1 << 16):
            pass

    threading.Thread(target=drain, daemon=True).start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sender.sendall(block)
        time.sleep(0.05)
    sender.close()


def phase(name: str, seconds: float, *work: Process) -> None:
    """Run one phase to its end."""
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {name}, {seconds:.0f} s", file=sys.stderr, flush=True)
    end = time.monotonic() + seconds
    for process in work:
        process.start()
    time.sleep(max(0.0, end - time.monotonic()))
    for process in work:
        process.join()


def main() -> None:
    """The four phases."""
    phase("quiet", QUIET_SECONDS)
    phase(
        "processors",
        BUSY_SECONDS,
        *(Process(target=burn, args=(BUSY_SECONDS,)) for _ in range(PROCESSORS + 1)),
    )
    phase(
        "processors, memory, disk, network",
        FULL_SECONDS,
        *(Process(target=burn, args=(FULL_SECONDS,)) for _ in range(PROCESSORS + 1)),
        *(Process(target=work, args=(FULL_SECONDS,)) for work in (hold_memory, write_disk, talk)),
    )
    phase("quiet", QUIET_SECONDS * 2)


if __name__ == "__main__":
    main()
