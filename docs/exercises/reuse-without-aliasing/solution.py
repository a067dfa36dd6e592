"""Decode batches with fewer blocks for each sample: share the part that is immutable.

All seven metrics of one second have the same instant, and a `datetime` is immutable. So seven samples can
share one, and the decoder remembers only the last instant.
"""

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.domain.values import Sample


class BufferingDecoder:
    """Decodes a batch of lines at a time; samples in a row with the same instant share one `datetime`."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._instant = None

    def batch(self, lines):
        """One sample for each line.

        Raises:
            Rejected: A line is not a sample; nothing of the batch is returned.
        """
        return [self._shared(self._decode(line)) for line in lines]

    def _shared(self, sample):
        if sample.observed_at != self._instant:
            self._instant = sample.observed_at
            return sample
        return Sample(sample.metric, sample.value, self._instant)
