#!/usr/bin/env python3
"""How long the viewer takes from a key to the whole screen that comes of it.

keys.py BUILD TRACE [--keys N] [--seed S] [--size 200x60]   medians, 99th percentiles and the slowest keys of N mixed keys

A pty of its own, one key at a time. A key is answered when nothing was written for a while and every thread of the viewer sleeps; its
time ends with the last byte before that. Goals: 99 of 100 keys within 50 ms, scrub steps within 16 ms, 256 MiB in the end."""
import argparse
import fcntl
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

QUIET = 0.03  # seconds without output before the threads are looked at
GOALS = {"all": 50.0, "scrub": 16.0}  # ms, of the 99th percentile

# What a session is made of: (kind, keys that are typed one by one). A tour ends where it began.
TOURS = [
    ("scrub", ["1", *",,,..,,.", "[", "[", "]", "{", "}", "]"]),
    ("scrub", ["1", "p", *".........", "{", *",,,"]),
    ("sort", ["1", ">", ">", "S", "<", "S", "<", "j", "k", "G", "g"]),
    ("drill", ["1", "j", "\r", "j", "\r", "j", "\x1b", "\x1b", "t", "\x1b"]),
    ("diff", ["[", "[", "a", "]", "]", "b", "d", "j", "\r", "j", "z", "z", "\x1b", "X", "u"]),
    ("flame", ["3", "j", "j", "\r", "l", "j", "\r", "\x1b", "\x1b", "h", "k"]),
    ("tree", ["2", "H", "k", "h", "j", "l", "i", "j", "i", "+", "-"]),
    ("question", ["1", "v", "V", "m", "M", "c", "c"]),
    ("screens", ["6", "7", "8", "5", "1"]),
]


class Viewer:
    def __init__(self, build, trace, width, height, folder):
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": folder, "XDG_CONFIG_HOME": folder,
                       "XDG_STATE_HOME": folder}
        self.written = []  # since the last key: (seconds, bytes)
        start = time.monotonic()
        self.process = subprocess.Popen([build / "cairn", "view", trace], stdin=slave, stdout=slave, env=environment,
                                        start_new_session=True)
        os.close(slave)
        self.first = self.settle(start)

    def sleeps(self):
        """Whether every thread waits for something."""
        for stat in Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            try:
                if stat.read_text().rsplit(")", 1)[1].split()[0] not in "SZ":
                    return False
            except OSError:
                pass
        return True

    def settle(self, start):
        """Seconds from `start` to the last byte written, once all is quiet."""
        last = None
        self.written.clear()
        while True:
            ready, _, _ = select.select([self.master], [], [], QUIET)
            if ready:
                text = os.read(self.master, 1 << 16)
                last = time.monotonic()
                self.written.append((last - start, text))
            elif self.process.poll() is not None:
                sys.exit(f"the viewer ended with status {self.process.returncode}")
            elif self.sleeps() and (last is not None or time.monotonic() - start > 0.2):
                return (last or start) - start

    def press(self, key):
        start = time.monotonic()
        os.write(self.master, key.encode())
        return self.settle(start)

    def resident(self):
        """Bytes: now, and the most there ever were."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        values = {line.split()[0]: int(line.split()[1]) * 1024 for line in status if line.startswith(("VmRSS:", "VmHWM:"))}
        return values["VmRSS:"], values["VmHWM:"]

    def close(self):
        os.write(self.master, b"Q")
        try:
            while os.read(self.master, 1 << 16):
                pass
        except OSError:
            pass
        self.process.wait()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def strokes(dice, count):
    """(kind, key) pairs; keys that only lead to a place are of kind "move"."""
    typed = []
    while len(typed) < count:
        kind, keys = dice.choice(TOURS)
        typed += [("scrub" if key in ",.[]{}" else "screens" if key in "12345678" else kind, key) for key in keys]
    return typed[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", default="200x60")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        viewer = Viewer(arguments.build.resolve(), arguments.trace, width, height, folder)
        taken = [(viewer.press(key) * 1e3, kind, key) for kind, key in strokes(random.Random(arguments.seed), arguments.keys)]
        resident, most = viewer.resident()
        viewer.close()
    print(f"first screen, all of it: {viewer.first * 1e3:.1f} ms; {len(taken)} keys at {arguments.size}, seed {arguments.seed}")
    met = resident <= 256 << 20
    for kind in ["all", *sorted({kind for _, kind, _ in taken})]:
        times = [time_ms for time_ms, of, _ in taken if kind in ("all", of)]
        high, goal = percentile(times, 0.99), GOALS.get(kind)
        met &= goal is None or high <= goal
        verdict = "" if goal is None else f"  (goal {goal:g}{'' if high <= goal else ': ABOVE'})"
        print(f"  {kind:9} {len(times):4} keys  p50 {statistics.median(times):6.1f} ms  p99 {high:6.1f} ms  most {max(times):6.1f} ms{verdict}")
    print("  slowest: " + ", ".join(f"{key!r} {of} {time_ms:.0f} ms" for time_ms, of, key in sorted(taken, reverse=True)[:12]))
    print(f"  resident: {resident / (1 << 20):.0f} MiB in the end, {most / (1 << 20):.0f} MiB at most (goal 256)")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
