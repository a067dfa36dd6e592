"""Grades `adopt` on SQLite: its commits, its events, how many rules it encodes, what a bad rule leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from service_monitoring.application.monitor import Monitor
from service_monitoring.application.ports import Commit, PolicyNotFoundError
from service_monitoring.boundary import documents
from service_monitoring.domain.conditions import Comparison, Threshold
from service_monitoring.domain.policy import PolicyError
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.storage.memory import MemoryStore
from service_monitoring.storage.sqlite import open_sqlite

MISTAKES = {
    "no-function": "The file must define a function adopt(store, policy_id, lookback, rules, at).",
    "nothing-committed": (
        "After adopt, the store has no policy of this name. A unit of work forgets its changes when it ends "
        "without a commit."
    ),
    "commits-each-step": (
        "adopt got {_RULES} rules and committed more often than that. Each commit writes all rules that the "
        "policy has by then. How many units of work does one indivisible change need?"
    ),
    "commits-in-chunks": (
        "There are fewer commits than rules, but more than one. If the last commit is refused, the earlier "
        "ones stay. What does a reader find in the store between two of them?"
    ),
    "restores-without-events": (
        "The policy has its rules, but there is no event. Everything that is built from events, such as the "
        "projections, knows of no rule. Restoring is for a policy that was stored before. This one is new: "
        "ask it to draft and to activate."
    ),
    "another-order": (
        "The events are right, but their order is not the order of a start. Readers get events from the "
        "oldest to the newest, and must not notice that adopt is faster. Which events of one rule follow "
        "each other?"
    ),
    "other-instant": (
        "The events do not carry the instant that adopt was given. If adopt reads a clock of its own, one "
        "start has several times, and a test cannot choose any of them."
    ),
    "other-events": (
        "The events are not those of a start with the same rules. A start records two for each rule: that it "
        "was drafted, and that it was activated."
    ),
    "not-the-commit": (
        "adopt must return what commit() of the unit of work returned. The caller reads the events from it."
    ),
    "still-squares": (
        "There is one commit, but the number of rules encoded still grows faster than the "
        "number of rules. Something in your loop encodes the whole policy in each round. What do you "
        "need it for, and could you ask once at the end?"
    ),
    "hides-the-refusal": (
        "Two of the rules have the same condition, and adopt did not raise PolicyError. The caller now "
        "believes that every rule is active. Where did the error of the policy go?"
    ),
    "leaves-half": (
        "Two of the rules have the same condition. adopt raises PolicyError, but the store has the policy "
        "with some of its rules. On which ways out does your code commit?"
    ),
}

_RULES = 12
_LOOKBACK = timedelta(minutes=5)
_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class _Stopped:
    """A clock that says one instant."""

    def now(self):
        """The instant."""
        return _AT


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a submission."""
    adopt = submission.get("adopt")
    if not callable(adopt):
        return "no-function"
    rules = [_rule(number) for number in range(2 * _RULES)]
    with TemporaryDirectory() as folder:
        store = open_sqlite(Path(folder) / "store.db")
        try:
            return (
                _of_commits(adopt, store, rules[:_RULES])
                or _of_encoding(adopt, store, rules)
                or _of_refusal(adopt, store, rules[:_RULES])
            )
        finally:
            store.close()


def _of_commits(adopt, store, rules):
    commit = adopt(store, "fleet", _LOOKBACK, rules, _AT)
    version = _version(store, "fleet")
    if version > len(rules):
        return "commits-each-step"
    if version != 1:
        return "commits-in-chunks" if version else "nothing-committed"
    events, right = list(store.events("fleet")), _begun(rules)
    if not events:
        return "restores-without-events"
    if events != right:
        return _of_events(events, right)
    return None if isinstance(commit, Commit) else "not-the-commit"


def _of_events(events, right):
    dated = [replace(event, at=_AT) for event in events]
    if dated == right:
        return "other-instant"
    return "another-order" if sorted(map(repr, dated)) == sorted(map(repr, right)) else "other-events"


def _of_encoding(adopt, store, rules):
    few, many = (_encoded(adopt, store, rules[:count]) for count in (len(rules) // 2, len(rules)))
    return "still-squares" if many > 3 * few else None


def _of_refusal(adopt, store, rules):
    twin = Rule("twin", rules[0].metric, rules[0].condition, Severity.CRITICAL)
    try:
        adopt(store, "refused", _LOOKBACK, [*rules, twin, _rule(_RULES)], _AT)
    except PolicyError:
        return "leaves-half" if _version(store, "refused") else None
    return "hides-the-refusal"


def _rule(number):
    above = Threshold(Comparison.ABOVE, 0.9)
    return Rule(f"busy-{number}", MetricName(f"cpu_{number}_ratio"), above, Severity.WARNING)


def _begun(rules):
    """The events of a start with these rules."""
    store = MemoryStore()
    Monitor("fleet", store, _Stopped()).begin(_LOOKBACK, rules)
    return list(store.events("fleet"))


def _version(store, policy_id):
    """How often the policy was committed."""
    try:
        return store.get(policy_id).version
    except PolicyNotFoundError:
        return 0


def _encoded(adopt, store, rules):
    """How many rules are encoded while these are adopted."""
    with patch.object(documents, "_rule", wraps=documents._rule) as encoder:  # noqa: SLF001 - the lesson's row
        adopt(store, f"fleet-of-{len(rules)}", _LOOKBACK, rules, _AT)
    return encoder.call_count
