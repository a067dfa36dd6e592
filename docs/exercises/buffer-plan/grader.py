"""Grades a buffer plan: carries it out on the shipped trace, and holds it to its own numbers."""

from collections import deque
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from service_monitoring.application.commands import Evaluate, IngestSamples
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import SamplesRefusedError
from service_monitoring.application.replay import TraceClock
from service_monitoring.boundary.batch import decode_batch
from service_monitoring.boundary.policy_file import load_policy_file
from service_monitoring.boundary.rejections import Rejected
from service_monitoring.domain.events import IncidentOpened, IncidentResolved
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import read_trace
from service_monitoring.storage.memory import MemoryStore

MISTAKES = {
    "incomplete": (
        "Every key needs an answer of its kind: sent is count or boundary, accept is all or each, samples, "
        "requests and lost are whole numbers, delay_seconds and repeat_within_seconds are numbers."
    ),
    "moves-decisions": (
        "With this plan, notifications are missing at the times that they have when every reading is sent at "
        "once, or new ones come. Which sample was still in the buffer at a decision, and what did the rule "
        "see instead?"
    ),
    "right-by-luck": (
        "On this trace nothing moves. But start the same buffers a few seconds later, as after a "
        "restart of the client, and notifications move. The phase decides whether it "
        "moves any, and a restart changes it. What in your plan empties the buffer when a decision is due?"
    ),
    "too-many-requests": (
        "The plan sends more than {MOST_REQUESTS} requests for the trace, and each waits for the disk. How "
        "can a buffer hold more samples without holding them past a decision?"
    ),
    "requests-missed": (
        "The plan sends another number of requests than it says. How many decisions are there from the first "
        "sample to the last? Is the buffer ever empty at one, or too full for one request?"
    ),
    "delay-broken": (
        "A sample waits in the buffer for longer than delay_seconds. Look at the first sample after a "
        "request was sent. A wait that was rounded down is too short for a bound: round it up."
    ),
    "delay-padded": (
        "delay_seconds is more than a second above the longest wait of any sample. Such a promise is of no "
        "use to a reader of your plan."
    ),
    "failure-group-too-large": (
        "One infinite value makes you lose more than {MOST_LOST} good samples. The samples of this trace do "
        "not need each other. Which value of accept keeps the good ones?"
    ),
    "lost-missed": (
        "With one infinite value in the largest request, another number of good samples is lost than the "
        "plan says. Try it with decode_batch."
    ),
    "repeat-too-late": (
        "A request that is repeated this long after it was sent is refused, at least in part, as too_old. "
        "The age counts from the sample, which has waited before. Which decision forgets the oldest one?"
    ),
    "repeat-too-soon": (
        "The plan stops repeating after less than a minute. A restart of the server may take that long, and "
        "then the samples are lost. How long does the server still accept a repeat?"
    ),
}

MOST_REQUESTS = 200
MOST_LOST = 10
LEAST_REPEAT = 60
PADDING = 1
_FIRST = datetime(2026, 11, 23, 8, 58, 30, tzinfo=UTC)
_METRICS = 7


class Plan(NamedTuple):
    """What a submission says."""

    sent: str
    samples: int
    accept: str
    requests: int
    delay_seconds: float
    lost: int
    repeat_within_seconds: float


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a plan."""
    given = [submission.get(key) for key in Plan._fields]
    if not all(
        type(value) is int or (kind is float and type(value) is float and isfinite(value))
        for value, kind in zip(given, Plan.__annotations__.values(), strict=True)
        if kind is not str
    ):
        return "incomplete"
    plan = Plan(*given)
    if plan.sent not in ("count", "boundary") or plan.accept not in ("all", "each") or plan.samples < 1:
        return "incomplete"
    return _of_decisions(plan) or _of_numbers(plan)


def _of_decisions(plan):
    right, arrivals = _news(_filled("count", _METRICS)), _filled(plan.sent, plan.samples)
    if _news(arrivals) != right:
        return "moves-decisions"
    for late in range(1, 5):
        begun = _METRICS * late
        if _news(_filled("count", _METRICS, stop=begun) + _filled(plan.sent, plan.samples, begun)) != right:
            return "right-by-luck"
    return "too-many-requests" if len(arrivals) > MOST_REQUESTS else None


def _of_numbers(plan):
    arrivals = _filled(plan.sent, plan.samples)
    if len(arrivals) != plan.requests:
        return "requests-missed"
    delay = max((at - sample.observed_at).total_seconds() for at, batch in arrivals for sample in batch)
    if plan.delay_seconds < delay:
        return "delay-broken"
    if plan.delay_seconds > delay + PADDING:
        return "delay-padded"
    lost = _lost(plan.accept, max(len(batch) for _, batch in arrivals))
    if lost > MOST_LOST:
        return "failure-group-too-large"
    if lost != plan.lost:
        return "lost-missed"
    if plan.repeat_within_seconds < LEAST_REPEAT:
        return "repeat-too-soon"
    after = timedelta(seconds=min(plan.repeat_within_seconds, 86_400))
    return "repeat-too-late" if _refused_again(arrivals, after) else None


@cache
def _samples():
    return list(read_trace(MACHINE_UNDER_LOAD))


@cache
def _policy():
    return load_policy_file(MACHINE_POLICY)


def _due(sample):
    interval = _policy().evaluation_interval
    return _FIRST - (_FIRST - sample.observed_at) // interval * interval


def _filled(sent, most, start=0, stop=None):
    """Requests of a part of the trace, each with the instant at which it is sent."""
    samples = _samples()[start:stop]
    groups = [(None, samples)] if sent == "count" else groupby(samples, _due)
    arrivals = []
    for due, group in groups:
        held = list(group)
        pieces = [held[place : place + most] for place in range(0, len(held), most)]
        arrivals += [(piece[-1].observed_at, piece) for piece in pieces]
        if due is not None and len(pieces[-1]) < most:
            arrivals[-1] = (due, pieces[-1])
    return arrivals


def _instants():
    due, last = _FIRST, _samples()[-1].observed_at + _policy().evaluation_interval
    while due < last:
        yield due
        due += _policy().evaluation_interval


def _monitor():
    store = MemoryStore()
    monitor = Monitor(_policy().policy, store, TraceClock())
    monitor.begin(_policy().lookback, _policy().rules)
    return store, monitor


def _news(arrivals):
    """The incidents that open and resolve when the samples arrive like this, with their instants."""
    (store, monitor), waiting = _monitor(), deque(arrivals)
    for due in _instants():
        while waiting and waiting[0][0] <= due:
            monitor.handle(IngestSamples(waiting.popleft()[1]))
        monitor.handle(Evaluate(due))
    return [
        (type(event), event.at, event.incident.rule_id)
        for event in store.events(_policy().policy)
        if isinstance(event, IncidentOpened | IncidentResolved)
    ]


def _lost(accept, size):
    """Good samples of a request that are lost when one of its values is infinite."""
    good = MACHINE_UNDER_LOAD.read_bytes().splitlines()[1 : size + 1]
    bad = good[0].replace(b'"value":', b'"value":1e999,"was":', 1)
    body = b'{"accept":"%b","samples":[%b]}' % (accept.encode(), b",".join([bad, *good[1:]]))
    try:
        return size - 1 - len(decode_batch(body, now=_samples()[-1].observed_at).samples)
    except Rejected:
        return size - 1


def _refused_again(arrivals, after):
    """Whether any request, sent again after such a time, is not kept whole."""
    _, monitor = _monitor()
    waiting, repeats = deque(arrivals), deque((at + after, batch) for at, batch in arrivals)
    for due in _instants():
        # A repeat that arrives with a decision may come after it.
        while repeats and repeats[0][0] < due:
            try:
                monitor.handle(IngestSamples(repeats.popleft()[1], whole=True))
            except SamplesRefusedError:
                return True
        while waiting and waiting[0][0] <= due:
            monitor.handle(IngestSamples(waiting.popleft()[1]))
        monitor.handle(Evaluate(due))
    return False
