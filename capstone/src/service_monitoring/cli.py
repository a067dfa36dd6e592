"""The `service-monitoring` command: reads arguments, handles commands, prints answers.

From here to a decision in five files: `cli` builds a
[`monitor`][service_monitoring.application.monitor], which asks the
[`policy`][service_monitoring.domain.policy] to decide; the policy asks the
[`conditions`][service_monitoring.domain.conditions] of its rules about the
[`window`][service_monitoring.domain.window] of samples.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, takewhile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NoReturn, Self

from service_monitoring import report
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import ConcurrencyConflictError, PolicyNotFoundError, StoreError
from service_monitoring.application.queries import (
    describe_rule,
    describe_span,
    snapshot,
    summary,
    timeline,
)
from service_monitoring.application.recording import ticks
from service_monitoring.application.replay import ReplayStatistics, TraceClock, TraceGapError, replay
from service_monitoring.boundary.alert_rules import alert_rules
from service_monitoring.boundary.documents import encode_event
from service_monitoring.boundary.durations import format_duration, parse_duration
from service_monitoring.boundary.policy_file import PolicyFile, PolicyFileError, load_policy_file
from service_monitoring.domain.policy import PolicyError
from service_monitoring.sources.shipped import MACHINE_POLICY, MACHINE_UNDER_LOAD
from service_monitoring.sources.trace import BrokenTraceError, TraceWriter, read_trace
from service_monitoring.storage.address import default_address, open_store
from service_monitoring.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service_monitoring.application.ports import Notification, Sink, Store
    from service_monitoring.application.projections import Projections
    from service_monitoring.domain.events import Event
    from service_monitoring.domain.window import SampleWindow

SHIPPED_TRACE = MACHINE_UNDER_LOAD.stem
RUNBOOKS = "http://localhost:8000/capstone/runbooks"

EXIT_OK = 0
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Returns:
        The exit status: 0, 2 for bad input, 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except (BrokenTraceError, PolicyFileError, TraceGapError, StoreError, BadInputError) as error:
        return _complain(str(error))
    except PolicyError as error:
        # Only the rules of a policy file can ask for what a new policy does not allow.
        return _complain(f"{options.config}: {error}")
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output has gone: nothing is wrong, and the interpreter must not flush again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_OK
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    return EXIT_OK


class BadInputError(ValueError):
    """An argument asks for something that is not there."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A policy and what it decided: over a trace that was just replayed, or in a store.

    Attributes:
        policy_id: The policy's name.
        store: Where it is.
        replayed: What the replay went through; nothing for a store.
    """

    policy_id: str
    store: Store
    replayed: ReplayStatistics = field(default_factory=ReplayStatistics)

    @property
    def events(self) -> Sequence[Event]:
        """What the policy recorded."""
        return self.store.events(self.policy_id)

    @property
    def projections(self) -> Projections:
        """The live projections."""
        return self.store.projections(self.policy_id)

    @property
    def window(self) -> SampleWindow:
        """The samples held."""
        with self.store.unit_of_work() as unit:
            return unit.samples.window()

    @property
    def decided_at(self) -> datetime | None:
        """The instant of the last decision."""
        with self.store.unit_of_work() as unit:
            return unit.policies.get(self.policy_id).decided_at


def _parser() -> _Parser:
    parser = _Parser(
        prog="service-monitoring",
        description="Watch a machine, decide, and remember why.",
        epilog="Bad input is answered with one line and exit status 2. All times are UTC.",
        # Python 3.13 counts the indent of the commands, 3.12 does not; this width suits both.
        formatter_class=partial(argparse.HelpFormatter, max_help_position=17),
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    record = commands.add_parser("record", help="write this machine's metrics to a trace file")
    record.add_argument("file", metavar="FILE", type=Path, help="the trace to write; must not exist yet")
    record.add_argument(
        "--for", dest="duration", metavar="DURATION", type=_duration, help="stop after this long, like 15m"
    )
    record.add_argument(
        "--interval", metavar="DURATION", type=_duration, default=timedelta(seconds=1), help="default: 1s"
    )
    record.set_defaults(run=_record)

    replay = commands.add_parser(
        "replay", help="decide over a trace; print incidents as they open and resolve"
    )
    _add_trace(replay)
    _add_config(replay)
    replay.add_argument(
        "--store", metavar="STORE", default="memory:", help="where to keep what was decided; default: memory:"
    )
    replay.set_defaults(run=_replay)

    views: list[tuple[str, str, Callable[[argparse.Namespace], None]]] = [
        ("summary", "what a trace or a store holds and what was decided", _summary),
        ("history", "every event of the policy, in order", _history),
        ("timeline", "when each rule was pending and open, as a chart", _timeline),
        ("snapshot", "what is true after the last decision", _snapshot),
    ]
    for name, purpose, run in views:
        command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        _add_trace(command, optional=True)
        _add_config(command)
        _add_store(command)
        _add_json(command)
        command.set_defaults(run=run)

    rules = commands.add_parser("rules", help="the rules of the policy")
    _add_config(rules)
    _add_json(rules)
    rules.set_defaults(run=_rules)

    export = commands.add_parser("export-alerts", help="the policy as Prometheus alert rules")
    _add_config(export)
    export.add_argument(
        "--runbooks", metavar="URL", default=RUNBOOKS, help=f"where the runbooks are; default: {RUNBOOKS}"
    )
    export.set_defaults(run=_export_alerts)

    serve = commands.add_parser(
        "serve",
        help="take samples over HTTP, decide, notify",
        description="Take samples over HTTP, decide, notify. The token that clients must show comes from "
        "--token-file or from SERVICE_MONITORING_TOKEN.",
    )
    _add_config(serve)
    _add_store(serve)
    serve.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="default: 127.0.0.1")
    serve.add_argument("--port", metavar="PORT", type=_port, default=8080, help="default: 8080; 0: any")
    serve.add_argument("--allow-remote", action="store_true", help="let the address be other than loopback")
    for name, what in (
        ("token", "the token that clients must show"),
        ("signing-key", "the key that requests and webhooks are signed with"),
        ("webhook", "the address that is told of incidents"),
    ):
        serve.add_argument(f"--{name}-file", metavar="FILE", type=Path, help=f"holds {what}")
    serve.add_argument(
        "--notify-file", metavar="FILE", type=Path, help="append a line of JSON for each notification"
    )
    serve.set_defaults(run=_serve)

    rebuild = commands.add_parser("rebuild", help="make a store's projections anew from its events")
    _add_config(rebuild)
    _add_store(rebuild)
    rebuild.set_defaults(run=_rebuild)

    check = commands.add_parser("check", help="check a policy file")
    check.add_argument("config", metavar="CONFIG", type=Path, help="a policy file (TOML)")
    check.set_defaults(run=_check)

    demo = commands.add_parser("demo", help="the shipped trace, decided and explained")
    demo.set_defaults(run=_demo, trace=SHIPPED_TRACE, config=None, until=None)
    return parser


def _add_trace(command: argparse.ArgumentParser, *, optional: bool = False) -> None:
    command.add_argument(
        "trace",
        metavar="TRACE",
        nargs="?" if optional else None,
        help=f"a trace file, or {SHIPPED_TRACE}: the one that is shipped",
    )
    command.add_argument(
        "--until", metavar="INSTANT", type=_instant, help="leave out the trace's samples after this instant"
    )


def _add_store(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--store",
        metavar="STORE",
        default=default_address(),
        help="sqlite:///FILE or postgresql://USER@HOST/DATABASE; default: a file in your state directory",
    )


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for machines")


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", metavar="FILE", type=Path, help="a policy file; default: the shipped one"
    )


def _record(options: argparse.Namespace) -> None:
    try:
        from service_monitoring.sources.host import HostMetrics  # noqa: PLC0415 - an optional adapter
    except ModuleNotFoundError as error:
        raise BadInputError(f"record needs {error.name}: install service-monitoring[host]") from None
    from service_monitoring.sources.clock import SystemClock  # noqa: PLC0415 - goes with it

    if options.file.exists():
        raise BadInputError(f"{options.file}: exists already, and record never overwrites: name a new file")
    source = HostMetrics(SystemClock())
    about = {
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
    count = 0
    with options.file.open("xb") as file, _Progress() as progress:
        writer = TraceWriter(file, interval_seconds=options.interval.total_seconds(), about=about)
        try:
            for samples in ticks(source, interval=options.interval, duration=options.duration):
                writer.write(samples)
                count += len(samples)
                progress.show(f"{count:,} samples")
        except KeyboardInterrupt:
            if options.duration is not None:
                raise
    print(f"{options.file}: {count:,} samples")


def _replay(options: argparse.Namespace) -> None:
    with closing(open_store(options.store)) as store:
        result = _replayed(options, store, _PrintingSink())
        print(report.totals(result.replayed, result.projections.incidents))


def _summary(options: argparse.Namespace) -> None:
    with _decided(options) as result:
        window, at = result.window, result.decided_at
        if options.json:
            _print_json(summary(result.projections, window, at, result.store.outbox.counts()))
            return
        lines = {
            "decided": "never" if at is None else f"last at {at:%Y-%m-%d %H:%M:%S} UTC",
            "samples": f"{len(window):,} of {len(window.metrics())} metrics held",
        }
        if result.replayed.decisions:
            interval = _policy(options.config).evaluation_interval
            lines = {
                "trace": f"{options.trace}, {report.period(result.replayed)}",
                "samples": report.samples(result.replayed, len(window.metrics())),
                "decisions": f"{result.replayed.decisions}, one every {format_duration(interval)}",
            }
        lines["rules"] = report.rule_counts(result.projections.rules)
        lines["incidents"] = report.incident_counts(result.projections.incidents)
        for name, value in lines.items():
            print(f"{name:<10} {value}")


def _history(options: argparse.Namespace) -> None:
    with _decided(options) as result:
        for event in result.events:
            print(encode_event(event) if options.json else report.event_line(event))


def _timeline(options: argparse.Namespace) -> None:
    with _decided(options) as result:
        if options.json:
            _print_json([describe_span(span) for span in timeline(result.events)])
        else:
            _print_timeline(result)


def _print_timeline(result: Decided) -> None:
    events, last = result.events, result.decided_at
    if events and last is not None:
        rule_ids = list(result.projections.rules.statuses)
        print(report.chart(rule_ids, timeline(events), result.replayed.first_at or events[0].at, last))


def _snapshot(options: argparse.Namespace) -> None:
    with _decided(options) as result:
        document = snapshot(result.projections, result.window, result.decided_at)
    if options.json:
        _print_json(document)
    else:
        print(report.snapshot_text(document))


def _rules(options: argparse.Namespace) -> None:
    policy = _policy(options.config)
    if options.json:
        _print_json([describe_rule(rule) for rule in policy.rules])
    else:
        print(report.rule_table(policy.rules))


def _export_alerts(options: argparse.Namespace) -> None:
    text, left_out = alert_rules(_policy(options.config), options.runbooks)
    print(text, end="")
    for rule_id in left_out:
        sys.stderr.write(f"service-monitoring: {rule_id} is left out: PromQL has no such condition\n")


def _serve(options: argparse.Namespace) -> None:
    try:
        from service_monitoring.server.command import serve  # noqa: PLC0415 - an optional adapter
        from service_monitoring.server.settings import SettingsError  # noqa: PLC0415 - goes with it
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"serve needs {error.name}: install service-monitoring[server,prometheus]"
        ) from None
    try:
        serve(options, _policy(options.config), lambda url: print(url, flush=True))
    except SettingsError as error:
        raise BadInputError(str(error)) from None


def _rebuild(options: argparse.Namespace) -> None:
    with _stored(options) as result:
        events, live = len(result.events), deepcopy(result.projections)
        rebuilt = result.store.rebuild(result.policy_id)
    verdict = (
        "equal to the live ones"
        if rebuilt == live
        else "DIFFERENT from the live ones, and in their place now"
    )
    print(f"{result.policy_id}: projections rebuilt from {events} events are {verdict}")


def _check(options: argparse.Namespace) -> None:
    policy = _policy(options.config)
    Monitor(policy.policy, MemoryStore(), TraceClock()).begin(policy.lookback, policy.rules)
    print(f"{options.config}: policy {policy.policy}, {len(policy.rules)} rules, no problem found")


def _demo(options: argparse.Namespace) -> None:
    print("A recorded machine: quiet, processors loaded, then memory and disk too, quiet again.\n")
    result = _replayed(options, MemoryStore(), _PrintingSink())
    print()
    _print_timeline(result)
    print()
    print(report.totals(result.replayed, result.projections.incidents))


def _policy(config: Path | None) -> PolicyFile:
    return load_policy_file(MACHINE_POLICY if config is None else config)


@contextmanager
def _decided(options: argparse.Namespace) -> Iterator[Decided]:
    if options.trace is not None:
        yield _replayed(options, MemoryStore())
        return
    if options.until is not None:
        raise BadInputError("--until cuts a trace: name the trace")
    with _stored(options) as result:
        yield result


@contextmanager
def _stored(options: argparse.Namespace) -> Iterator[Decided]:
    policy_id = _policy(options.config).policy
    with closing(open_store(options.store, create=False)) as store:
        try:
            store.events(policy_id)
        except PolicyNotFoundError as error:
            # Its address is not shown: it may hold a password.
            raise BadInputError(f"--store: {error}: replay a trace into it, or serve") from None
        yield Decided(policy_id, store)


def _replayed(options: argparse.Namespace, store: Store, *sinks: Sink) -> Decided:
    policy, clock = _policy(options.config), TraceClock()
    monitor = Monitor(policy.policy, store, clock, sinks)
    samples = read_trace(MACHINE_UNDER_LOAD if options.trace == SHIPPED_TRACE else Path(options.trace))
    first = next(samples, None)
    if first is None:
        raise BadInputError(f"{options.trace}: holds no samples")
    if options.until is not None and first.observed_at > options.until:
        raise BadInputError(f"{options.trace}: begins after {options.until}, at {first.observed_at}")
    clock.instant = first.observed_at
    try:
        monitor.begin(policy.lookback, policy.rules)
    except ConcurrencyConflictError:
        raise BadInputError(f"--store: holds policy {policy.policy} already: name a new one") from None
    samples = chain([first], samples)
    if options.until is not None:
        samples = takewhile(lambda sample: sample.observed_at <= options.until, samples)
    with _Progress() as progress:
        statistics = replay(
            monitor,
            samples,
            interval=policy.evaluation_interval,
            clock=clock,
            progress=lambda so_far: progress.show(f"{so_far.samples:,} samples"),
        )
    return Decided(policy.policy, store, statistics)


def _print_json(document: object) -> None:
    print(json.dumps(document, indent=2))


class _PrintingSink:
    """Prints incidents as they open and resolve."""

    name = "terminal"

    def deliver(self, notification: Notification) -> None:
        print(report.incident_line(notification.incident))


class _Progress:
    """One line on the terminal that says how far long work has come; silent elsewhere."""

    def __init__(self) -> None:
        self._shown = False
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def show(self, text: str) -> None:
        now = monotonic()
        if sys.stderr.isatty() and now >= self._next:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
            self._shown, self._next = True, now + 0.1


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not duration:
        raise argparse.ArgumentTypeError("must be longer than 0")
    return duration


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:6]) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!a} is not a port: use 0 to 65535")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError(f"{text[:40]!a} is not an instant: write it like 2026-11-23T09:05:00Z")


def _complain(message: str) -> int:
    sys.stderr.write(f"service-monitoring: {message}\n")
    return EXIT_BAD_INPUT


class _Parser(argparse.ArgumentParser):
    """Answers bad arguments with one line, where argparse would print the usage too."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"service-monitoring: {message} (see {self.prog} --help)\n")
