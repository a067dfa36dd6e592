"""Grades a batching plan by following it: ten thousand samples go through the boundary into SQLite."""

from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

from service_monitoring.application.commands import IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.replay import TraceClock
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.rejections import Rejected
from service_monitoring.storage.sqlite import open_sqlite
from service_monitoring.storage.staging import StagedUnitOfWork

MISTAKES = {
    "incomplete": (
        "Every key needs an answer of its kind: whole numbers for batch (at least 1), commits, lost, "
        "repeated and twice, a number of seconds for wait_s, none below 0; and accept is all or each."
    ),
    "one-commit-for-all": (
        "The boundary refused your first batch, and nothing was committed: it is larger than one request "
        "may be. Which limit does the API page of the limits name?"
    ),
    "too-many-commits": (
        "The plan needs more than {MOST_COMMITS} commits, and each waits for the disk. How many samples must "
        "share one wait?"
    ),
    "commits-miscounted": (
        "Your plan leads to another number of commits than it says. The last batch may not be full, but it "
        "is committed too."
    ),
    "ignores-the-wait": (
        "The oldest sample of a full batch does not wait as long as you say, in the time of the samples. "
        "The batch is sent when its last sample is there. How many samples come in between, and how far "
        "apart are they?"
    ),
    "waits-too-long": (
        "You have counted the wait correctly, but it is longer than {LONGEST_S} seconds. A decision in that "
        "time is made without these samples. Can you accept a few more commits?"
    ),
    "expects-each-to-lose-the-batch": (
        "The bad sample was sent with accept each, and another number of good ones was lost than you say. "
        "Print batch.rejections and batch.samples: what happened to the good ones?"
    ),
    "expects-all-to-keep-the-rest": (
        "The bad sample was sent with accept all, and another number of good ones was lost than you say. "
        "All means all: one bad sample refuses the request. Do not count the bad one."
    ),
    "not-the-same-request": (
        "The request was lost, and the client sent what your plan repeats. The store does not hold the whole "
        "batch. The client cannot know whether the request was lost or only the answer, so the repeat must "
        "be right in both cases."
    ),
    "fears-the-repeat": (
        "The same samples were committed twice, and the number that the store then holds twice is not the "
        "one that you say. What is the key of the table of samples, and what happens to a second value?"
    ),
}

SAMPLES, A_SECOND = 10_000, 200
MOST_COMMITS, LONGEST_S = 200, 5
_METRICS = 20
_A_MILLISECOND = 0.001
_FIRST = datetime(2026, 11, 23, 9, tzinfo=UTC)
_NOW = _FIRST + timedelta(seconds=SAMPLES / A_SECOND)
_COUNTS = ("batch", "commits", "lost", "repeated", "twice")


class Plan(NamedTuple):
    """What a submission says."""

    batch: int
    commits: int
    lost: int
    repeated: int
    twice: int
    wait_s: float
    accept: str


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a plan."""
    counts = [submission.get(key) for key in _COUNTS]
    wait_s, accept = submission.get("wait_s"), submission.get("accept")
    if not all(type(count) is int and count >= 0 for count in counts) or accept not in ("all", "each"):
        return "incomplete"
    if type(wait_s) not in (int, float) or not isfinite(wait_s) or wait_s < 0:
        return "incomplete"
    plan = Plan(*counts, wait_s, accept)
    if plan.batch < 1:
        return "incomplete"
    if plan.batch * MOST_COMMITS < SAMPLES:
        return "too-many-commits"
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            return _of_the_run(plan, folder) or _of_a_bad_sample(plan) or _of_a_repeat(plan, folder)
        except Rejected:
            return "one-commit-for-all"


def _of_the_run(plan, folder):
    lines = [_line(number) for number in range(SAMPLES)]
    batches = [lines[start : start + plan.batch] for start in range(0, SAMPLES, plan.batch)]
    waits = []
    with (
        _Store(folder / "run.db") as store,
        patch.object(
            StagedUnitOfWork, "commit", autospec=True, side_effect=StagedUnitOfWork.commit
        ) as commits,
    ):
        for batch in batches:
            samples = _decoded(plan, batch)
            store.handle(samples)
            waits.append((samples[-1].observed_at - samples[0].observed_at).total_seconds())
    if commits.call_count != plan.commits:
        return "commits-miscounted"
    if abs(plan.wait_s - waits[0]) > _A_MILLISECOND:
        return "ignores-the-wait"
    return "waits-too-long" if waits[0] > LONGEST_S else None


def _of_a_bad_sample(plan):
    lines = [_line(number) for number in range(plan.batch)]
    lines[plan.batch // 2] = lines[plan.batch // 2].replace('"value":', '"value":1e999')
    try:
        kept = len(_decoded(plan, lines))
    except Rejected:
        kept = 0
    if plan.batch - 1 - kept == plan.lost:
        return None
    return "expects-each-to-lose-the-batch" if plan.accept == "each" else "expects-all-to-keep-the-rest"


def _of_a_repeat(plan, folder):
    samples = _decoded(plan, [_line(number) for number in range(plan.batch)])
    repeated = [*samples, *_decoded(plan, [_line(plan.batch)])][: plan.repeated]
    with _Store(folder / "request-lost.db") as store:
        if store.handle(repeated) != plan.batch:
            return "not-the-same-request"
    with _Store(folder / "answer-lost.db") as store:
        held = [store.handle(samples), store.handle(repeated)]
    return None if held[1] - held[0] == plan.twice else "fears-the-repeat"


class _Store:
    """A new SQLite store, for as long as it is open."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        self._store = open_sqlite(self._file)
        self._monitor = Monitor("fleet", self._store, TraceClock())
        return self

    def __exit__(self, *_):
        self._store.close()

    def handle(self, samples):
        """Keep these; says how many samples are held then."""
        self._monitor.handle(IngestSamples(samples))
        return len(self._store.window())


def _decoded(plan, lines):
    body = f'{{"accept":"{plan.accept}","samples":[{",".join(lines)}]}}'
    return decode_batch(body.encode(), now=_NOW).samples


def _line(number):
    """A sample as a client writes it: two hundred a second, each metric in its turn."""
    at = _FIRST + timedelta(seconds=number / A_SECOND)
    return (
        f'{{"metric":"metric_{number % _METRICS}","value":{number},'
        f'"observed_at":"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1_000:03}Z"}}'
    )
