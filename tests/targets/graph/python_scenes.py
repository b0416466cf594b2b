"""python_scenes.py SCENE FILE: builds one heap, has cairn take its object graph, and writes what the interpreter says of the same
heap, right before: every object of gc.get_objects(), its referents, its size, its type.

FILE, binary, native 64-bit numbers: per object its id, flags (1: gc knows it, 2: of an exact builtin type), size by weigh(), number of
its type's name, number of referents, then those. FILE.json: names of types, modules' ids, what to leave out, samples."""
import array
import collections
import enum
import functools
import gc
import io
import itertools
import json
import re
import sys
import threading
import types
import typing
import weakref

import cairn

try:
    import objgraph
except ImportError:
    objgraph = None

SAMPLES = []


def containers():
    class Empty:
        pass

    things = [1000001, 2.5, "text", b"bytes", None, (1, "a", (2, ())), [[]], {"k": {"deep": [1.25]}}, {1, 2, "s"}, frozenset([(1, 2)])]
    for kind in (collections.deque, list, tuple, collections.OrderedDict, collections.Counter):
        things.append(kind((number, ) * 3 if kind in (list, tuple) else ("x", ) for number in range(5)) if kind not in (
            collections.OrderedDict, collections.Counter) else kind({"a": 1, "b": 2}))
    things.append(collections.defaultdict(list, a=[1], b=[2]))
    things.append({("tuple", "key"): [things], 7: "seven", "not an identifier": Empty(), Empty: Empty, 1.5: set()})
    things.append({Empty(): Empty() for _ in range(30)})
    things.append({Empty() for _ in range(30)})
    things.append(collections.Counter("key %d" % number for number in range(100)))
    things.append(collections.OrderedDict(("key %d" % number, "key %d" % (number + 1)) for number in range(100)))
    things.append(collections.defaultdict(list, {"x": "y", "y": "x", "z": "z"}))
    things.append(collections.ChainMap({"a": things[0]}, {}))
    things.append({"x": 1}.keys())
    things.append(iter([Empty()]))
    SAMPLES.extend([things[6], things[7]["k"]["deep"], things[-3]])
    return things


def classes():
    import dataclasses

    class Meta(type):
        registry = {}

    class Plain:
        shared = ["class attribute"]

        def __init__(self, number):
            self.number = number
            self.text = "t%d" % number
            self.peers = []

        @property
        def half(self):
            return self.number / 2

        @staticmethod
        def still():
            return 1

        @classmethod
        def made(cls):
            return cls(1)

    class Slotted:
        __slots__ = ("left", "right", "__weakref__")

    class Both(Slotted):
        def __init__(self):
            self.left = [1]
            self.extra = {"in": "dict"}

    class Made(Plain, metaclass=Meta):
        pass

    @dataclasses.dataclass
    class Data:
        x: int = 1
        y: list = dataclasses.field(default_factory=list)

    class Colour(enum.Enum):
        RED = 1
        BLUE = "b"

    Point = collections.namedtuple("Point", "x y")
    plain = [Plain(number) for number in range(200)]
    for number, one in enumerate(plain):
        one.peers.append(plain[(number + 7) % 200])
        setattr(one, "only%d" % (number % 40), object())
    odd = Plain(1)
    odd.__dict__["not an identifier"] = [1]
    odd.__dict__[5] = [2]
    slotted = Slotted()
    slotted.left = slotted
    both = Both()
    kept = [plain, odd, slotted, both, Made(3), Data(), Colour.RED, Point([1], 2), Plain.made, plain[0].half, weakref.ref(plain[0]),
            weakref.WeakValueDictionary({"a": plain[1]}), types.SimpleNamespace(a=[1], b=2), typing.List[int], Plain.still, super(Made, Made(1))]
    SAMPLES.extend([plain[3], both.extra, slotted])
    return kept


def functions():
    import asyncio
    import contextlib

    def outer(seen):
        count = [0]

        def inner(more=("default", [1]), *, keyword={"k": 1}):
            count[0] += 1
            return seen, count, more, keyword

        inner.attribute = ["on a function"]
        return inner

    def generate(things):
        local = ["local of a generator"]
        for thing in things:
            yield thing, local

    async def wait():
        held = ["local of a coroutine"]
        await asyncio.sleep(0)
        return held

    async def agenerate():
        yield [1]

    class Thing:
        def method(self):
            return self

    generator = generate([[1], [2]])
    next(generator)
    coroutine = wait()
    coroutine.send(None)
    thing = Thing()
    kept = [outer([1]), outer({"a": 2}), generator, generate([3]), coroutine, agenerate(), thing.method, functools.partial(outer, [5], k=[6]),
            [].append, len, lambda x=[7]: x, functools.lru_cache(maxsize=None)(lambda x: [x]), map(len, [[1]]), zip([[1]], [[2]]),
            itertools.chain([[1]], [[2]]), enumerate([[9]]), functools.cmp_to_key(len), property(outer), classmethod(outer),
            contextlib.ExitStack(), (x for x in [[1]])]
    kept[11](4)
    SAMPLES.extend([kept[0], thing, generator])
    return kept


def threads():
    ready, go = threading.Event(), threading.Event()
    local = threading.local()
    local.value = ["of the main thread"]

    def work(number):
        mine = ["local of thread", number, {"n": number}]
        local.value = mine
        deeper(mine)

    def deeper(given):
        own = (given, [given])
        with running:
            running.notify()
        go.wait()
        return own

    running = threading.Condition()
    workers = [threading.Thread(target=work, args=(number, ), daemon=True) for number in range(4)]
    for worker in workers:
        with running:
            worker.start()
            running.wait()
    SAMPLES.extend([workers[0]])
    return [workers, ready, go, local, threading.Lock(), threading.RLock()]


def cycles():
    class Node:
        def __init__(self):
            self.me = self
            self.peer = None

    nodes = [Node() for _ in range(50)]
    for number, node in enumerate(nodes):
        node.peer = nodes[number - 1]
    selfish = []
    selfish.append(selfish)
    crossed = {"list": selfish}
    crossed["crossed"] = crossed
    a, b = ([], )[0:1][0], {}
    a.append((b, a))
    b["a"] = a
    lost = Node()
    lost.peer = Node()
    lost.peer.peer = lost
    del lost
    gc.garbage.append(Node())

    def recursive():
        return recursive

    SAMPLES.extend([nodes[10], selfish, b])
    return [nodes, selfish, crossed, a, recursive]


def extensions():
    import ctypes
    import decimal
    import sqlite3

    database = sqlite3.connect(":memory:")
    database.execute("create table t(a)")
    buffer = io.BytesIO(b"x" * 5000)
    error = None
    try:
        raise ValueError(["in an exception"])
    except ValueError as caught:
        error = caught
    try:
        try:
            {}["missing"]
        except KeyError as caught:
            raise RuntimeError("outer") from caught
    except RuntimeError as caught:
        chained = caught
    fields = type("Fields", (ctypes.Structure, ), {"_fields_": [("a", ctypes.c_int), ("p", ctypes.POINTER(ctypes.c_int))]})
    number = ctypes.c_int(4)
    return [database, database.cursor(), buffer, io.TextIOWrapper(buffer), open(__file__), array.array("d", [1.0] * 1000), re.compile(r"(a|b)+c"),
            re.match("a", "abc"), decimal.Decimal("1.5"), decimal.getcontext(), memoryview(b"abc"), bytearray(999), error, chained, fields(1, ctypes.pointer(number)),
            json.JSONDecoder(), types.MappingProxyType({"a": [1]}), slice([1], [2]), range(10), complex(1, 2), itertools.cycle([[1], [2]]),
            itertools.groupby([[1], [2]]), collections.deque([[1]] * 200, maxlen=300), sys.exc_info(), io.StringIO("text"), object(), type, Ellipsis]


def modules():
    import concurrent.futures
    import email.message
    import http.client
    import unittest
    import xml.etree.ElementTree as tree

    own = types.ModuleType("own_module")
    own.value = ["in a module"]
    sys.modules["own_module"] = own
    unlisted = types.ModuleType("unlisted_module")
    unlisted.value = ["in an unlisted module"]
    element = tree.fromstring("<a><b c='d'>text</b><b/></a>")
    message = email.message.Message()
    message["Subject"] = "hello"
    SAMPLES.extend([own.value, message])
    return [own, unlisted, element, message, unittest.TestCase(), http.client.HTTPConnection("localhost"), concurrent.futures.Future()]


def tracebacks():
    kept = []

    def deep(number, held):
        local = ["local", number, held]
        if number == 0:
            raise LookupError(local)
        deep(number - 1, local)

    for number in (1, 5, 30):
        try:
            deep(number, number)
        except LookupError as error:
            kept.append(error)
            kept.append(sys._getframe())
            kept.append(error.__traceback__.tb_next)
    SAMPLES.extend([kept[0]])
    return kept


def hubs():
    class Small:
        __slots__ = ("value", )

    shared = ["shared"]
    many = []
    for number in range(20000):
        small = Small()
        small.value = shared
        many.append(small)
    table = {number: [number] for number in range(5000)}
    names = {"name%d" % number: (number, shared) for number in range(5000)}
    deep = None
    for _ in range(5000):
        deep = [deep]
    repeated = [shared] * 3000
    SAMPLES.extend([table, names])
    return [many, table, names, deep, repeated, tuple([shared] * 500), set(range(3000))]


def subclasses():
    class D(dict):
        pass

    class L(list):
        pass

    class T(tuple):
        pass

    class S(set):
        pass

    class F(frozenset):
        pass

    class I(int):  # noqa: E742
        pass

    class Text(str):
        pass

    class B(bytes):
        pass

    class Q(collections.deque):
        pass

    class O(collections.OrderedDict):  # noqa: E742
        pass

    class Slotted(dict):
        __slots__ = ("extra", )

    kept = [D(a=[1]), L([[1], [2]]), T(([1], [2])), S([(1, 2)]), F([(3, 4)]), I(5), Text("text"), B(b"bytes"), Q([[1]]), O(a=[1])]
    for one in kept:
        one.extra = ["extra of", type(one).__name__]
    slotted = Slotted(x=[1])
    slotted.extra = ["slot"]
    kept.append(slotted)
    SAMPLES.extend([kept[0].extra, slotted])
    return kept


def weights():
    """Objects whose __sizeof__ says other things, in classes that pass for builtin ones: their sizes are compared too, with what they
    would be without (weigh())."""
    class Asking(type):
        def __getattribute__(cls, name):
            if name == "__sizeof__":
                raise RuntimeError("nobody asks a class")
            return type.__getattribute__(cls, name)

    class Own:
        def __sizeof__(self):
            return 4242

    class Below(Own):
        pass

    class Varying:
        def __init__(self, bytes_used):
            self.bytes_used = bytes_used

        def __sizeof__(self):
            return self.bytes_used

    class Items(tuple):
        pass

    class Few(tuple):
        __slots__ = ()

        def __sizeof__(self):
            return 7

    class Row(list):
        def __sizeof__(self):
            return 9 + len(self)

    class Asked(metaclass=Asking):
        __slots__ = ("kept", )

    class Plain:
        __slots__ = ("kept", )

    # Called as built-in ones are.
    Str = type("str", (str, ), {})
    List = type("list", (list, ), {"__sizeof__": lambda self: 70 + 11 * len(self)})
    Dict = type("dict", (dict, ), {})

    made = [Own(), Below(), *map(Varying, range(500, 600)), *(Items(range(count)) for count in range(50)), *(Few([one]) for one in range(9)),
            *(Row(range(count)) for count in range(50)), *(type.__call__(Asked) for _ in range(9)), *(Plain() for _ in range(9)),
            *(Str(count) for count in range(20)), *(List(range(count)) for count in range(20)), *(Dict(kept=[count]) for count in range(20))]
    made[-1].extra = ["held by its own dict"]
    for kind in (Own, Below, Varying, Items, Few, Row, Plain, Str, List, Dict):
        kind.__module__ = "builtins"
    grown = []
    for number in range(200):
        grown.append(number)
        made.append(list(grown))
        made.append(tuple(grown))
    return [made, ["é" * count for count in range(60)], ["a" * count for count in range(60)], [b"b" * count for count in range(60)],
            ["𝄞" * count for count in range(9)], [1 << count for count in range(0, 2000, 13)], [float(count) for count in range(9)]]


SCENES = [containers, classes, functions, threads, cycles, extensions, modules, tracebacks, hubs, subclasses, weights]


def note_referents(numbers, found, waiting, seen):
    """Referents of one object, from gc's own answer; what is new is looked at later. The list goes away with this frame."""
    numbers.append(len(found))
    for target in found:
        numbers.append(id(target))
        if id(target) not in seen:
            seen.add(id(target))
            waiting.append(target)


def weigh(one):
    """sys.getsizeof(), were there no __sizeof__ but those of C code: no others are called."""
    methods = [kind.__dict__["__sizeof__"] for kind in type(one).__mro__ if "__sizeof__" in kind.__dict__]
    if type(methods[0]) is types.MethodDescriptorType:
        return sys.getsizeof(one)
    told = next(method for method in methods if type(method) is types.MethodDescriptorType)
    return told(one) + sys.getsizeof(one) - methods[0](one)


def take(path, names, numbers):
    """Everything gc knows and what that refers to. Only what is not of the heap's own is made meanwhile, and left out."""
    waiting = gc.get_objects()
    seen = set(map(id, waiting))
    left_out = [id(waiting), id(seen), id(names), id(sys._getframe())]
    left_out.append(id(left_out))
    at = 0
    while at < len(waiting):
        one = waiting[at]
        kind = type(one)
        name = kind.__name__
        numbers.append(id(one))
        numbers.append(gc.is_tracked(one) | (kind.__module__ == "builtins") << 1)
        numbers.append(weigh(one))
        numbers.append(names.setdefault(name, len(names)))
        if id(one) not in left_out:
            note_referents(numbers, gc.get_referents(one), waiting, seen)
        else:
            numbers.append(0)
        at += 1
    del one, kind, name
    counts = objgraph.typestats() if objgraph else None
    cairn.graph("oracle")
    return left_out, counts


def chains():
    """Lengths of objgraph's chains to the samples, where objgraph is to be had."""
    if objgraph is None:
        return None
    found = []
    for sample in SAMPLES:
        chain = objgraph.find_backref_chain(sample, objgraph.is_proper_module, max_depth=40)
        found.append((id(sample), len(chain) if objgraph.is_proper_module(chain[0]) else None))
    return found


def main():
    gc.disable()
    scene, path = sys.argv[1], sys.argv[2]
    globals()["HEAP"] = {each.__name__: each for each in SCENES}[scene]()
    lengths = chains()
    for one in gc.get_objects():
        for thing in [one, *gc.get_referents(one)]:
            weigh(thing)  # makes some types ready that were not: objects of their own
    del one, thing
    if objgraph:
        objgraph.typestats()  # code that often ran has a larger size
    names, numbers = {}, array.array("Q")
    if scene != "cycles":
        gc.collect()
    left_out, counts = take(path, names, numbers)
    with open(path, "wb") as file:
        numbers.tofile(file)
    with open(path + ".json", "w") as file:
        json.dump({"names": list(names), "left_out": left_out, "chains": lengths, "counts": counts,
                   "modules": [id(module) for module in list(sys.modules.values()) if module is not None]}, file)


if __name__ == "__main__":
    main()
