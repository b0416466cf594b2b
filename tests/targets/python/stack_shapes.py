"""Allocations of sizes that occur once, from every kind of frame; beside each, the stack that traceback.extract_stack gives in the
same line. Writes {size: [[file, line, name], …]}, innermost first, to the file in STACKS_ORACLE."""
import asyncio
import atexit
import ctypes
import functools
import gc
import importlib
import itertools
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor

sys.setrecursionlimit(5000)
_sizes = itertools.count(1000001, 2)  # no file that is imported is so large
_said = {}


def stack_of(frame):
    """What extract_stack says, with the qualified names that frames have from 3.11 on."""
    stack = traceback.extract_stack(frame)
    names = [getattr(each.f_code, "co_qualname", each.f_code.co_name) for each, _ in traceback.walk_stack(frame)]
    return [[entry.filename, entry.lineno, name] for entry, name in zip(reversed(stack), names)]


def here(*_):
    size = next(_sizes)
    _, _said[size] = bytearray(size - 1), stack_of(sys._getframe())  # the same line
    return size


def generators():
    def inner():
        yield here()
        yield here()

    def outer():
        received = yield from inner()
        yield here(), received

    def at_close():
        try:
            yield 1
        finally:
            here()

    def at_throw():
        try:
            yield 1
        except ValueError:
            yield here()

    def next_from_deeper(generator):
        return next(generator)

    first = outer()
    next(first), next_from_deeper(first), list(first)
    closing, throwing = at_close(), at_throw()
    next(closing), next(throwing)
    closing.close(), throwing.throw(ValueError())


def comprehensions():
    [here() for _ in range(2)], {here() for _ in range(2)}, {here(): here() for _ in range(1)}
    [[here() for _ in range(1)] for _ in range(2)]
    list(here() for _ in range(2)), sum(here() for _ in map(here, range(2)))
    any(
        here() < 0
        for _ in range(2)
    )


def coroutines():
    async def leaf():
        here()
        await asyncio.sleep(0)
        here()

    async def ticks():
        for _ in range(2):
            here()
            yield await leaf()

    class Context:
        async def __aenter__(self):
            return here()

        async def __aexit__(self, *_):
            here()

    async def main():
        await leaf()
        async with Context():
            [tick async for tick in ticks()]
        await asyncio.gather(leaf(), asyncio.ensure_future(leaf()))
        asyncio.get_event_loop().call_soon(here)
        await asyncio.sleep(0.01)

    asyncio.run(main())


def threads():
    def work(depth):
        return work(depth - 1) if depth else here()

    for number in range(60):  # one after the other: rings, frames and stacks of one are the next one's
        thread = threading.Thread(target=(work if number % 3 else lambda depth: here()), args=(number % 7,))
        thread.start()
        thread.join()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(20)))
    many = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    [thread.start() for thread in many], [thread.join() for thread in many]


def decorated():
    def around(function):
        @functools.wraps(function)
        def wrapped(*words):
            return function(*words)

        return wrapped

    @around
    @functools.lru_cache(maxsize=None)
    @around
    def work(number):
        return here()

    work(1), work(2), functools.partial(work, 3)(), functools.reduce(lambda left, right: here(), range(3))


def recursion():
    def down(depth):
        return here() if depth == 0 else down(depth - 1)

    def even(depth):
        return here() if depth == 0 else odd(depth - 1)

    def odd(depth):
        return here() if depth == 0 else even(depth - 1)

    def mixed(depth):
        return here() if depth == 0 else sorted([depth], key=lambda number: mixed(number - 1))

    down(1), down(100), down(200), even(51), mixed(20), down(100)


def winding():
    """Far deeper than stacks are kept, another way each time, with allocations on the way in and out."""
    chance = random.Random(3)

    def left(depth):
        return wind(depth)

    def right(depth):
        chance.random() < 0.1 and here()
        below = wind(depth)
        chance.random() < 0.1 and here()
        return below

    def wind(depth):
        return depth == 0 or chance.choice((left, right))(depth - 1)

    wind(120), wind(130), wind(300), wind(140), wind(125)


def class_bodies():
    class Meta(type):
        def __new__(meta, name, bases, body):
            here()
            return super().__new__(meta, name, bases, body)

        def __call__(cls, *words):
            here()
            return super().__call__(*words)

    class Base(metaclass=Meta):
        here()

        def __init_subclass__(cls):
            here()

        def __init__(self):
            here()

    class Derived(Base):
        class Nested:
            value = here()

        def __getattr__(self, name):
            return here()

        def __add__(self, other):
            return here()

        def __getitem__(self, place):
            return here()

        @property
        def wide(self):
            return here()

        def __call__(self):
            return here()

        def __iter__(self):
            here()
            return iter(())

        def __enter__(self):
            return here()

        def __exit__(self, *_):
            here()

    one = Derived()
    one.missing, one + one, one[1], one.wide, one(), list(one)
    with one:
        here()


def made_code():
    exec("here()\ndef made():\n    here()\n\n    here()\nmade()")
    eval("here()"), eval("(lambda: here())()")
    for number in range(40):  # code objects that come and go, at the addresses of those before
        space = {"here": here}
        exec("\n" * (number % 5) + "def made_%d(): return here()\n" % number + "class C: made_%d()" % number, space)
        space["made_%d" % number]()


def called_from_c():
    sorted([2, 1], key=here), list(map(lambda _: here(), range(2))), list(filter(here, range(2)))
    re.sub("a", lambda found: str(here()), "aa")
    max([1, 2], key=lambda number: here())
    json.loads('{"a": {"b": 1}}', object_hook=here), json.dumps(object, default=lambda thing: here())
    database = sqlite3.connect(":memory:")
    database.create_function("f", 0, here)
    database.execute("SELECT f(), f()").fetchall()
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda left, right: here() * 0)
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare)


def endings():
    class Dying:
        def __del__(self):
            here()

    class Held:
        pass

    Dying()
    ring = [Dying()]
    ring.append(ring)
    del ring
    gc.collect()
    held = Held()
    weak = weakref.ref(held, here)
    del held
    gc.callbacks.append(here)
    gc.collect()
    gc.callbacks.remove(here)
    try:
        raise ValueError(here())
    except ValueError:
        here()
    finally:
        here()
    return weak


def signals():
    signal.signal(signal.SIGUSR1, here)
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1000):
        pass


def imports():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "stacks_imported.py"), "w") as out:
            out.write("import __main__\n\n__main__.here()\nclass Inside:\n    __main__.here()\n")
        sys.path.insert(0, folder)
        importlib.import_module("stacks_imported")
        del sys.path[0]


def write():
    here()
    with open(os.environ["STACKS_ORACLE"], "w") as out:
        json.dump(_said, out)


atexit.register(write)
here()
for shape in (generators, comprehensions, coroutines, threads, decorated, recursion, winding, class_bodies, made_code, called_from_c,
              endings, signals, imports):
    shape()
