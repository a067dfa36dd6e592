"""A pool of samples, as many as a batch has, refilled for each batch."""

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.domain.values import Sample


class BufferingDecoder:
    """Allocates the samples of its largest batch."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._pool = []

    def batch(self, lines):
        """Samples of the pool."""
        while len(self._pool) < len(lines):
            self._pool.append(object.__new__(Sample))
        return [
            self._refilled(sample, self._decode(line))
            for sample, line in zip(self._pool, lines, strict=False)
        ]

    def _refilled(self, sample, made):
        for name in Sample.__slots__:
            object.__setattr__(sample, name, getattr(made, name))
        return sample
