"""The lesson's questions about objects: sizes, slots, deep sizes, who holds what. Oracles are sys.getsizeof and models in the row's
own program."""
import subprocess


class Heap:
    """A trace's last object graph, by way of the command line."""

    def __init__(self, lesson, trace):
        self.lesson, self.trace = lesson, trace

    def ask(self, *words):
        return self.lesson.ask("graph", self.trace, *map(str, words))

    def globals(self):
        """{name: node} of what the program's own module holds."""
        found = {}
        for module in self.ask("objects", "module")["rows"]:
            if module["root"] == {"kind": "module", "name": "__main__"}:
                for inner in self.ask("referents", module["id"])["rows"]:
                    if inner["edge"] == ".__dict__":
                        found = {row["edge"].lstrip("."): row["node"] for row in self.ask("referents", inner["node"]["id"])["rows"]
                                 if row["edge"].startswith(".")}
        return found

    def node(self, found):
        return self.ask("show", found["id"])["node"]

    def text(self, *words):
        return subprocess.run([self.lesson.cairn, "graph", self.trace, *map(str, words)], capture_output=True, text=True, timeout=60).stdout


def row01_sizes(lesson):
    facts, heap = lesson.oracle("row01_sizes")["facts"], Heap(lesson, lesson.record("row01_sizes"))
    found = heap.globals()
    nodes = {name: heap.node(found[name]) for name in facts if name in found}
    for name, size in facts.items():
        lesson.check(name in nodes and nodes[name]["shallow_bytes"] == size, f"row01: {name}: {nodes.get(name)}, getsizeof {size}")
    if len(nodes) != len(facts):
        return
    lesson.check(nodes["ten"]["shallow_bytes"] > nodes["three"]["shallow_bytes"], "row01: ten is not larger than three")
    lesson.check(nodes["nested"]["shallow_bytes"] < nodes["shared"]["shallow_bytes"] / 10, "row01: nested counts what it holds")
    lesson.check(nodes["filled"]["shallow_bytes"] > nodes["empty"]["shallow_bytes"], "row01: filled is not larger than empty")
    for name in ("three", "ten", "nested", "filled"):
        node = nodes[name]
        lesson.check(node["block_bytes"] and node["deep_bytes"] > node["shallow_bytes"] >= 0 and node["retained_bytes"] >= node["shallow_bytes"],
                     f"row01: {name}: {node}")
    number = 28
    lesson.check(nodes["nested"]["deep_bytes"] == facts["nested"] + 2 * facts["shared"] + 2 * number,
                 f"row01: deep size of nested {nodes['nested']['deep_bytes']}: a shared list counts once")
    rows = [row for row in heap.ask("referents", nodes["nested"]["id"])["rows"] if row["node"]["type"] == "list"]
    lesson.check(sorted((row["count"], row["shared"]) for row in rows) == [(1, False), (2, True)], f"row01: shared child: {rows}")
    lesson.check("counted once" in heap.text("show", nodes["nested"]["id"]), "row01: the shared child is not marked")


def row03_slots(lesson):
    facts, heap = lesson.oracle("row03_slots")["facts"], Heap(lesson, lesson.record("row03_slots"))
    types = {row["type"]: row for row in heap.ask("types")["rows"]}
    lesson.check(facts["has_dict"] and all(types.get(name, {}).get("count") == 1000 for name in ("Open", "Slotted")), "row03: counts")
    sizes = {}
    for name in ("Open", "Slotted"):
        nodes = heap.ask("objects", name)["rows"]
        lesson.check(len(nodes) == 1000, f"row03: {len(nodes)} {name}")
        if not nodes:
            return
        usual = nodes[len(nodes) // 2]  # the first ones of a class have more room
        dicts = [row["node"] for row in heap.ask("referents", usual["id"])["rows"] if row["edge"] == "__dict__"]
        lesson.check(name == "Open" or not dicts, "row03: a slotted instance has a dict")
        sizes[name] = sum(node["block_bytes"] or 0 for node in [usual, *dicts])
    lesson.check(types["Slotted"]["shallow_bytes"] == 1000 * facts["slotted"], f"row03: shallow {types['Slotted']['shallow_bytes']}")
    minor = int(lesson.oracle("row03_slots")["version"].split(".")[1])
    open_bytes = {11: 96, 12: 88, 13: 96}.get(minor, 152)  # with a dict of its own, or values without one
    lesson.check((sizes["Open"], sizes["Slotted"]) == (open_bytes, 56), f"row03: an instance has {sizes} bytes, not {open_bytes} and 56")


def row05_deep(lesson):
    facts, heap = lesson.oracle("row05_deep")["facts"], Heap(lesson, lesson.record("row05_deep"))
    found = heap.globals()
    for name, size in facts.items():
        node = heap.node(found[name]) if name in found else None
        lesson.check(node is not None and node["deep_bytes"] == size, f"row05: {name}: {node and node['deep_bytes']}, the model says {size}")


def row08_holder(lesson):
    """Which module global holds what leaks, and the check that fails."""
    trace = lesson.record("row08_leak")
    heap = Heap(lesson, trace)
    arrays = [node for node in heap.ask("objects", "bytearray")["rows"] if node["shallow_bytes"] > 8000]
    lesson.check(len(arrays) == 100, f"row08: {len(arrays)} arrays")
    for node in arrays[:3]:
        way = heap.ask("path", node["id"])
        edges = [step["edge"] for step in way["steps"]]
        lesson.check(way["root"] == {"kind": "module", "name": "__main__"} and ".CACHE" in edges, f"row08: held by {way['root']} {edges}")
        lesson.check([frame["line"] for frame in node["allocated"]["stack"][:1]] == [11], "row08: allocated elsewhere")
    done = subprocess.run([lesson.cairn, "check", trace, "--from", "@start", "--to", "@end", "--max-leaked", "100K"], capture_output=True, text=True, timeout=60)
    lesson.check(done.returncode == 1 and "row08_leak.py" in done.stdout, f"row08: check: status {done.returncode}: {done.stdout[:300]}")


def row09_counter(lesson):
    """What a cache's own counter of bytes leaves out."""
    facts, heap = lesson.oracle("row09_lru")["facts"], Heap(lesson, lesson.record("row09_lru"))
    cache = heap.globals().get("cache")
    node = heap.node(cache) if cache else None
    lesson.check(node is not None and node["type"] == "Cache", f"row09: the cache is {node}")
    if node:
        headers = 33 * facts["entries"]  # of every bytes object
        lesson.check(node["deep_bytes"] > facts["used"] + headers, f"row09: deep {node['deep_bytes']}, its counter {facts['used']}")
        lesson.check(node["deep_bytes"] < 1.5 * facts["limit"], f"row09: deep {node['deep_bytes']}")
    payload = sum(row["node"]["shallow_bytes"] - 33 for row in heap.ask("referents", entries_of(heap, node))["rows"]
                  if row["node"]["type"] == "bytes") if node else 0
    lesson.check(payload == facts["used"], f"row09: entries hold {payload} bytes, the counter says {facts['used']}")


def entries_of(heap, cache):
    """The cache's OrderedDict, held by itself or, in 3.8 to 3.10, by its dict."""
    rows = heap.ask("referents", cache["id"])["rows"]
    rows += [inner for row in rows if row["edge"] == "__dict__" for inner in heap.ask("referents", row["node"]["id"])["rows"]]
    return next((row["node"]["id"] for row in rows if row["edge"] in (".entries", "['entries']")), 0)


ROWS = [row01_sizes, row03_slots, row05_deep, row08_holder, row09_counter]
