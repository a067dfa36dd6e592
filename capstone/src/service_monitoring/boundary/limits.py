"""Limits: how much of one request is read, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MAX_DEPTH = 100  # far below what exhausts a stack
_MAX_DIGITS = 300  # a float can hold that many
_INSTANT_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on one batch. What lies on a limit is accepted.

    Attributes:
        payload_bytes: Bytes of the body.
        depth: Brackets inside one another; a batch that is right has three. 3 to 100.
        number_digits: Digits in a row in one number; a float has seventeen that count. 1 to 300.
        string_characters: Characters of one string; the longest metric name has 200, the longest instant 32.
            32 or more.
        samples: Samples of the batch.
        series: Different metrics of the batch.
        clock_skew: How far in the future a sample may have been observed, since clocks differ.

    Raises:
        ValueError: The depth, the digits or the characters are outside what is said above.
    """

    payload_bytes: int = 1_048_576
    depth: int = 8
    number_digits: int = 40
    string_characters: int = 200
    samples: int = 5_000
    series: int = 1_000
    clock_skew: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        if not 3 <= self.depth <= _MAX_DEPTH:  # noqa: PLR2004 - a batch, its list, a sample
            raise ValueError(f"depth is {self.depth}: must be 3 to {_MAX_DEPTH}")
        if not 1 <= self.number_digits <= _MAX_DIGITS:
            raise ValueError(f"number_digits is {self.number_digits}: must be 1 to {_MAX_DIGITS}")
        if self.string_characters < _INSTANT_CHARACTERS:
            raise ValueError(
                f"string_characters is {self.string_characters}: must be {_INSTANT_CHARACTERS} or more"
            )
