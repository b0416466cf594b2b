"""functools and closures: lru_cache that fills and evicts, partials, decorators with state, cells."""
import functools

import moments


@functools.lru_cache(maxsize=300)
def parse(number):
    return {"number": number, "text": "parsed %d" % number}


@functools.lru_cache(maxsize=None)
def fibonacci(number):
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def remembering(function):
    table = {}

    @functools.wraps(function)
    def wrapped(*words, **named):
        key = (words, tuple(sorted(named.items())))
        if key not in table:
            table[key] = function(*words, **named)
        return table[key]

    return wrapped


@remembering
def area(width, height=1):
    return [width * height] * 10


def counter(start):
    count = [start]

    def step():
        count.append(count[-1] + 1)
        return count

    return step


moments.begin()
for number in range(2000):
    parse(number)
deep = fibonacci(400)
areas = [area(width, height=height) for width in range(30) for height in range(10)]
steps = [counter(number + 1000) for number in range(400)]
moments.take("full")
for step in steps:
    step(), step()
partials = [functools.partial(area, number, height=number) for number in range(700)]
total = functools.reduce(lambda left, right: left + [right], range(3000, 3300), [])
moments.take("more")
