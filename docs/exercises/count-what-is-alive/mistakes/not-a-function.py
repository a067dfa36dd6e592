"""A script that measures one thing, with nothing to call."""

import tracemalloc

tracemalloc.start()
held = [bytes(1_000) for _ in range(100)]
alive = tracemalloc.get_traced_memory()[0] / len(held)
tracemalloc.stop()
