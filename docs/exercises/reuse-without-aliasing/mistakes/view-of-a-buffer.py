"""Views that decode when they are used, from a buffer that the next batch fills again."""

from service_monitoring.boundary.codec import SampleDecoder


class View:
    """Looks like a sample."""

    __slots__ = ("_decoder", "_place")

    def __init__(self, decoder, place):
        self._decoder = decoder
        self._place = place

    def __getattr__(self, name):
        return getattr(self._decoder.decode(self._decoder.buffer[self._place]), name)


class BufferingDecoder:
    """Checks each line once, keeps its bytes, and decodes again on demand."""

    def __init__(self):
        self.decode = SampleDecoder().decode
        self.buffer = []

    def batch(self, lines):
        """One view for each line."""
        self.buffer[: len(lines)] = lines
        for line in lines:
            self.decode(line)
        return [View(self, place) for place in range(len(lines))]
