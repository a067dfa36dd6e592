"""Counts from the very first call on."""

import gc
import tracemalloc


def alive(step, inputs):
    """Bytes and blocks that stay alive for each input, while the results of all are held."""
    held = [None] * len(inputs)  # has its room before anything is traced
    gc.collect()  # clears the free lists: blocks reused from them would go unseen
    tracemalloc.start()
    try:
        for place, item in enumerate(inputs):
            held[place] = step(item)
        gc.collect()  # frees cycles, which nothing refers to
        statistics = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    size = sum(statistic.size for statistic in statistics)
    blocks = sum(statistic.count for statistic in statistics)
    return size / len(inputs), blocks / len(inputs)
