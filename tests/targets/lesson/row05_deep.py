"""Deep size of nested structures, with cycles and shared objects, each object once."""
import sys

import moments


class Node:
    def __init__(self, payload):
        self.payload = payload
        self.peer = None


class Packed:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def deep(start):
    """The reference: keys and values, items, __dict__, __slots__; each object once."""
    seen, waiting, total = set(), [start], 0
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        if isinstance(thing, dict):
            waiting.extend(thing.keys())
            waiting.extend(thing.values())
        elif isinstance(thing, (list, tuple, set, frozenset)):
            waiting.extend(thing)
        if hasattr(thing, "__dict__"):
            waiting.append(thing.__dict__)
        for name in getattr(type(thing), "__slots__", ()):
            if hasattr(thing, name):
                waiting.append(getattr(thing, name))
    return total


text = "shared text " * 20
plain = {"list": [text, text, (1000001, 1000002)], "set": {1000003, 1000004}, "frozen": frozenset([1000005])}
ring = Node(text)
ring.peer = Node([text, ring])
packed = Packed([1000006] * 10, Packed(text, None))
for name in ("plain", "ring", "packed"):
    moments.fact(name, deep(globals()[name]))
moments.take("built")
