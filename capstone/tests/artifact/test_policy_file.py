"""The policy file: what is wrong is named by file, rule and key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_monitoring.boundary.policy_file import PolicyFile, PolicyFileError, load_policy_file
from service_monitoring.domain.conditions import (
    Absence,
    Comparison,
    ConsecutiveBreaches,
    RateOfChange,
    Threshold,
)
from service_monitoring.domain.rules import Rule
from service_monitoring.domain.values import MetricName, Severity
from service_monitoring.sources.shipped import MACHINE_POLICY

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'schema = 1\npolicy = "machine"\n'
RULE = """
[[rule]]
id = "busy"
metric = "cpu"
condition = { kind = "threshold", comparison = ">", limit = 0.9 }
severity = "critical"
hold_for = "1m"
keep_open_for = "90s"
runbook = "cpu"
"""


def load(folder: Path, text: str | bytes) -> PolicyFile:
    """Read a policy file that holds this text."""
    path = folder / "policy.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_policy_file(path)


def test_a_policy_file_says_everything_about_a_policy(tmp_path: Path) -> None:
    """Every key of the file and of a rule."""
    text = f'lookback = "2m"\nevaluation_interval = "5s"\n{HEAD}{RULE}'
    busy = Rule(
        "busy",
        MetricName("cpu"),
        Threshold(Comparison.ABOVE, 0.9),
        Severity.CRITICAL,
        timedelta(minutes=1),
        timedelta(seconds=90),
        "cpu",
    )
    assert load(tmp_path, text) == PolicyFile("machine", timedelta(minutes=2), timedelta(seconds=5), (busy,))


def test_what_may_be_left_out_has_a_default(tmp_path: Path) -> None:
    """Prometheus's lookback, a decision every 15 s, no rules, no holding and no keeping."""
    assert load(tmp_path, HEAD) == PolicyFile("machine", timedelta(minutes=5), timedelta(seconds=15), ())
    rule = '[[rule]]\nid = "a"\nmetric = "b"\ncondition = { kind = "absence" }\nseverity = "info"\n'
    assert load(tmp_path, HEAD + rule).rules == (Rule("a", MetricName("b"), Absence(), Severity.INFO),)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('kind = "threshold", comparison = "<=", limit = -1', Threshold(Comparison.AT_MOST, -1.0)),
        (
            'kind = "consecutive", comparison = "<", limit = 1.5, count = 30',
            ConsecutiveBreaches(Comparison.BELOW, 1.5, 30),
        ),
        (
            'kind = "rate", comparison = ">=", limit = 2, window = "2m"',
            RateOfChange(Comparison.AT_LEAST, 2.0, timedelta(minutes=2)),
        ),
        ('kind = "absence"', Absence()),
    ],
)
def test_every_condition_can_be_written(tmp_path: Path, condition: str, expected: object) -> None:
    """One kind for each strategy."""
    text = HEAD + RULE.replace('kind = "threshold", comparison = ">", limit = 0.9', condition)
    (rule,) = load(tmp_path, text).rules
    assert rule.condition == expected


THRESHOLD = '{ kind = "threshold", comparison = ">", limit = 0.9 }'
BROKEN: list[tuple[str, str, str]] = [
    ("schema = 1", "", "schema is missing"),
    ("schema = 1", "schema = 2", "schema is 2: must be 1"),
    ("schema = 1", "schema = true", "schema: True: must be a whole number"),
    ('policy = "machine"', "", "policy is missing"),
    ('policy = "machine"', "policy = 7", "policy: 7: must be text in quotes"),
    ('policy = "machine"', 'policy = ""', "policy: ''"),
    ('policy = "machine"', 'policy = "a\\nb"', "policy: 'a\\nb'"),
    ("schema = 1", 'schema = 1\nlookback = "0"', "lookback: 0: must be longer than 0"),
    ("schema = 1", 'schema = 1\nlookback = "999999999d"', "lookback: '999999999d' is longer than 36500d"),
    ("schema = 1", "schema = 1\nevaluation_interval = 15", "evaluation_interval: 15: must be text in quotes"),
    ("schema = 1", "schema = 1\ncolour = 1", "unknown key 'colour'"),
    ("[[rule]]", "[rule]", "rule: must be written as [[rule]]"),
    ('id = "busy"', "", "rule 1: id is missing"),
    ('id = "busy"', 'id = "Busy!"', "rule 1 (Busy!): 'Busy!' is not a rule id"),
    ('metric = "cpu"', "", "rule 1 (busy): metric is missing"),
    ('metric = "cpu"', 'metric = "c p u"', "rule 1 (busy): metric: 'c p u' is not a metric name"),
    (
        'severity = "critical"',
        'severity = "loud"',
        "rule 1 (busy): severity: 'loud': must be one of info, warning",
    ),
    ('hold_for = "1m"', 'hold_for = "soon"', "rule 1 (busy): hold_for: 'soon' is not a duration"),
    (
        'keep_open_for = "90s"',
        "keep_open_for = 90",
        "rule 1 (busy): keep_open_for: 90: must be text in quotes",
    ),
    ('runbook = "cpu"', "runbook = 1979-05-27", "rule 1 (busy): runbook: '1979-05-27': must be text"),
    ('runbook = "cpu"', 'run_book = "cpu"', "rule 1 (busy): unknown key 'run_book'"),
    (THRESHOLD, '"> 0.9"', "rule 1 (busy): condition: '> 0.9': must be a table with a kind"),
    (THRESHOLD, "{}", "rule 1 (busy): condition: kind is missing"),
    (
        THRESHOLD,
        '{ kind = "magic" }',
        "condition: kind is 'magic': must be one of threshold, consecutive, rate",
    ),
    ("limit = 0.9", "limit = inf", "rule 1 (busy): condition: limit is inf: must be finite"),
    ("limit = 0.9", "limit = nan", "rule 1 (busy): condition: limit is nan: must be finite"),
    ("limit = 0.9", "limit = true", "condition: limit: True: must be a finite number"),
    ("limit = 0.9", "limit = 1" + "0" * 400, "condition: limit: 1000000000"),
    ("limit = 0.9", "limit = 1" + "0" * 5_000, "digits"),
    ("limit = 0.9", "limit = 0x1" + "0" * 5_000, "condition: limit: "),
    ("limit = 0.9", "limit = 0.9, count = 3", "condition: unknown key 'count'"),
    ('comparison = ">"', 'comparison = "=="', "condition: comparison: '==': must be one of > >= < <="),
    ('comparison = ">"', "comparison = []", "condition: comparison: '[]': must be one of"),
    ('"threshold"', '"consecutive"', "condition: count is missing"),
    (
        THRESHOLD,
        '{ kind = "consecutive", comparison = ">", limit = 1, count = 0 }',
        "condition: count is 0: must be",
    ),
    (
        THRESHOLD,
        '{ kind = "consecutive", comparison = ">", limit = 1, count = 1.5 }',
        "count: 1.5: must be a whole",
    ),
    (
        THRESHOLD,
        '{ kind = "rate", comparison = ">", limit = 1, window = "0s" }',
        "window: 0: must be longer than 0",
    ),
    ('id = "busy"', 'id = "busy"\nid = "again"', "(at line 6, column"),
    ("schema = 1", "schema == 1", "(at line 1, column"),
    ("schema = 1", "schema = 1\nx = " + "[" * 5_000, "nested too deeply"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), BROKEN)
def test_what_is_wrong_is_named_by_file_rule_and_key(
    tmp_path: Path, right: str, wrong: str, message: str
) -> None:
    """In one printable line, which begins with the file."""
    text = HEAD + RULE
    assert right in text
    with pytest.raises(PolicyFileError) as caught:
        load(tmp_path, text.replace(right, wrong, 1))
    error = str(caught.value)
    assert error.startswith(f"{tmp_path / 'policy.toml'}: ")
    assert message in error
    assert error.isprintable()
    assert len(error) < 400 + len(str(tmp_path))


def test_the_second_rule_is_called_the_second(tmp_path: Path) -> None:
    """Rules are counted as a person counts them."""
    with pytest.raises(PolicyFileError, match=r"policy\.toml: rule 2 \(b\): metric is missing"):
        load(tmp_path, HEAD + RULE + '[[rule]]\nid = "b"\n')


def test_a_file_that_is_not_utf8_is_named_with_the_byte(tmp_path: Path) -> None:
    """Counted from 1."""
    with pytest.raises(PolicyFileError, match=r"policy\.toml: byte 3 is not UTF-8"):
        load(tmp_path, b"a \xff")


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """The system's own error says it best."""
    with pytest.raises(FileNotFoundError):
        load_policy_file(tmp_path / "policy.toml")


VALUES = st.sampled_from(
    [
        "1",
        "0.5",
        "inf",
        '""',
        '"a"',
        '"\\n"',
        '">"',
        '"5m"',
        '"threshold"',
        "[]",
        "{}",
        "[[]]",
        "true",
        "12:00:00",
        "{ kind = 'rate' }",
    ]
)
KEYS = st.sampled_from(
    [
        "schema",
        "policy",
        "lookback",
        "evaluation_interval",
        "rule",
        "id",
        "metric",
        "condition",
        "severity",
        "x",
    ]
)


@given(
    st.lists(
        st.builds("{} = {}".format, KEYS, VALUES) | st.just("[[rule]]") | st.text(max_size=5), max_size=8
    )
)
def test_any_text_is_a_policy_or_a_policy_file_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Nothing else escapes, whatever a person writes."""
    text = "\n".join(["schema = 1", 'policy = "a"', *lines])
    try:
        loaded = load(tmp_path_factory.getbasetemp(), text.encode("utf-8", "surrogatepass"))
    except PolicyFileError as error:
        message = str(error)
    else:
        assert loaded.policy == "a"
        return
    assert message.isprintable()


def test_the_shipped_policy_loads() -> None:
    """Its rules are those of the walkthrough."""
    policy = load_policy_file(MACHINE_POLICY)
    assert policy.policy == "machine"
    assert len(policy.rules) == len({rule.id for rule in policy.rules}) > 4
    assert len({rule.signature for rule in policy.rules}) == len(policy.rules)
