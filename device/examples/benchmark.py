"""How fast the network in model.fml is on this board, and how much memory it takes. mpremote run benchmark.py"""

import gc
from sys import implementation
from time import ticks_diff, ticks_us

from freeml import Model

INFERENCES = 5

gc.collect()
free = gc.mem_free()
model = Model("model.fml")
gc.collect()
print(getattr(implementation, "_machine", "this board"))
print("heap", free - gc.mem_free(), "bytes of", free, "that were free")
sample = bytes(model.sample_size)
fastest, slowest_step = None, 0
for _ in range(INFERENCES):
    model.start(sample)
    steps, done, spent = model.remaining, False, 0
    while not done:
        begun = ticks_us()
        done = model.step(1)
        step = ticks_diff(ticks_us(), begun)
        spent += step
        slowest_step = max(slowest_step, step)
    fastest = spent if fastest is None else min(fastest, spent)
print("inference", fastest / 1000, "ms, fastest of", INFERENCES)
print("steps", steps, "the slowest took", slowest_step / 1000, "ms")
