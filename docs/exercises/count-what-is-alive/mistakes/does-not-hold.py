"""Each result is freed when the next one comes."""

import gc
import tracemalloc


def alive(step, inputs):
    """Bytes and blocks that stay alive for each input, while the results of all are held."""
    step(inputs[0])  # a cache that the first call fills is not a cost of each input
    gc.collect()  # clears the free lists: blocks reused from them would go unseen
    tracemalloc.start()
    try:
        for item in inputs:
            step(item)
        gc.collect()  # frees cycles, which nothing refers to
        statistics = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    size = sum(statistic.size for statistic in statistics)
    blocks = sum(statistic.count for statistic in statistics)
    return size / len(inputs), blocks / len(inputs)
