"""Grades `BufferingDecoder`: batches of the shipped trace, their content afterwards, and their blocks."""

import gc
import tracemalloc

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.rejections import Rejected
from service_monitoring.domain.values import Sample
from service_monitoring.sources.shipped import MACHINE_UNDER_LOAD

MISTAKES = {
    "no-decoder": (
        "The file must define a class BufferingDecoder that is created without arguments and has a method "
        "batch(lines), which returns a list with one sample for each line."
    ),
    "no-gain": (
        "Right, and as expensive as before: the sample, its float and its datetime stay alive, a block for "
        "each. The limit is {BLOCKS}. Print the parts of the first samples of the trace: which of them are "
        "equal and immutable?"
    ),
    "wrong-from-the-start": (
        "A batch is wrong as soon as you return it: its samples differ from those of SampleDecoder for the "
        "same lines. Compare all attributes, on lines of more than one second."
    ),
    "refilled-sample": (
        "The samples of a batch are one object, so all of them have the content of the last line. The unit "
        "of work holds the whole batch until the commit. Do not write to an object that you have returned."
    ),
    "refilled-next-batch": (
        "A batch is right when you return it, and wrong after you have decoded later ones: its samples now "
        "have the content of other lines. A caller may hold a batch for any time. How could you know that "
        "nothing holds it any more?"
    ),
    "view-of-a-buffer": (
        "What you return is not a Sample. It reads its attributes from a buffer of the decoder when they "
        "are used, and after the next batch that buffer has other bytes, so the attributes change."
    ),
    "not-a-sample": (
        "What you return has the right content, but it is not a Sample. A Sample cannot exist with a value "
        "that is not finite, and your objects can, so every user has to check again. Save blocks elsewhere."
    ),
    "decoded-too-late": (
        "A batch with an invalid line was returned without an error. The error would come later, inside the "
        "unit of work, where nothing expects it. When must every line have been decoded?"
    ),
    "cache-without-bound": (
        "After {_STRANGERS:,} lines that are all different, the decoder still holds something for each of "
        "them, although nothing else holds their samples. A cache that drops nothing is a leak. How many "
        "entries does yours need, for lines in this order?"
    ),
}

BATCH = 105  # the samples of fifteen seconds
BLOCKS = 2.5
_STRANGERS = 20_000
_HELD = 1_000
_HOSTILE = b'{"metric":"up","value":NaN,"observed_at":"2026-11-23T09:00:00Z"}'


def grade(submission: dict[str, object]) -> str | None:
    """The first mistake of a submission."""
    make = submission.get("BufferingDecoder")
    if not isinstance(make, type) or not callable(getattr(make, "batch", None)):
        return "no-decoder"
    lines = MACHINE_UNDER_LOAD.read_bytes().splitlines()[1:]
    batches = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    return _aliases(make(), batches[0], batches[1]) or _costs(make, batches)


def _aliases(decoder, first, second):
    decode = SampleDecoder().decode
    right = list(map(decode, first))
    held = decoder.batch(first)
    if not isinstance(held, list | tuple) or len(held) != len(right):
        return "no-decoder"
    if len(set(map(id, held))) == 1:
        return "refilled-sample"
    samples = all(type(sample) is Sample for sample in held)
    if not all(map(_same, held, right)):
        return "wrong-from-the-start"
    decoder.batch(second)
    if not all(map(_same, held, right)):
        return "refilled-next-batch" if samples else "view-of-a-buffer"
    try:
        decoder.batch([first[0], _HOSTILE])
    except Rejected:
        return None if samples else "not-a-sample"
    return "decoded-too-late"


def _costs(make, batches):
    decode = SampleDecoder().decode
    decoder = make()
    right = [list(map(decode, batch)) for batch in batches]
    held = []
    for batch, expected in zip(batches, right, strict=True):
        held.append(decoder.batch(batch))
        if held[-1] != expected:
            return "wrong-from-the-start"
    if held != right:
        return "refilled-next-batch"
    del held, right
    if _alive(lambda batch: decoder.batch(batch) and None, _strangers()) > _HELD:
        return "cache-without-bound"
    decoder = make()
    decoder.batch(batches[0])
    if _alive(decoder.batch, batches) > BLOCKS * sum(map(len, batches)):
        return "no-gain"
    return None


def _same(sample, right):
    return (sample.metric, sample.value, sample.observed_at) == (right.metric, right.value, right.observed_at)


def _strangers():
    """Batches of lines that all differ, in value and in instant."""
    return [
        [
            b'{"metric":"up","value":%d.5,"observed_at":"2026-11-23T%02d:%02d:%02d.%03dZ"}'
            % (number, number // 3_600, number // 60 % 60, number % 60, number % 1_000)
            for number in range(start, start + BATCH)
        ]
        for start in range(0, _STRANGERS, BATCH)
    ]


def _alive(step, inputs):
    """Count the blocks that stay alive while the results are held."""
    held = [None] * len(inputs)
    gc.collect()
    tracemalloc.start()
    try:
        for place, item in enumerate(inputs):
            held[place] = step(item)
        gc.collect()
        return sum(statistic.count for statistic in tracemalloc.take_snapshot().statistics("filename"))
    finally:
        tracemalloc.stop()
