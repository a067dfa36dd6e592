"""Asks each result how large it says it is."""

import sys


def alive(step, inputs):
    """The sizes of the results, as they see themselves."""
    held = [step(item) for item in inputs]
    return sum(map(sys.getsizeof, held)) / len(held), 1.0
