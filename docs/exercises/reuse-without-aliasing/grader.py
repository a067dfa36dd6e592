"""Grades `BufferingDecoder`: batches of the shipped trace, what they hold, and what they say afterwards."""

import gc
import tracemalloc

from service_monitoring.boundary.codec import SampleDecoder
from service_monitoring.boundary.rejections import Rejected
from service_monitoring.domain.values import Sample
from service_monitoring.sources.shipped import MACHINE_UNDER_LOAD

MISTAKES = {
    "no-decoder": (
        "The file must define a class BufferingDecoder, made without arguments, whose method "
        "batch(lines) gives a list with one sample for each line."
    ),
    "no-gain": (
        "Right, and as expensive as before: three blocks stay alive for each sample, the sample, its float "
        "and its datetime. At most two and a half are asked for. Print the parts of the first eight samples "
        "of the trace: which of them are equal, and can not be changed by anybody?"
    ),
    "wrong-from-the-start": (
        "A batch is wrong as soon as it is handed out: its samples are not what SampleDecoder makes of the "
        "same lines. Compare all three attributes, and look at a batch in which a second ends."
    ),
    "refilled-sample": (
        "The samples of one batch are one object, and all say what the last line says. The unit of work "
        "holds a whole batch until the commit: what you hand out is no longer yours to write to."
    ),
    "refilled-next-batch": (
        "The first batch is right until the second is decoded; then its samples say what the new lines say. "
        "Whoever holds the first batch was promised facts. When would you know that nobody does?"
    ),
    "view-of-a-buffer": (
        "What you hand out is no Sample: it reads its attributes from bytes that belong to the decoder when "
        "somebody asks, and after the next batch they are other bytes. The answer to the same question "
        "changed."
    ),
    "not-a-sample": (
        "What you hand out has the right facts, but is no Sample. A Sample can not exist with a value that "
        "is not finite; yours can, so from here on everybody has to ask again. Save somewhere else than in "
        "the check."
    ),
    "decoded-too-late": (
        "A batch with a line that is no sample was handed out without a word. Who reads it inside the unit "
        "of work gets a rejection there, where nothing expects one. When must every line have been decoded?"
    ),
    "cache-without-bound": (
        "After 20,000 lines that never repeat, and with no sample held by anybody else, the decoder still "
        "holds something for each of them. A cache that nothing leaves is a leak. What is the most that "
        "this one can hold, and how often does the trace find something in it?"
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
    held = [decoder.batch(batch) for batch in batches]
    if held != right:
        return "wrong-from-the-start"
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
    """Batches of lines none of which comes twice, nor its value, nor its instant."""
    return [
        [
            b'{"metric":"up","value":%d.5,"observed_at":"2026-11-23T%02d:%02d:%02d.%03dZ"}'
            % (number, number // 3_600, number // 60 % 60, number % 60, number % 1_000)
            for number in range(start, start + BATCH)
        ]
        for start in range(0, _STRANGERS, BATCH)
    ]


def _alive(step, inputs):
    """How many blocks stay alive while the results are held."""
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
