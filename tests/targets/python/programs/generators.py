"""Generators that stand still with memory in their frames, pipelines of them, comprehensions inside comprehensions."""
import itertools

import moments


def numbers(limit):
    window = [0] * 40
    for number in range(limit):
        window[number % 40] = number
        yield number + 1000000


def pairs(source):
    for first in source:
        second = yield (first, str(first))
        if second:
            return second


def delegate(limit):
    result = yield from pairs(numbers(limit))
    return result


moments.begin()
standing = [numbers(50) for _ in range(200)]
for generator in standing:
    next(generator)
delegating = [delegate(20) for _ in range(200)]
firsts = [next(generator) for generator in delegating]
table = [[column * row for column in range(1000, 1020)] for row in range(100)]
sets = {frozenset({row, row + 1}) for row in range(500)}
dicts = {row: {column: str(column + 5000) for column in range(5)} for row in range(200)}
moments.take("standing")
del standing[::2]
chained = list(itertools.chain.from_iterable(delegate(10) for _ in range(300)))
moments.take("chained")
