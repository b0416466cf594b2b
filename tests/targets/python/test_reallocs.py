#!/usr/bin/env python3
"""test_reallocs.py BUILD_DIR [--python VERSION…]: blocks of the interpreter that grow, shrink and move.

What lists and bytearrays hold agrees with their own sys.getsizeof() at every moment; what grows while the recording is paused is known
to be gone; and interpreters with locks of their own do not take each other's blocks away."""
import argparse
import os
import sys
import tempfile
from pathlib import Path

from support import ENVIRONMENT, Report, ask, interpreters, record, rows

LISTS = """
import cairn, sys
def grow_list(kept, count):
    for number in range(count):
        kept.append(number % 100)
def cut_list(kept, count):
    del kept[count:]
def grow_bytes(data, count):
    for number in range(count):
        data.append(number % 100)
def held(lists):
    return sum(sys.getsizeof(kept) - sys.getsizeof([]) for kept in lists)
def say(moment):
    print(moment, held(lists), held(others), sum(sys.getsizeof(data) - sys.getsizeof(bytearray()) for data in bytes_of))
    cairn.mark(moment)
lists, others, bytes_of = [[] for _ in range(200)], [[] for _ in range(200)], [bytearray() for _ in range(50)]
for turn in range(3):
    for index, kept in enumerate(lists):
        grow_list(kept, index * (turn + 1))
    for data in bytes_of:
        grow_bytes(data, 700)
    say(f'grown{turn}')
for index, (kept, other) in enumerate(zip(lists, others)):
    grow_list(other, 900)
    cut_list(other, index)
say('cut')
cairn.pause()
for kept in lists:
    grow_list(kept, 3000)
cairn.resume()
say('paused')
kept = other = data = None
del lists[:], others[:], bytes_of[:]
say('gone')
"""
# 'cut_list' holds what it made smaller; in 'paused' the lists that grew are no longer known.
HELD = """SELECT sum(h.live_bytes * (f.function = 'grow_list')) AS grow_list, sum(h.live_bytes * (f.function = 'cut_list')) AS cut_list,
sum(h.live_bytes * (f.function = 'grow_bytes')) AS grow_bytes FROM heap_at('@{}') h JOIN account a USING (account)
JOIN stack s ON s.stack = a.stack JOIN frame_text f USING (frame)"""

# Hardly anything but reallocs, while graphs are asked for: those records are made the slow way, too.
ASKED = """
import time
data, chunk = bytearray(10), b'x' * 3000
resize, clock = data.__iadd__, time.monotonic
end = clock() + 1.5
while clock() < end:
    for _ in (None,) * 100:
        resize(chunk)
        del data[10:]
print('done')
"""

# 3.12 on: a lock for each interpreter. Blocks over 512 bytes come from the C library, whose one arena hands them
# from one to the other.
INTERPRETERS = """
import sys, threading
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
WORK = '''
for turn in range(60):
    for size in range(8):
        kept = []
        for number in range(400 + 100 * size):
            kept.append(None)
        data = bytearray()
        for number in range(300):
            data += bytes(50)
'''
def run():
    made = _interpreters.create()
    _interpreters.run_string(made, WORK)
    _interpreters.destroy(made)
threads = [threading.Thread(target=run) for _ in range(3)]
for thread in threads: thread.start()
exec(WORK)
for thread in threads: thread.join()
print('done')
"""
LOST = "SELECT sum(kind = 'lost') AS lost, sum(kind = 'realloc') AS reallocs FROM events"


def check_lists(report, cairn, python, trace):
    done = record(cairn, trace, [python, "-c", LISTS])
    if not report.check(done.returncode == 0, f"status {done.returncode}: {done.stderr[-300:]}"):
        return
    for line in done.stdout.splitlines():
        moment, *sizes = line.split()
        lists, others, data = map(int, sizes)
        ours = rows(cairn, trace, HELD.format(moment))[0]
        paused = moment == "paused"
        if not moment.startswith("cut"):
            report.check((ours["grow_list"] or 0) == (0 if paused else lists), f"@{moment}: lists {ours}, {lists} by getsizeof")
            report.check((ours["cut_list"] or 0) == others, f"@{moment}: lists that were cut {ours}, {others} by getsizeof")
        report.check((ours["grow_list"] or 0) + (ours["cut_list"] or 0) == (0 if paused else lists) + others,
                     f"@{moment}: all lists {ours}, {lists} and {others} by getsizeof")
        report.check((ours["grow_bytes"] or 0) == data, f"@{moment}: bytearrays {ours}, {data} by getsizeof")


def check_asked(report, cairn, python, trace):
    done = record(cairn, trace, [python, "-c", ASKED], options=["--graph", "100ms"])
    if not report.check(done.returncode == 0 and done.stdout == "done\n", f"status {done.returncode}: {done.stderr[-300:]}"):
        return
    info, found = ask(cairn, "info", trace), rows(cairn, trace, LOST)[0]
    report.check(info["complete"] and found["lost"] == 0 and info["lost_events"] == 0 and info["events"]["unknown_free"] == 0,
                 f"while graphs are asked for: {found}, lost {info['lost_events']}, unknown {info['events']['unknown_free']}: {info['notes']}")
    report.check(info["graphs"], "no graph was taken")


def check_interpreters(report, cairn, python, trace):
    done = record(cairn, trace, [python, "-c", INTERPRETERS], env={**ENVIRONMENT, "MALLOC_ARENA_MAX": "1"})
    if not report.check(done.returncode == 0 and done.stdout == "done\n", f"status {done.returncode}: {done.stderr[-300:]}"):
        return
    info, found = ask(cairn, "info", trace), rows(cairn, trace, LOST)[0]
    report.check(found["lost"] == 0 and info["lost_events"] == 0 and info["events"]["unknown_free"] == 0,
                 f"interpreters: {found}, lost {info['lost_events']}, unknown {info['events']['unknown_free']}")
    report.check(found["reallocs"] > 10000, f"interpreters: {found}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    for version, python in interpreters(options.python).items():
        report.where = version
        with tempfile.TemporaryDirectory() as folder:
            check_lists(report, cairn, python, Path(folder, "lists.cairn"))
            check_asked(report, cairn, python, Path(folder, "asked.cairn"))
            if int(version.split(".")[1]) >= 12:
                check_interpreters(report, cairn, python, Path(folder, "interpreters.cairn"))
    report.finish()


if __name__ == "__main__":
    sys.exit(main())
