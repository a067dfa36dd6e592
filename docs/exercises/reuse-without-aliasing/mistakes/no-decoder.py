"""A function instead of a class."""

from service_monitoring.boundary.codec import SampleDecoder

decode = SampleDecoder().decode


def batch(lines):
    """The samples of these lines."""
    return [decode(line) for line in lines]
