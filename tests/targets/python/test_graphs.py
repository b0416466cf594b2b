#!/usr/bin/env python3
"""test_graphs.py BUILD_DIR [--python VERSION…]: object graphs and named moments of programs that are out of the ordinary.

With other interpreters beside it, a frame's local is a root still; classes whose names have dots keep them; a gc that the
program has changed does not cost the graph; a name that cannot be kept as it is does not fail in a recording alone; no code of the
program's own runs for a graph, in an image or in the program; what an object retains is what its death frees; and a dict's keys are its own,
whatever its class."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support import Report, ask, interpreters, record

INTERPRETERS = """
import cairn
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
class Main:
    pass
made = [_interpreters.create() for _ in range(2)]
for one in made:
    _interpreters.run_string(one, 'class Other: pass\\nkept = [Other()]')
def hold():
    mine = [Main() for _ in range(50)]
    cairn.graph('held')
    print(len(mine))
hold()
"""

NAMES = """
import cairn, collections, datetime
NAMES = %r
kept = [collections.OrderedDict(), *(type(name, (), {})() for name in NAMES)]
cairn.graph('named')
print('done')
"""
CLASSES = ["Page[list[datetime.datetime]]", "Of[a.b](c.d)", "plain", "ends.", "", "a.b", "caf\u00e9.au.lait", "." + "long" * 200]

REPLACED = """
import cairn, gc
class Box:
    pass
kept = [Box()]
for number, found in enumerate((5, (1, 2), None)):
    gc.get_objects = lambda *words: found
    cairn.graph('replaced%d' % number)
print('done')
"""

MOMENTS = """
import cairn
for name in ('lone \\ud800', 'zero \\0 byte', 'a \\x1b[31m', None, 5, b'bytes'):
    cairn.mark(name)
    cairn.snapshot(name)
    cairn.graph(name)
    with cairn.span(name):
        pass
print('done')
"""


# What an image runs is seen in memory that it shares with the program.
OWN_CODE = """
import cairn, gc, mmap, os, unittest.mock
seen, own = mmap.mmap(-1, 4096), os.getpid()
def ran(place):
    seen[place] |= os.getpid() != own
class Sized:
    def __sizeof__(self):
        ran(0)
        return 5000
class Row(list):
    def __sizeof__(self):
        ran(1)
        return 5000
class Plain:
    def __init__(self):
        self.value = self
class Lost(Plain):
    def __del__(self):
        ran(2)
class Module(type(gc)):
    def __getattribute__(self, name):
        ran(3)
        return type(gc).__getattribute__(self, name)
def replaced(*words):
    ran(4)
    return []
kept = [Sized(), Row([1, 2]), unittest.mock.MagicMock(), [Plain() for _ in range(2000)]]
threshold = gc.get_threshold()
for more in range(1, 9):
    gc.disable()
    made = [Lost() for _ in range(5)]
    made.clear()
    kept.append([[] for _ in range(200)])  # none of them waits to be used again: the next one is made
    gc.set_threshold(gc.get_count()[0] + more)
    gc.enable()
    cairn.graph('lost%d' % more)
gc.set_threshold(*threshold)
gc.get_objects = replaced
cairn.graph('function')
import sys
sys.modules['gc'] = Module('gc')
cairn.graph('module')
print('done' if seen[:5] == bytes(5) else list(seen[:5]))
"""

# The garbage is of the program's own collector, which any object that the image makes may set off.
UNCOLLECTED = """
import cairn, mmap, os, sys
seen, own = mmap.mmap(-1, 4096), os.getpid()
class Lost:
    def __del__(self):
        seen[0] |= os.getpid() != own
kept = []
for number in range(40):
    lost = Lost()
    lost.itself = lost
    kept.append([[] for _ in range(17)])
    cairn.graph('graph%d' % number)
del lost
print('ran' if seen[0] else 'gc was imported' if 'gc' in sys.modules and sys.version_info < (3, 10) else 'done')
"""

# What a death frees: tracemalloc's word, of objects that hardly go to free lists.
FREED = """
import cairn, gc, json, tracemalloc
class Plain:
    def __init__(self, number):
        self.real, self.text, self.none = number + 0.5, str(number) * 3, None
class Asked(Plain):
    def __init__(self, number):
        Plain.__init__(self, number)
        self.__dict__
class Many:
    def __init__(self, number):
        for name in range(40):
            setattr(self, 'name%d' % name, number * 1.5)
class Slotted:
    __slots__ = 'real', 'text'
    def __init__(self, number):
        self.real, self.text = number + 0.5, str(number) * 3
class Dict(dict):
    def __init__(self, number):
        self['key'] = self.one = self.two = number + 0.5
class List(list):
    def __init__(self, number):
        self.extend(range(10))
        self.real = number + 0.5
class Set(set):
    def __init__(self, number):
        self.update(range(30))
        self.real = number + 0.5
gc.disable()
tracemalloc.start()
KINDS = {'plain': Plain, 'asked': Asked, 'many': Many, 'slotted': Slotted, 'dict': Dict, 'list': List, 'set': Set,
         'text': lambda number: '\u00e9%d' % number * 3, 'int': lambda number: number + 1 << 200}
kept = {}
for name, kind in KINDS.items():
    for number in range(200):
        kind(number)
    kept[name] = [kind(number) for number in range(4000)]
cairn.graph('held')
freed = {}
for name in KINDS:
    at, before = id(kept[name]), tracemalloc.get_traced_memory()[0]
    kept[name] = None
    freed[name] = at, before - tracemalloc.get_traced_memory()[0]
print(json.dumps(freed))
"""

KEYS = """
import cairn, collections
class Own(dict):
    pass
kept = {kind.__name__: kind(('%s %d' % (kind.__name__, number), float(number)) for number in range(100)) for kind in (dict, Own, collections.OrderedDict)}
kept['defaultdict'] = collections.defaultdict(float, (('default %d' % number, float(number)) for number in range(100)))
kept['mixed'] = Own({5: 1.5, **{'mixed %d' % number: float(number) for number in range(99)}})
cairn.graph('keys')
print('done')
"""

NO_IMAGE = """
import cairn
class Sized:
    def __sizeof__(self):
        print('asked')
        return 5000
kept = Sized()
cairn.graph('here')
print('done')
"""


def run(report, cairn, python, trace, text, says="done\n"):
    """Whether the program ended as it does without us."""
    done = record(cairn, trace, [python, "-c", text])
    return report.check((done.returncode, done.stdout, done.stderr) == (0, says, ""),
                        f"status {done.returncode}: {done.stdout[-200:]!r} {done.stderr[-300:]}")


def check_interpreters(report, cairn, python, trace):
    if run(report, cairn, python, trace, INTERPRETERS, "50\n"):
        one = ask(cairn, "graph", trace, "objects", "Main", "--graph", "@held")["rows"][0]
        way = ask(cairn, "graph", trace, "path", str(one["id"]), "--graph", "@held")
        report.check(way["root"]["kind"] == "frame" and way["root"]["name"].startswith("hold() "), f"a local's way: {way['root']}")


def check_names(report, cairn, python, trace):
    if run(report, cairn, python, trace, NAMES % (CLASSES,)):
        types = {row["type"] for row in ask(cairn, "graph", trace, "types", "--graph", "@named")["rows"]}
        for name in CLASSES:
            report.check(name in types, f"no type {name!r}")
        report.check("OrderedDict" in types, "a type of C code is called with its module")


def check_replaced(report, cairn, python, trace):
    if run(report, cairn, python, trace, REPLACED):
        info = ask(cairn, "info", trace)
        whole = report.check(len(info["graphs"]) == 4, f"{len(info['graphs'])} graphs: {info['notes']}")
        for number in range(3) if whole else ():
            found = ask(cairn, "graph", trace, "objects", "Box", "--graph", f"@replaced{number}")["rows"]
            report.check(len(found) == 1, f"@replaced{number}: {len(found)} boxes")


def check_moments(report, cairn, python, trace):
    if run(report, cairn, python, trace, MOMENTS):
        names = {row["name"] for row in ask(cairn, "snapshots", trace)["rows"]}
        for name in ("lone \\ud800", "zero \\x00 byte", "a \x1b[31m", "None", "5.end", "b'bytes'"):
            report.check(name in names, f"no moment {name!r} among {names}")


def check_own_code(report, cairn, python, trace):
    if run(report, cairn, python, trace, OWN_CODE):
        info = ask(cairn, "info", trace)
        if report.check(len(info["graphs"]) == 11, f"{len(info['graphs'])} graphs: {info['notes']}"):
            for name, most in (("Sized", 100), ("Row", 150)):
                for graph in ("@lost1", "@module"):
                    sizes = [row["shallow_bytes"] for row in ask(cairn, "graph", trace, "objects", name, "--graph", graph)["rows"]]
                    report.check(len(sizes) == 1 and 40 <= sizes[0] <= most, f"{name}: {sizes}")


def check_keys(report, cairn, python, trace):
    if run(report, cairn, python, trace, KEYS):
        for name in ("dict", "Own", "OrderedDict", "defaultdict"):
            rows = [row for row in ask(cairn, "graph", trace, "objects", name, "--graph", "@keys", "--limit", "3000")["rows"]
                    if row["label"] == "len 100"]
            for row in rows:
                referents = ask(cairn, "graph", trace, "referents", str(row["id"]), "--graph", "@keys", "--limit", "3000")["rows"]
                keys = sum(each["count"] for each in referents if each["edge"] == "key")
                report.check(keys == 100 and row["retained_bytes"] - row["shallow_bytes"] > 100 * (24 + 45),
                             f"{name}: {keys} keys, {row['retained_bytes']} of {row['shallow_bytes']} bytes retained")
            report.check(len(rows) >= 1 + (name == "Own"), f"{len(rows)} of {name}")


def check_uncollected(report, cairn, python, trace):
    run(report, cairn, python, trace, UNCOLLECTED)


def check_freed(report, cairn, python, trace):
    done = record(cairn, trace, [python, "-c", FREED])
    if report.check((done.returncode, done.stderr) == (0, ""), f"status {done.returncode}: {done.stderr[-300:]}"):
        for name, (address, freed) in json.loads(done.stdout).items():
            retained = ask(cairn, "graph", trace, "show", hex(address), "--graph", "@held")["node"]["retained_bytes"]
            report.check(abs(retained - freed) <= freed * 0.02, f"{name}: {retained} bytes retained, {freed} freed")


def check_no_image(report, cairn, python, trace):
    """Where the system gives no process there is no graph, and the program is not looked at in place."""
    if os.geteuid() != 0 or not shutil.which("setpriv") or not python.startswith("/usr/bin/"):
        print(f"skipped: {report.where}: needs another user, and an interpreter that it may read")
        return
    folder = trace.parent
    trace.unlink(missing_ok=True)
    os.chmod(folder, 0o777)
    for file in (cairn, os.path.join(os.path.dirname(cairn), "libcairn.so")):  # root's folders are closed to others
        shutil.copy(file, folder)
    shutil.copytree(os.path.join(os.path.dirname(cairn), "python"), Path(folder, "python"))
    words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", folder / "cairn", "record", "-q", "-f", "-o", trace, "--", "prlimit", "--nproc=1",
             python, "-c", NO_IMAGE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    report.check((done.returncode, done.stdout, done.stderr) == (0, "done\n", ""), f"{done}")
    info = ask(cairn, "info", trace)
    notes = [note["text"] for note in info["notes"]]
    report.check(not info["graphs"] and "an object graph was left out: there was no memory for a still image" in notes, f"{info['graphs']} {notes}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    for version, python in interpreters(options.python).items():
        with tempfile.TemporaryDirectory() as folder:
            for check in (check_interpreters, check_names, check_replaced, check_moments, check_own_code, check_uncollected, check_freed, check_keys, check_no_image):
                report.where = f"{version} {check.__name__}"
                check(report, cairn, python, Path(folder, "t.cairn"))
    report.finish()


if __name__ == "__main__":
    sys.exit(main())
