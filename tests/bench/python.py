#!/usr/bin/env python3
"""What recording a Python program costs, beside tracemalloc and memray.

python.py BUILD [--python PATH] [--runs N] [--memray FOLDER]   medians of N interleaved rounds

Two programs: two million small objects, made twenty calls deep and kept; and a realistic one (JSON round trips, a tokenizer of regular
expressions, objects filled from rows). Each is timed from its start to its end as its parent sees it, the recorder's work behind
the end included; beside it, what the program itself measured, and the processor time of all its processes, the recorder's among
them, which says something on a machine that is busy, too. --memray: a folder that holds the module (`pip install --target`)."""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SMALL = """
def make(depth):
    return make(depth - 1) if depth else [[] for _ in range(2000000)]
kept = make(20)
"""
REALISTIC = """
import json, re
TOKEN = re.compile(r'(?P<number>\\d+)|(?P<name>\\w+)|(?P<text>"[^"]*")|(?P<sign>[-+*/=()<>,.])')
class Row:
    def __init__(self, fields):
        self.__dict__.update(fields)
        self.tags = ['%s-%s' % pair for pair in fields.items()]
    def total(self):
        return self.price * self.amount
def documents(count):
    for number in range(count):
        yield {'id': number, 'name': 'product %d' % number, 'price': number * 1.25, 'amount': number % 9,
               'parts': [{'part': part, 'weight': part / 7} for part in range(10)]}
def tokens(text):
    return [(found.lastgroup, found.group()) for found in TOKEN.finditer(text)]
total, store = 0, {}
for document in documents(12000):
    again = json.loads(json.dumps(document))
    store[again['id'] % 3000] = again
source = 'total = price * (amount + 12) - discount("summer", 3) / rate.value, '
for line in range(4000):
    total += len(tokens(source * 4))
rows = [Row(document) for _ in range(8) for document in store.values()]
rows.sort(key=Row.total)
total += sum(len(row.tags) for row in rows)
"""
TIMED = "import time\n_begin = time.perf_counter()\n{}\nimport sys\nsys.stderr.write('inside %.6f\\n' % (time.perf_counter() - _begin))\n"
LIMITS = {"small": 3.0, "realistic": 2.0}


class Way:
    """One way to run a program: words before the interpreter, between it and the script, and environment."""

    def __init__(self, name, before=(), between=(), env=None):
        self.name, self.before, self.between, self.env = name, list(before), list(between), {**os.environ, **(env or {})}
        self.wall, self.inside, self.processor = [], [], []

    def run(self, python, script):
        begin, before = time.monotonic(), os.times()
        done = subprocess.run([*self.before, python, *self.between, script], env=self.env, capture_output=True, text=True)
        after = os.times()
        self.wall.append(time.monotonic() - begin)
        self.processor.append(after.children_user + after.children_system - before.children_user - before.children_system)
        said = [line for line in done.stderr.splitlines() if line.startswith("inside ")]
        if done.returncode or not said:
            sys.exit(f"{self.name}: status {done.returncode}: {done.stderr[-500:]}")
        self.inside.append(float(said[0].split()[1]))


def ways_of(cairn, folder, memray):
    record = [cairn, "record", "-q", "-f", "-o", f"{folder}/bench.cairn"]
    ways = [Way("plain"), Way("cairn", before=[*record, "--"]), Way("cairn, no graph", before=[*record, "--graph", "off", "--"]),
            Way("tracemalloc 1", between=["-X", "tracemalloc=1"]), Way("tracemalloc 25", between=["-X", "tracemalloc=25"])]
    if memray:
        words = ["-m", "memray", "run", "-q", "-f", "--trace-python-allocators", "-o", f"{folder}/bench.memray"]
        ways.append(Way("memray", between=words, env={"PYTHONPATH": memray}))
    return ways


def measure(name, text, options, folder):
    script, ways = Path(folder, f"{name}.py"), ways_of(str(Path(options.build, "cairn").resolve()), folder, options.memray)
    script.write_text(TIMED.format(text))
    for _ in range(options.runs):
        for way in ways:
            way.run(options.python, str(script))
    plain = ways[0]
    print(f"{name}: medians of {options.runs} interleaved rounds, {options.python}")
    for way in ways:
        cells = [f"  {way.name:15}"]
        for what in ("wall", "inside", "processor"):
            median = statistics.median(getattr(way, what))
            cells.append(f"{what} {median:6.2f} s {median / statistics.median(getattr(plain, what)):6.2f}x")
        print("  ".join(cells), f" from {min(way.wall):.2f} to {max(way.wall):.2f} s", flush=True)
    ratio = statistics.median(ways[1].wall) / statistics.median(plain.wall)
    print(f"  cairn, all in all: {ratio:.2f}x, {'within' if ratio <= LIMITS[name] else 'over'} {LIMITS[name]:.1f}x")
    return ratio <= LIMITS[name]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memray")
    parser.add_argument("programs", nargs="*", help="small, realistic (both)")
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        held = [measure(name, text, options, folder) for name, text in (("small", SMALL), ("realistic", REALISTIC))
                if not options.programs or name in options.programs]
    sys.exit(not all(held))


main()
