"""Keeps every sample by its line, in case the line comes again."""

from service_monitoring.boundary.codec import SampleDecoder


class BufferingDecoder:
    """Decodes a line only the first time."""

    def __init__(self):
        self._decode = SampleDecoder().decode
        self._known = {}

    def batch(self, lines):
        """One sample for each line."""
        return [self._known.get(line) or self._known.setdefault(line, self._decode(line)) for line in lines]
