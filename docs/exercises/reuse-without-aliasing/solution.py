"""Decode batches with fewer blocks for each sample: share what nobody can change.

All metrics of one reading carry the same instant. A `datetime` is immutable, so seven samples may hold one;
the decoder remembers the last one only, and a sample's own three facts never change.
"""

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.domain.values import Sample


class BufferingDecoder:
    """Decodes a batch of lines at a time; neighbours of the same instant share their `datetime`."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._instant = None

    def batch(self, lines):
        """One sample for each line.

        Raises:
            Rejected: A line is not a sample; nothing of the batch is handed out.
        """
        return [self._shared(self._decode(line)) for line in lines]

    def _shared(self, sample):
        if sample.observed_at != self._instant:
            self._instant = sample.observed_at
            return sample
        return Sample(sample.metric, sample.value, self._instant)
