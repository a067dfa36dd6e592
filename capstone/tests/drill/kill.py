"""The kill drill: SIGKILL a live server under load, again and again, and count what was lost.

Run by itself it kills more often than the check does:
`python capstone/tests/drill/kill.py --kills 200 --store postgres`.

Four clients post whole batches to the HTTP edge without a pause, and note each answer. The process is killed
at a random moment, started again on the same store, and so on. In the end every acknowledged batch must be in
the store whole, every other batch whole or not at all, the projections equal to those rebuilt from events,
and every opened or resolved incident must have reached the sink at least once, and no other. The first server
can not write to its sink, so that what it could not deliver has to survive it.

What it can not see: SIGKILL leaves what was handed to the operating system. A power cut does not; that the
store waits for the disk is held by a test of its settings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from service_monitoring.domain.values import microseconds
from service_monitoring.storage.address import open_store

TESTS = Path(__file__).resolve().parents[1]
CLIENTS = 4
METRICS = 8
PATIENCE_S = 30  # a server that acknowledges nothing is killed too
TOKEN = "a-token-of-the-drill"  # noqa: S105 - known to everybody
POLICY = """\
schema = 1
policy = "drill"
lookback = "1d"
evaluation_interval = "100ms"
[[rule]]
id = "flapping"
metric = "flap"
condition = { kind = "threshold", comparison = ">", limit = 0.5 }
severity = "warning"
"""


@dataclass
class Drill:
    """A store, the process that serves it, and what its clients were told.

    Attributes:
        folder: Scratch space.
        store: The store's address.
        program: Arguments after `python` that run the service's command line.
        attempted: Every batch that was sent: its metric prefix, its instant and its value.
        acknowledged: Those that were answered with 202.
        answers: How often each status was answered.
        keys: The notifications that reached the sink.
        above: Whether the metric of the only rule is above its limit: in every other run, from the first on.
    """

    folder: Path
    store: str
    program: tuple[str, ...]
    attempted: set[tuple[str, int, float]] = field(default_factory=set)
    acknowledged: set[tuple[str, int, float]] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    above: bool = False

    @property
    def told(self) -> Path:
        """What the file sink wrote."""
        return self.folder / "told.jsonl"

    def start(self) -> tuple[subprocess.Popen[str], str]:
        """A server process and its URL, once it listens."""
        (self.folder / "policy.toml").write_text(POLICY)
        with (self.folder / "server.log").open("a") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    *self.program,
                    "serve",
                    "--port=0",
                    f"--store={self.store}",
                    f"--config={self.folder / 'policy.toml'}",
                    f"--notify-file={self.told}",
                ],
                env={
                    **os.environ,
                    "SERVICE_MONITORING_TOKEN": TOKEN,
                    "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        stdout: IO[str] | None = process.stdout
        url = stdout.readline().strip() if stdout else ""
        if not url:
            raise RuntimeError(f"the server did not start: {(self.folder / 'server.log').read_text()[-500:]}")
        return process, url

    def kill(self, rng: random.Random, *, sink_out: bool = False) -> None:
        """Start a server, load it, and kill it at a random moment after its first acknowledgement.

        Where its sink is out, for as long as it lives, it has also failed to deliver something by then.
        """
        process, url = self.start()
        if sink_out:
            self.told.unlink()
            self.told.mkdir()
        before = len(self.acknowledged)
        self.above = not self.above
        over = threading.Event()
        clients = [
            threading.Thread(target=self._post, args=(url, f"c{number}", over)) for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while len(self.acknowledged) == before and time.monotonic() < deadline:
                time.sleep(0.01)
            while sink_out and not _failed(url) and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(rng.uniform(0, 0.45))
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            over.set()
            for client in clients:
                client.join()
            if sink_out:
                self.told.rmdir()

    def finish(self) -> None:
        """One more start, for a last decision and the deliveries that are left, and an orderly end."""
        process, url = self.start()
        deadline = time.monotonic() + PATIENCE_S
        while not (_decided(url) and not _waiting(url)) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        if process.returncode:
            raise RuntimeError(f"the server ended with {process.returncode} on SIGTERM")

    def losses(self) -> dict[str, int]:
        """What is missing or half there, by kind; a promise kept is a zero."""
        with closing(open_store(self.store, create=False)) as opened:
            store: Any = opened
            live = deepcopy(store.projections("drill"))
            rebuilt = store.rebuild("drill")
            waiting, dead = store.outbox.counts()
            rows = store._database.query("SELECT metric, at, value FROM samples")  # noqa: SLF001 - the truth
        present = Counter((metric.partition("_")[0], at, value) for metric, at, value in rows)
        committed = live.incidents.opened_count + live.incidents.resolved_count
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        self.keys = {json.loads(line)["key"] for line in lines if line}
        return {
            "acknowledged batches lost": sum(present[batch] != METRICS for batch in self.acknowledged),
            "batches half there": sum(present[batch] not in (0, METRICS) for batch in self.attempted),
            "projections unlike their events": int(live != rebuilt),
            "notifications lost": max(committed - len(self.keys), 0) + waiting + dead,
            "notifications of what was never committed": max(len(self.keys) - committed, 0),
        }

    def _post(self, url: str, prefix: str, over: threading.Event) -> None:
        connection = HTTPConnection(str(urlsplit(url).netloc), timeout=PATIENCE_S)
        value = 0.0
        while not over.is_set():
            value += 1
            now = datetime.now(UTC)
            batch = prefix, microseconds(now), value
            self.attempted.add(batch)
            try:
                connection.request(
                    "POST", "/v1/samples", _body(prefix, now, value, above=self.above), _headers()
                )
                status = connection.getresponse()
                status.read()
            except (OSError, HTTPException):
                connection.close()
                continue
            self.answers[str(status.status)] += 1
            if status.status == 202:
                self.acknowledged.add(batch)
        connection.close()


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


def _waiting(url: str) -> bool:
    """Whether a notification still waits in the outbox, by the service's own account."""
    return "service_monitoring_outbox_waiting 0.0" not in _metrics(url)


def _failed(url: str) -> bool:
    """Whether the sink has refused a notification."""
    return 'service_monitoring_notifications_total{outcome="failed",sink="file"}' in str(_metrics(url))


def _decided(url: str) -> bool:
    """Whether this process has decided on what was sent to those before it."""
    return 'service_monitoring_commands_total{command="Evaluate",outcome="committed"}' in str(_metrics(url))


def _metrics(url: str) -> list[str]:
    connection = HTTPConnection(str(urlsplit(url).netloc), timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET", "/metrics", headers=_headers())
        return connection.getresponse().read().decode().splitlines()


def _body(prefix: str, now: datetime, value: float, *, above: bool) -> bytes:
    instant = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    flap = {"metric": "flap", "value": float(above), "observed_at": instant}
    samples = [
        {"metric": f"{prefix}_{number}", "value": value, "observed_at": instant} for number in range(METRICS)
    ]
    return json.dumps({"accept": "all", "samples": [*samples, flap]}).encode()


def drill(address: str, kills: int, seed: int, program: tuple[str, ...] = ()) -> tuple[Drill, dict[str, int]]:
    """Kill so often, at first with a sink that is out; the second part is what was lost, by kind."""
    rng = random.Random(seed)  # noqa: S311 - the same moments for the same seed, as far as clocks repeat
    with tempfile.TemporaryDirectory() as folder:
        run = Drill(Path(folder), address, program or ("-m", "service_monitoring"))
        for number in range(kills):
            run.kill(rng, sink_out=number == 0 and not program)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{number + 1} of {kills} kills, {len(run.acknowledged):,} acknowledged ")
        run.finish()
        return run, run.losses()


def record(options: argparse.Namespace, run: Drill, lost: dict[str, int]) -> dict[str, Any]:
    """What was done and found, with where and when."""
    figures = {"kills": options.kills, "attempted batches": len(run.attempted)}
    figures |= {"acknowledged batches": len(run.acknowledged), "notifications": len(run.keys), **lost}
    return {
        "name": f"kill-drill-{options.store}",
        "command": f"python capstone/tests/drill/kill.py --kills {options.kills} --store {options.store}",
        "measured": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "python": platform.python_version(),
            "runs": 1,
        },
        "figures": {
            name: {"value": value, "unit": name, "repeats": name in lost, "spread": None, "runs": 1}
            for name, value in figures.items()
        },
        "facts": {"seed": options.seed},
    }


def main() -> int:
    """Drill as often as asked for; the exit status is 1 when anything was lost, 3 without PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", action="store_true", help="with a repository that is broken on purpose")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.store == "sqlite":
            address = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/store.db"
        else:
            sys.path.insert(0, str(TESTS))
            from support.postgres import MISSING, bin_folder, running_postgres  # noqa: PLC0415 - after the path

            if bin_folder() is None:
                print(MISSING, file=sys.stderr)
                return 3
            address = stack.enter_context(running_postgres())
        program = ("-m", "drill.broken") if options.broken else ()
        run, lost = drill(address, options.kills, options.seed, program)
    print(
        f"{options.store}, seed {options.seed}: {options.kills} kills, "
        f"{len(run.attempted):,} batches attempted, {len(run.acknowledged):,} acknowledged, "
        f"{len(run.keys):,} notifications"
    )
    for kind, count in lost.items():
        print(f"  {count:>6,}  {kind}")
    if options.record is not None:
        options.record.write_text(json.dumps(record(options, run, lost), indent=1) + "\n", "utf-8")
    return 1 if any(lost.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
