"""Grades `alive`: steps whose cost is known to the byte, then the capstone's own."""

import gc
import tracemalloc
from functools import partial
from sys import getsizeof
from weakref import WeakSet

from service_monitoring.boundary.codec import SampleDecoder, decode_object
from service_monitoring.sources.shipped import MACHINE_UNDER_LOAD

MISTAKES = {
    "nothing-counted": (
        "alive returns no bytes for a step that makes an object of {_BIG:,} bytes. Count the blocks "
        "that are allocated while the results are held. The section of the lesson on counting names the "
        "module that does it."
    ),
    "not-a-function": (
        "The file must define a function alive(step, inputs) that returns bytes for each input "
        "and blocks for each input, in this order."
    ),
    "total-not-each": (
        "alive returns the total of all inputs. To compare steps, you need the cost of one input. What do "
        "you still have to divide by?"
    ),
    "does-not-hold": (
        "A step that returns {_BIG:,} bytes costs next to nothing here: its results were freed before "
        "you counted. An object lives as long as something refers to it. What refers to the results when "
        "you count?"
    ),
    "sys-getsizeof": (
        "A list of {_PARTS} byte strings is counted as fewer than {_PARTS} blocks, or as fewer bytes than "
        "they have. sys.getsizeof measures one object without the objects that it refers to. Count what was "
        "allocated instead."
    ),
    "counts-first-call": (
        "The first call of a step fills a cache, which later calls use again. You charge each input a share "
        "of that cache. What must happen before you start to count?"
    ),
    "counts-garbage": (
        "A step leaves a cycle behind that nothing refers to, and you count it as alive. Reference counts "
        "alone cannot free a cycle. What frees it, and does that happen before you look?"
    ),
    "counts-its-own-list": (
        "A step that returns the same object each time is charged some bytes. They belong to what you hold "
        "the results in: its room was allocated after tracing began, at once or while it grew. When must it "
        "have all of its room?"
    ),
    "starts-with-full-free-lists": (
        "A step makes one small dict for each input, and you count fewer blocks than are held. CPython "
        "keeps freed dicts, lists and floats in free lists and uses them again, and tracemalloc does not "
        "see that. Which call empties these lists, and when must you make it?"
    ),
    "leaves-tracing-on": (
        "After alive has returned, tracemalloc is still tracing, which slows down everything that runs "
        "later. Which call is missing?"
    ),
    "leaves-out-the-library": (
        "For decode_object of the capstone you count less than is held. The json module of the standard "
        "library allocates most of it, and that is a cost of the step as well. Which files do you leave out?"
    ),
}

_BIG = 10_000
_COUNT = 200
_PARTS = 4
_FREED = 60  # of the 80 dicts that CPython's free list has room for
_NOISE = 2  # bytes for each input: what CPython itself keeps of 200 calls


class _NotFiguresError(Exception):
    """The submission returned something other than two numbers."""


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
        return "does-not-hold" if _frees_results(figures, numbers) else "nothing-counted"
    if size > 10 * each:
        return "total-not-each"
    if size < each / 2:
        return "does-not-hold"
    return _of_what_is_counted(figures, numbers, each) or _of_the_capstone(figures)


def _frees_results(figures, numbers):
    """Whether it runs the step, and by the last call the results of the others are gone."""
    step = _Watched()
    figures(step, numbers)
    return step.calls > 1 and step.most < _COUNT / 2


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
    if figures(_dict_from_a_full_free_list(), range(_FREED))[1] < 1:
        return "starts-with-full-free-lists"
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


class _Result:
    """Something that a weak reference can watch."""


class _Watched:
    """Counts its calls, and the most results that were alive at one time."""

    def __init__(self):
        self.calls = self.most = 0
        self.results = WeakSet()

    def __call__(self, number):
        del number
        result = _Result()
        self.results.add(result)
        self.calls += 1
        self.most = max(self.most, len(self.results))
        return result


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


def _dict_from_a_full_free_list():
    freed = [{"number": number} for number in range(_COUNT)]
    del freed
    return lambda number: {"number": number}


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
