#!/usr/bin/env python3
"""What object graphs cost: the program's pause, the time until the graph is in the trace, memory, bytes of the file.

graph.py BUILD [--runs N] [--large]   medians of N runs; --large: ten million native blocks too

The time is from the graph's moment, right before the program ends, to the recorder's end, less the same of recordings without
graphs (which write the rest of the trace in it)."""
import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = """
class Point:
    def __init__(self, i):
        self.x, self.name = i + 1000.5, "name-%d" % i
points = [Point(i) for i in range(340000)]
"""
MIB = 1 << 20


class Run:
    def __init__(self, build, folder, command, graph):
        trace = Path(folder, "graph.cairn")
        start = time.monotonic()
        process = subprocess.Popen([build / "cairn", "record", "-q", "-f", "--graph", graph, "-o", trace, *command])
        self.memory = 0
        while process.poll() is None:
            self.memory = max(self.memory, peak_of(process.pid))
            time.sleep(0.01)
        wall = time.monotonic() - start
        connection = sqlite3.connect(trace)
        ended, = connection.execute("SELECT ended_ns FROM process WHERE process = 1").fetchone()
        row = connection.execute("SELECT t_ns, pause_ns, objects, edges FROM graph").fetchone()
        connection.close()
        moment, self.pause, self.objects, self.edges = row or (ended, 0, 0, 0)
        self.end = wall - moment / 1e9
        self.file = trace.stat().st_size


def peak_of(pid):
    """Bytes, 0 where the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def measure(build, folder, name, command, runs, limits):
    def median(of, key):
        return statistics.median(getattr(run, key) for run in of)

    plain = [Run(build, folder, command, "off") for _ in range(runs)]
    taken = [Run(build, folder, command, "end") for _ in range(runs)]
    figures = {
        "pause ms": median(taken, "pause") / 1e6,
        "in trace s": median(taken, "end") - median(plain, "end"),
        "file MB": (median(taken, "file") - median(plain, "file")) / 1e6,
        "recorder MB": median(taken, "memory") / 1e6,
    }
    print(f"{name}: {taken[0].objects:,} objects, {taken[0].edges:,} edges")
    for what, value in figures.items():
        limit = limits.get(what)
        verdict = "" if limit is None else f"  (at most {limit:g}{'' if value <= limit else ': ABOVE'})"
        print(f"  {what:12} {value:10.2f}{verdict}")
    return all(value <= limits.get(what, value) for what, value in figures.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--only", choices=["python", "native", "large"])
    arguments = parser.parse_args()
    build, runs, only = arguments.build.resolve(), arguments.runs, arguments.only
    heap, good = build / "tests" / "bench" / "graph_heap", True
    with tempfile.TemporaryDirectory() as folder:
        if only in (None, "python"):
            good &= measure(build, folder, "Python", [arguments.python, "-c", PYTHON], runs,
                            {"pause ms": 20, "in trace s": 5, "file MB": 40})
        if only in (None, "native"):
            good &= measure(build, folder, "native, 1 M blocks", [heap, "1000000"], runs, {"pause ms": 10, "in trace s": 2})
        if only == "large" or arguments.large:
            good &= measure(build, folder, "native, 10 M blocks", [heap, "10000000"], runs,
                            {"pause ms": 60, "in trace s": 20, "recorder MB": 1500})
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
