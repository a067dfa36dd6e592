"""Named tuples instead of samples: no constructor that runs Python code."""

from typing import NamedTuple

from service_monitoring.boundary.codec import SampleDecoder


class Fact(NamedTuple):
    """The three facts of a sample, unchecked."""

    metric: str
    value: float
    observed_at: object


class BufferingDecoder:
    """Shares the last instant, and keeps plain facts."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._instant = None

    def batch(self, lines):
        """One fact for each line."""
        return [self._fact(self._decode(line)) for line in lines]

    def _fact(self, sample):
        if sample.observed_at != self._instant:
            self._instant = sample.observed_at
        return Fact(sample.metric, sample.value, self._instant)
