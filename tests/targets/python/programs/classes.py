"""Classes made in bodies, by type(), by a metaclass; their instances; bound methods, properties and weak references."""
import abc
import enum
import weakref

import moments


class Registered(type):
    kinds = []

    def __new__(meta, name, bases, body):
        made = super().__new__(meta, name, bases, body)
        meta.kinds.append(made)
        return made


def make(number):
    class Inner(metaclass=Registered):
        table = {key: str(key) for key in range(20)}
        text = "class %d" % number

        def method(self):
            return self.text

        @property
        def upper(self):
            return self.text.upper()

        class Nested:
            values = [0] * 30

    return Inner


class Base(abc.ABC):
    @abc.abstractmethod
    def work(self):
        raise NotImplementedError


class Color(enum.Enum):
    RED = 1
    GREEN = 2


moments.begin()
kinds = [make(number) for number in range(80)]
quick = [type("Quick%d" % number, (Base,), {"work": lambda self: None, "__slots__": ("a", "b")}) for number in range(50)]
colors = enum.Enum("Colors", ["C%d" % number for number in range(60)])
moments.take("classes")
things = [kind() for kind in kinds for _ in range(20)]
for number, thing in enumerate(things):
    thing.number = [number]
methods = [thing.method for thing in things]
weak = [weakref.ref(thing, lambda ref: None) for thing in things]
table = weakref.WeakKeyDictionary((thing, bytes(20)) for thing in things)
moments.take("instances")
