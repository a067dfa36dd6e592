"""One sample, refilled for each line."""

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.domain.values import Sample


class BufferingDecoder:
    """Allocates one sample in its life."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._sample = object.__new__(Sample)

    def batch(self, lines):
        """The same sample for each line."""
        return [self._refilled(self._decode(line)) for line in lines]

    def _refilled(self, made):
        for name in Sample.__slots__:
            object.__setattr__(self._sample, name, getattr(made, name))
        return self._sample
