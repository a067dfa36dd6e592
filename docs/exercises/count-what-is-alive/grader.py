"""Grades `alive`: steps whose cost is known to the byte, then the capstone's own."""

import gc
import tracemalloc
from functools import partial
from sys import getsizeof

from service_monitoring.boundary.codec import SampleDecoder, decode_object
from service_monitoring.sources.shipped import MACHINE_UNDER_LOAD

MISTAKES = {
    "nothing-counted": (
        "alive gives 0 bytes for a step that makes a text of ten thousand bytes. Ask the allocator itself "
        "what is allocated while the results are held: the lesson's section on counting names the module."
    ),
    "not-a-function": (
        "The file must define a function alive(step, inputs) that gives two numbers: bytes for each input, "
        "and blocks for each input, in this order."
    ),
    "total-not-each": (
        "Twice as many inputs give twice the figures. A cost is compared between steps, so it is asked for "
        "each input: what do you still have to divide by?"
    ),
    "does-not-hold": (
        "A step that returns ten thousand bytes costs next to nothing here: its results were freed before "
        "they were counted. An object lives as long as somebody holds it. Who holds the results when you "
        "ask?"
    ),
    "sys-getsizeof": (
        "A list of four texts is charged as one block, or as less than its texts. sys.getsizeof asks one "
        "object about itself, and an object does not know what hangs on it. Count what the allocator gave "
        "out instead."
    ),
    "counts-first-call": (
        "The first call of a step fills a cache, once and for all, and every input is charged a share of "
        "it. What must have happened before you start to count?"
    ),
    "counts-garbage": (
        "A step leaves a cycle behind that nobody holds, and you count it as alive. Reference counts can "
        "not free a cycle. Who does, and when did that run last before you looked?"
    ),
    "counts-its-own-list": (
        "A step that returns the same object each time is charged some bytes. They are not the step's: they "
        "are the room that your own list took while it grew. Where does that list get its room, and when?"
    ),
    "leaves-tracing-on": (
        "After alive has returned, tracemalloc still traces, and makes everything that runs later several "
        "times slower. Which of the two calls is missing?"
    ),
    "leaves-out-the-library": (
        "For decode_object of the capstone you count less than is held. Somebody else's code allocates for "
        "it, the standard library's json, and what it leaves behind is a cost of the step all the same. "
        "Which files do you leave out?"
    ),
}

_BIG = 10_000
_COUNT = 200
_PARTS = 4
_NOISE = 2  # bytes for each input: what CPython itself keeps of 200 calls


class _NotFiguresError(Exception):
    """The submission gave something else than two numbers."""


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a submission."""
    alive = submission.get("alive")
    if not callable(alive):
        return "not-a-function"
    try:
        return _first_mistake(partial(_figures, alive))
    except _NotFiguresError:
        return "not-a-function"
    finally:
        tracemalloc.stop()


def _first_mistake(figures):
    numbers = range(_COUNT)
    size, _ = figures(_big, numbers)
    each = getsizeof(b"") + _BIG
    if tracemalloc.is_tracing():
        return "leaves-tracing-on"
    if size == 0:
        return "nothing-counted"
    if size > 10 * each:
        return "total-not-each"
    if size < each / 2:
        return "does-not-hold"
    return _of_what_is_counted(figures, numbers, each) or _of_the_capstone(figures)


def _of_what_is_counted(figures, numbers, each):
    nested, blocks = figures(_nested, numbers)
    if blocks < _PARTS or nested < _BIG:
        return "sys-getsizeof"
    if figures(_Caching(), numbers)[0] > 1.5 * each:
        return "counts-first-call"
    if figures(_cyclic, numbers)[0] > 1.5 * each:
        return "counts-garbage"
    if figures(_same, numbers)[0] > _NOISE:
        return "counts-its-own-list"
    return None


def _of_the_capstone(figures):
    lines = MACHINE_UNDER_LOAD.read_bytes().splitlines()[1:1_001]
    for step in (decode_object, SampleDecoder().decode):
        expected = _held(step, lines)
        if not all(map(_near, figures(step, lines), expected)):
            return "leaves-out-the-library"
    return None


def _figures(alive, step, inputs):
    found = alive(step, list(inputs))
    if not isinstance(found, tuple | list) or len(found) != len(("bytes", "blocks")):
        raise _NotFiguresError
    if not all(isinstance(figure, int | float) for figure in found):
        raise _NotFiguresError
    return found


def _near(figure, expected):
    return abs(figure - expected) <= 0.02 * expected


def _big(number):
    return bytes([number % 251]) * _BIG


def _nested(number):
    return [bytes([(number + place) % 251]) * (_BIG // _PARTS) for place in range(_PARTS)]


class _Caching:
    """The first call keeps two megabytes for good."""

    def __init__(self):
        self.cache = []

    def __call__(self, number):
        if not self.cache:
            self.cache = [bytes(_BIG + place) for place in range(200)]
        return _big(number)


def _cyclic(number):
    garbage = [_big(number)]
    garbage.append(garbage)
    return _big(number)


_ONE = object()


def _same(number):
    del number
    return _ONE


def _held(step, inputs):
    """The reference: what tracemalloc says is held."""
    step(inputs[0])
    held = [None] * len(inputs)
    gc.collect()
    tracemalloc.start()
    try:
        for place, item in enumerate(inputs):
            held[place] = step(item)
        gc.collect()
        files = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    return sum(f.size for f in files) / len(inputs), sum(f.count for f in files) / len(inputs)
