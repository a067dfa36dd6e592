"""One instant for each batch: all samples of fifteen seconds get the first one."""

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.domain.values import Sample


class BufferingDecoder:
    """Shares the first instant of a batch with all of it."""

    def __init__(self):
        self._decode = SampleDecoder().decode

    def batch(self, lines):
        """One sample for each line."""
        samples = [self._decode(line) for line in lines]
        instant = samples[0].observed_at
        return [Sample(sample.metric, sample.value, instant) for sample in samples]
