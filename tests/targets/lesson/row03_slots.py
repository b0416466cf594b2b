"""A class with __slots__ has no __dict__ and is smaller."""
import sys

import moments


class Open:
    def __init__(self, number):
        self.x = number
        self.y = number
        self.z = number


class Slotted:
    __slots__ = ("x", "y", "z")

    def __init__(self, number):
        self.x = number
        self.y = number
        self.z = number


opened = [Open(number) for number in range(1000)]
slotted = [Slotted(number) for number in range(1000)]
moments.fact("slotted", sys.getsizeof(slotted[0]))
moments.fact("has_dict", hasattr(opened[0], "__dict__") and not hasattr(slotted[0], "__dict__"))
moments.take("made")
