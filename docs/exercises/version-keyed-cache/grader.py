"""Grades `ActiveRules`: a policy goes through two hundred versions, and the cache is asked in between."""

import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from unittest.mock import patch

from service_monitoring.application.commands import ActivateRule, CreatePolicy, DraftRule, RetireRule
from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import PolicyNotFoundError
from service_monitoring.application.replay import TraceClock
from service_monitoring.domain.conditions import Absence
from service_monitoring.domain.rules import Rule, RuleStatus
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.storage.memory import MemoryStore

MISTAKES = {
    "no-class": (
        "The file must define a class ActiveRules that is made with a store and the name of a policy, and "
        "can be called."
    ),
    "hides-the-missing-policy": (
        "There is no policy of this name, and you say that no rule is active. If a name is mistyped, nobody "
        "learns that no alert will ever come. Do not catch the store's own exception."
    ),
    "remembers-the-failure": (
        "The policy did not exist at the first call. Now it does, and you still say that it does not. A "
        "failure has no version, so do not keep it."
    ),
    "not-only-active": (
        "These are not the active rules, in the order in which they were drafted. The policy holds every "
        "rule that was ever drafted, each with its status."
    ),
    "hands-out-its-own-list": (
        "You return an object that the caller can change, and the next caller gets it changed. Which type "
        "cannot be changed?"
    ),
    "time-based": (
        "A rule was retired, and you still return it; an hour later you do not. So your cache is wrong for a "
        "time that you chose. The store can tell you at any time whether anything has changed. What do you "
        "ask it?"
    ),
    "keyed-by-name-only": (
        "A rule was retired, and you still return it. Your answer was true of an older version of this "
        "policy. What else belongs into the key of the cache?"
    ),
    "keyed-by-version-only": (
        "Another policy is at the same version, and you return its rules. A version "
        "belongs to one policy in one store. Where do you keep the answer, and who else can see it?"
    ),
    "asks-twice": (
        "A commit came while you were asking. From then on you return old rules under the new version, and "
        "nothing will ever tell you. The version and the rules must come from the same policy. How often do "
        "you ask the store?"
    ),
    "built-every-time": (
        "Correct, but nothing is kept: with no commit between the calls, you build the same tuple again. "
        "What can you compare to know that the old tuple is still right?"
    ),
    "keeps-every-version": (
        "After {_VERSIONS} versions you still hold the rules of old ones. Nobody can ask for them again, "
        "because versions only go up. How many do you need?"
    ),
}

_LOOKBACK = timedelta(minutes=5)
_VERSIONS = 201
_CLOCKS = (time.time, time.monotonic, time.perf_counter)


class _Store(MemoryStore):
    """A memory store with a commit just after the policy was handed out a given number of times."""

    def __init__(self):
        super().__init__()
        self._left, self._commit = 0, None

    def after(self, times, commit):
        """Call this after that many more policies."""
        self._left, self._commit = times, commit

    def get(self, policy_id):
        """The committed policy; when a commit was waiting for that, it is no longer the last one."""
        policy = super().get(policy_id)
        self._left -= 1
        if self._left == 0:
            self._commit()
        return policy


class _Policy:
    """A policy that changes."""

    def __init__(self, name):
        self.name, self.store = name, _Store()
        self.handle = Monitor(name, self.store, TraceClock()).handle

    def draft(self, *names):
        """Draft rules."""
        for name in names:
            self.handle(DraftRule(_rule(name)))

    def activate(self, *names):
        """Draft rules and let them decide."""
        for name in names:
            self.draft(name)
            self.handle(ActivateRule(name))

    def active(self):
        """The names of the rules that decide."""
        entries = self.store.get(self.name).rules.values()
        return [rule.id for rule, status in entries if status is RuleStatus.ACTIVE]


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a submission."""
    make = submission.get("ActiveRules")
    if not isinstance(make, type) or not any("__call__" in vars(base) for base in make.__mro__):
        return "no-class"
    fleet = _Policy("fleet")
    active = make(fleet.store, "fleet")
    return (
        _of_no_policy(active, fleet)
        or _of_rules(make, fleet)
        or _of_freshness(active, fleet, submission)
        or _of_owner(make)
        or _of_a_commit_between(active, fleet)
        or _of_what_is_kept(active, fleet)
    )


def _of_no_policy(active, fleet):
    try:
        active()
    except PolicyNotFoundError:
        fleet.handle(CreatePolicy(_LOOKBACK))
        fleet.activate("b", "a", "gone")
    else:
        return "hides-the-missing-policy"
    try:
        active()
    except PolicyNotFoundError:
        return "remembers-the-failure"
    return None


def _of_rules(make, fleet):
    fleet.draft("draft")
    fleet.handle(RetireRule("gone"))
    found = make(fleet.store, "fleet")()
    if not isinstance(found, tuple):
        return "hands-out-its-own-list"
    return None if _names(found) == ["b", "a"] else "not-only-active"


def _of_freshness(active, fleet, submission):
    active()
    fleet.handle(ActivateRule("draft"))
    fleet.handle(RetireRule("a"))
    if _names(active()) == ["b", "draft"]:
        return None
    with _an_hour_later(submission):
        return "time-based" if _names(active()) == ["b", "draft"] else "keyed-by-name-only"


def _of_owner(make):
    for name in ("left", "right"):
        policy = _Policy(name)
        policy.handle(CreatePolicy(_LOOKBACK))
        policy.activate(name)
        if _names(make(policy.store, name)()) != [name]:
            return "keyed-by-version-only"
    return None


def _of_a_commit_between(active, fleet):
    for asked in (1, 2, 3):
        fleet.draft(f"between-{asked}")
        fleet.store.after(asked, partial(fleet.handle, ActivateRule(f"between-{asked}")))
        active()
        fleet.store.after(0, None)
        if _names(active()) != fleet.active():
            return "asks-twice"
    return None


def _of_what_is_kept(active, fleet):
    if active() is not active():
        return "built-every-time"
    few = _work(active)
    held = {}
    for number in range(_VERSIONS // 3):
        rule = _rule(f"r-{number}")
        for command in (DraftRule(rule), ActivateRule(rule.id), RetireRule(rule.id)):
            fleet.handle(command)
            _keep(held, active())
    if _work(active) > 2 * few:  # so it goes over the rules, whatever it hands out
        return "built-every-time"
    _keep(held, tuple(map(str, held)))  # nobody else has this one
    references = list(map(sys.getrefcount, held.values()))
    return "keeps-every-version" if sum(count > references[-1] for count in references) > 2 else None


def _work(active):
    """How many instructions of Python an answer takes when nothing has changed since the last."""
    done = 0

    def count(frame, event, _):
        nonlocal done
        frame.f_trace_opcodes = True
        done += event == "opcode"
        return count

    before = sys.gettrace()
    for _ in range(2):  # CPython 3.12 traces instructions only from the second settrace on
        done = 0
        sys.settrace(count)
        try:
            active()
        finally:
            sys.settrace(before)
    return done


def _keep(held, rules):
    held[id(rules)] = rules


def _rule(name):
    return Rule(name, MetricName("up_" + name.replace("-", "_")), Absence(), Severity.CRITICAL)


def _names(rules):
    return [rule.id for rule in rules]


@contextmanager
def _an_hour_later(submission):
    """Every clock of `time` is an hour ahead, under each name that the submission has for it."""
    ahead = {clock.__name__: partial(_ahead, clock) for clock in _CLOCKS}
    mine = {name: ahead[value.__name__] for name, value in submission.items() if value in _CLOCKS}
    with patch.multiple(time, **ahead), patch.dict(submission, mine):
        yield


def _ahead(clock):
    return clock() + 3_600
