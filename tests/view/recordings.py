"""Recordings of small real programs: native, Python with object graphs, sampled, imported, still running."""

import os
import signal
import subprocess
import sys
import time

WORK = """
import cairn, json, sys, time
class Session:
    def __init__(self, i):
        self.name, self.items = f"n{i}", [str(i + j) for j in range(5)]
store = {}
for i in range(4000):
    store[i] = Session(i)
    json.loads(json.dumps(store[i].items))
    if i in (1000, 3000):
        cairn.graph(f"g{i}")
while len(sys.argv) > 1:
    store[len(store)] = Session(len(store))
    store.pop(len(store) // 2, None)
    time.sleep(0.01)
"""
PYTHON = [sys.executable, "-c", WORK]
SQLITE = ["sqlite3", ":memory:", "create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 30000) "
          "insert into t select x, hex(randomblob(20)) from c; create index i on t(b);"]
MASSIF = """desc: (none)
cmd: ./prog
time_unit: i
#-----------
snapshot=0
#-----------
time=0
mem_heap_B=0
mem_heap_extra_B=0
mem_stacks_B=0
heap_tree=empty
#-----------
snapshot=1
#-----------
time=1000
mem_heap_B=3000
mem_heap_extra_B=24
mem_stacks_B=0
heap_tree=detailed
n2: 3000 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n1: 2000 0x1: grow (a.c:7)
  n0: 2000 0x2: main (a.c:20)
 n0: 1000 0x3: load (b.c:9)
#-----------
snapshot=2
#-----------
time=2000
mem_heap_B=9000
mem_heap_extra_B=24
mem_stacks_B=0
heap_tree=peak
n1: 9000 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n1: 9000 0x1: grow (a.c:7)
  n0: 9000 0x2: main (a.c:20)
"""


def record(cairn, path, command, *options, check=True):
    subprocess.run([cairn, "record", "-q", "-f", *options, "-o", path, "--", *command], stdout=subprocess.DEVNULL,
                   check=check)
    return path


def import_massif(cairn, path):
    source = path + ".massif"
    with open(source, "w", encoding="ascii") as file:
        file.write(MASSIF)
    subprocess.run([cairn, "import", "-f", source, "-o", path], stdout=subprocess.DEVNULL, check=True)
    return path


def keep_recording(cairn, path, stack, *options):
    """A Python program that runs until the contextlib.ExitStack is closed."""
    process = subprocess.Popen([cairn, "record", "-q", "-f", *options, "-o", path, "--", *PYTHON, "on"], stdout=subprocess.DEVNULL,
                               start_new_session=True)

    def end():
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(end)
    while not os.path.exists(path):
        time.sleep(0.02)
    return path
