"""Views that own their bytes, and decode them when they are used."""

from service_monitoring.boundary.codec import SampleDecoder


class View:
    """Looks like a sample, and is one line of text."""

    __slots__ = ("_decode", "_line")

    def __init__(self, decode, line):
        self._decode = decode
        self._line = line

    def __getattr__(self, name):
        return getattr(self._decode(self._line), name)


class BufferingDecoder:
    """Decodes a line when one of its attributes is used."""

    def __init__(self):
        self._decode = SampleDecoder().decode

    def batch(self, lines):
        """One view for each line."""
        return [View(self._decode, line) for line in lines]
