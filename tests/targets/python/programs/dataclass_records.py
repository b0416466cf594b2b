"""dataclasses: methods made by exec, records made, replaced, turned into dicts and tuples."""
import dataclasses
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple

import moments


def make_classes():
    @dataclass
    class Item:
        name: str
        price: float
        tags: List[str] = field(default_factory=list)

    @dataclass(frozen=True, order=True)
    class Key:
        group: int
        number: int

    class Row(NamedTuple):
        first: int
        second: str

    return Item, Key, Row


moments.begin()
kinds = [make_classes() for _ in range(12)]
Item, Key, Row = kinds[0]
items = [Item("name %d" % number, number / 7, ["tag"]) for number in range(600)]
table: Dict = {Key(number % 9, number): Row(number, "row") for number in range(600)}
moments.take("made")
replaced = [dataclasses.replace(item, price=0.5) for item in items]
plain = [dataclasses.asdict(item) for item in items]
moments.take("copied")
