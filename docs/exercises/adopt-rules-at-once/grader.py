"""Grades `adopt` by counts, on SQLite: commits, rules encoded, events, and what a bad rule leaves behind."""

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
        "After adopt the store has no such policy. What a unit of work holds is forgotten when it is left, "
        "unless somebody says otherwise before."
    ),
    "commits-each-step": (
        "Twelve rules, and the policy was committed more often than that. Each commit writes all rules that "
        "are there by then. How many units of work does a thing need that is to happen as one?"
    ),
    "commits-in-chunks": (
        "There are fewer commits than rules, and still more than one. Whatever the last of them refuses, "
        "those before it have been committed. What does a reader find in the store between two of them?"
    ),
    "restores-without-events": (
        "The rules are in the policy and there is not a single event: whoever is told by events, the "
        "projections for one, knows of no rule. A policy that was written down can be restored; this one is "
        "new, and somebody has to tell it to do something."
    ),
    "another-order": (
        "The events are the right ones, in another order than a start gives them. They are facts that "
        "somebody reads from the oldest on, and nothing may look different only because it is faster. Which "
        "two events of a rule follow one another?"
    ),
    "other-instant": (
        "The events are not dated with the instant that adopt is given. Two clocks in one decision are one "
        "too many, and a test can not set yours."
    ),
    "other-events": (
        "The events are not those of a start with the same rules: for every rule one that it was drafted, "
        "and one that it was activated."
    ),
    "not-the-commit": (
        "adopt must return what the unit of work gave when it was committed, with the events in it: whoever "
        "tells of the command reads them there."
    ),
    "still-squares": (
        "One commit, and the rules encoded still grow with the square of the rules: four times as many for "
        "twice the rules. Something in your loop looks at the whole policy in each round. What do you ask "
        "there, and who would tell you at the end?"
    ),
    "hides-the-refusal": (
        "Two of the rules ask the same, and adopt says nothing. Whoever wrote the file believes that all of "
        "it decides. The aggregate has refused: what became of its error?"
    ),
    "leaves-half": (
        "Two of the rules ask the same. adopt raises PolicyError, and the policy is in the store all the "
        "same, with half of the rules. On which ways out does your code commit?"
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
