#!/usr/bin/env python3
"""test_python_graph.py BUILD_DIR [SCENE…]: object graphs against what the interpreter says of itself, and objgraph where it is there,
on every CPython from 3.8 to 3.13 that is found.

python_scenes.py builds eleven heaps. Of each: every object of gc.get_objects() is in the graph, every edge of gc.get_referents()
too, shallow is sys.getsizeof() for exact builtin types, counts by type are equal, and the way that keeps an object alive is there
wherever one leads from a module of sys.modules, and not longer."""
import array
import collections
import concurrent.futures
import glob
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCENES = "containers classes functions threads cycles extensions modules tracebacks hubs subclasses weights".split()
TRACKED = 2
CALL_OBJECTS = 6  # tuples of arguments and the like, which the call that takes the graph makes after gc was asked
Node = collections.namedtuple("Node", "id shallow flags parent type")
Thing = collections.namedtuple("Thing", "tracked builtin size type referents")


class Oracle:
    """What the scene wrote."""

    def __init__(self, path):
        numbers = array.array("Q")
        numbers.frombytes(Path(path).read_bytes())
        about = json.loads(Path(path + ".json").read_text())
        self.left_out, self.modules, self.chains, self.counts = set(about["left_out"]), about["modules"], about["chains"], about["counts"]
        self.things, at = {}, 0
        while at < len(numbers):
            address, flags, size, name, count = numbers[at:at + 5]
            self.things[address] = Thing(bool(flags & 1), bool(flags & 2), size, about["names"][name], numbers[at + 5:at + 5 + count])
            at += 5 + count

    def distances(self):
        """Objects on a shortest way from a module, both ends counted."""
        found = {module: 1 for module in self.modules}
        line = collections.deque(found)
        while line:
            source = line.popleft()
            for target in self.things[source].referents if source in self.things else ():
                if target not in found:
                    found[target] = found[source] + 1
                    line.append(target)
        return found


class Graph:
    """What cairn stored: Python's objects by address."""

    def __init__(self, dump, trace):
        self.nodes, self.edges, self.roots, self.address = {}, collections.Counter(), {}, {}
        pairs = []
        done = subprocess.run([dump, trace, "@oracle"], capture_output=True, text=True, errors="replace", timeout=120)
        if done.returncode:
            raise AssertionError(f"dump_graph: {done.stderr}")
        for line in done.stdout.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "n":
                number, address, shallow, flags, parent, _, lang, name = rest.split(" ", 7)
                self.address[int(number)] = int(address)
                if lang == "python":
                    self.nodes[int(address)] = Node(int(number), int(shallow), int(flags), int(parent), name)
            elif kind == "e":
                pairs.append(tuple(map(int, rest.split(" ", 2)[:2])))
            elif kind == "r":
                number, name = rest.split(" ", 1)
                self.roots[int(number)] = name
        self.parents = {node.id: node.parent for node in self.nodes.values()}
        self.edges.update((self.address[source], self.address[target]) for source, target in pairs)

    def way(self, address):
        """How many objects stand on the way from a root to it; 0: no root reaches it."""
        count, at = 1, self.nodes[address].id
        while at not in self.roots:
            at = self.parents.get(at, -1)
            count += 1
            if at == -1 or count > len(self.parents):
                return 0
        return count


def some(items, most=4):
    items = list(items)
    return f"{len(items)}: {items[:most]}"


def compare(oracle, graph):
    """Sentences about what differs."""
    faults, things = [], {address: thing for address, thing in oracle.things.items() if address not in oracle.left_out}
    missing = [thing.type for address, thing in things.items() if thing.tracked and address not in graph.nodes]
    if missing:
        faults.append(f"objects of gc are not there: {some(collections.Counter(missing).most_common())}")
    wrong = [(thing.type, graph.nodes[address].type) for address, thing in things.items()
             if address in graph.nodes and graph.nodes[address].type != thing.type]
    if wrong:
        faults.append(f"types differ (gc, cairn): {some(collections.Counter(wrong).most_common())}")
    lost = collections.Counter()
    for address, thing in things.items():
        for target, count in collections.Counter(thing.referents).items():
            if graph.edges[address, target] < count:
                lost[thing.type, oracle.things[target].type if target in oracle.things else "?"] += 1
    if lost:
        faults.append(f"edges of gc are not there: {some(lost.most_common())}")
    sizes = [(thing.type, thing.size, graph.nodes[address].shallow) for address, thing in things.items()
             if thing.builtin and address in graph.nodes and graph.nodes[address].shallow != thing.size]
    if sizes:
        faults.append(f"sizes differ (getsizeof, shallow): {some(sizes)}")
    return faults


def compare_counts(oracle, graph):
    """By type, of what the collector tracks: of gc's list, and objgraph's."""
    faults = []
    tracked = {address: node.type for address, node in graph.nodes.items() if node.flags & TRACKED}
    listed = {address: thing.type for address, thing in oracle.things.items() if thing.tracked}
    for who, left_out, theirs in (("gc", oracle.left_out, None), ("objgraph", (), oracle.counts)):
        ours = collections.Counter(kind for address, kind in tracked.items() if address not in left_out)
        if who == "gc":
            theirs = collections.Counter(kind for address, kind in listed.items() if address not in left_out)
        if theirs is not None:
            more, less = ours - collections.Counter(theirs), collections.Counter(theirs) - ours
            if sum(less.values()) + sum(more.values()) > CALL_OBJECTS:
                faults.append(f"counts by type differ from those of {who}: more here {dict(more)}, more there {dict(less)}")
    return faults


def compare_ways(oracle, graph):
    faults, longer, none = [], [], []
    for address, distance in oracle.distances().items():
        if address in graph.nodes and address not in oracle.left_out:
            length = graph.way(address)
            if length == 0:
                none.append(graph.nodes[address].type)
            elif length > distance:
                longer.append((graph.nodes[address].type, distance, length))
    if none:
        faults.append(f"no way where one leads from a module: {some(collections.Counter(none).most_common())}")
    if longer:
        faults.append(f"longer ways than from a module (there, here): {some(longer)}")
    for address, length in oracle.chains or ():
        if length is not None and not 0 < graph.way(address) <= length:
            faults.append(f"objgraph's chain to {graph.nodes[address].type} has {length} objects, ours {graph.way(address)}")
    return faults


class Run:
    def __init__(self, build, objgraph):
        self.cairn, self.dump, self.objgraph = os.path.join(build, "cairn"), os.path.join(build, "tests", "unit", "graph", "dump_graph"), objgraph

    def ask(self, *words):
        done = subprocess.run([self.cairn, "graph", *words, "--graph", "@oracle", "--format", "json"], capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout) if done.returncode == 0 else {"rows": [], "steps": [], "said": done.stderr}

    def commands(self, trace, oracle, graph):
        """What the command line says is what is stored."""
        faults = []
        counts = collections.Counter(node.type for node in graph.nodes.values())
        types = {row["type"]: row["count"] for row in self.ask(trace, "types")["rows"] if row["lang"] == "python"}
        if types != counts:
            faults.append(f"graph types: {dict(counts - collections.Counter(types))} {dict(collections.Counter(types) - counts)}")
        for address, _ in oracle.chains or ():
            steps = self.ask(trace, "path", hex(address))["steps"]
            if len(steps) != graph.way(address):
                faults.append(f"graph path {address:#x}: {len(steps)} steps, not {graph.way(address)}")
            rows = self.ask(trace, "referents", hex(address))["rows"]
            ours = collections.Counter()
            for row in rows:
                ours[row["node"]["address"]] += row["count"]
            if any(ours[target] < count for target, count in collections.Counter(oracle.things[address].referents).items()):
                faults.append(f"graph referents {address:#x}: {len(rows)} rows")
        return faults

    def scene(self, python, scene):
        with tempfile.TemporaryDirectory(prefix="cairn-scene-") as folder:
            trace, said = f"{folder}/t.cairn", f"{folder}/oracle"
            if self.objgraph:  # alone, so that no other package of that interpreter is seen
                os.symlink(self.objgraph, f"{folder}/objgraph.py")
            environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": folder}
            done = subprocess.run([self.cairn, "record", "--quiet", "--graph", "end", "-o", trace, "--", python, str(HERE / "python_scenes.py"), scene, said],
                                  env=environment, capture_output=True, text=True, timeout=240)
            if done.returncode:
                return [f"record: status {done.returncode}: {done.stderr[-300:]}"]
            try:
                graph = Graph(self.dump, trace)
            except AssertionError as error:
                return [str(error)]
            oracle = Oracle(said)
            return compare(oracle, graph) + compare_counts(oracle, graph) + compare_ways(oracle, graph) + self.commands(trace, oracle, graph)


def interpreters():
    """One of each minor version."""
    found = {}
    for path in ["/usr/bin/python3", *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))]:
        if os.path.exists(path):
            version = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], capture_output=True, text=True)
            if version.returncode == 0:
                found.setdefault(version.stdout.strip().rpartition(".")[0], (version.stdout.strip(), path))
    return {version: path for version, path in found.values() if 8 <= int(version.split(".")[1]) <= 13}


def share(scenes, version, python):
    """All of the scenes for Debian's interpreter, and with tests/run.sh --long; else every second one, the others for the next version."""
    if python == "/usr/bin/python3" or os.environ.get("CAIRN_LONG"):
        return scenes
    print(f"skipped: CPython {version}: every second scene, without --long")
    return scenes[int(version.split(".")[1]) % 2::2]


def find_objgraph():
    """The file of objgraph: of this interpreter, or of the system's; None where neither is."""
    spec = importlib.util.find_spec("objgraph")
    places = ["/usr/lib/python3/dist-packages/objgraph.py", *([spec.origin] if spec and spec.origin else [])]
    return next(filter(os.path.exists, places), None)


def main():
    build, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    found = interpreters()
    for minor in range(8, 14):
        if not any(version.startswith(f"3.{minor}.") for version in found):
            print(f"skipped: CPython 3.{minor} is not here")
    objgraph = find_objgraph()
    if objgraph is None:
        print("skipped: objgraph is not here; ways are compared with a search of gc's own answers")
    run, failed, passed = Run(build, objgraph), 0, 0
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        tasks = {(version, scene): pool.submit(run.scene, python, scene) for version, python in found.items()
                 for scene in wanted or share(SCENES, version, python)}
        for (version, scene), task in tasks.items():
            faults = task.result()
            failed, passed = failed + bool(faults), passed + (not faults)
            for fault in faults:
                print(f"{version} {scene}: {fault}", flush=True)
    print(f"{passed} scenes passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
