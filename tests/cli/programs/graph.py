"""What test_graph.py knows of: boxes in a cache, a list held three times, a ring that is held and one that is lost."""
import gc

import cairn

gc.disable()


class Box:
    def __init__(self, number):
        self.items = [number] * 3


class Ring:
    def __init__(self):
        self.peer = self
        self.load = bytearray(1000)


def add(numbers):
    for number in numbers:
        CACHE["k%d" % number] = Box(1000000 + number)


CACHE = {}
SHARED = ["x" * 100]
BOTH = [SHARED, SHARED, SHARED]
KEPT = Ring()
KEPT.peer = Ring()
KEPT.peer.peer = KEPT
add(range(40))
cairn.graph("half")
for number in range(10):
    del CACHE["k%d" % number]
add(range(40, 70))
lost = Ring()
del lost
cairn.graph("full")
