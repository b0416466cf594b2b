"""Exceptions that are kept with their tracebacks, and so with frames and locals; recursion; __del__; finally."""
import sys

import moments

caught, buried = [], []


class Failure(Exception):
    def __init__(self, text, held):
        super().__init__(text)
        self.held = held


class Loud:
    def __init__(self, number):
        self.body = bytearray(100 + number)

    def __del__(self):
        buried.append("gone %d" % len(self.body))


def dig(depth):
    local = [depth] * 10
    if depth == 0:
        raise Failure("at the bottom", list(range(1000, 1020)))
    try:
        dig(depth - 1)
    except Failure as failure:
        if depth % 5 == 0:
            raise RuntimeError("level %d" % depth) from failure
        raise
    finally:
        local.append("left")


def collect(count):
    for number in range(count):
        try:
            dig(number % 12)
        except Exception as error:
            caught.append(error)


moments.begin()
collect(120)
moments.take("caught")
loud = [Loud(number) for number in range(200)]
del loud[::2]
sys.setrecursionlimit(3000)


def nest(depth):
    return [depth, nest(depth - 1)] if depth else []


nested = nest(900)
moments.take("nested")
