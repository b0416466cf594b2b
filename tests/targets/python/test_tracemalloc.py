#!/usr/bin/env python3
"""test_tracemalloc.py BUILD_DIR [--python VERSION…] [PROGRAM…]: bytes and blocks by line and by stack are those of tracemalloc.

Each program runs twice, alike but for who looks: with tracemalloc and without cairn, and recorded without tracemalloc. Both in one
process would be no comparison: tracemalloc's own tables come from the heap that cairn records, and its snapshots fill the
interpreter's free lists. Compared is what was allocated since tracemalloc began and is live at the mark: every line, and every
whole stack, with more than 1 % of all, within 2 %.

Free lists make no allocator event. A block that the interpreter takes from one of them is, for tracemalloc, allocated anew by the
line that took it; for cairn it is the block that never left, of the line that made it. So the oracle is tracemalloc with just
that switched off (LESSON_REUSE, moments.py), and nothing else may differ; a third run, with plain tracemalloc, names the lines
where it matters (--names)."""
import argparse
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import ENVIRONMENT, HERE, LESSON, Report, interpreters, record, rows, share

SHARE_SEEN, SHARE_OFF = 0.01, 0.02
PROGRAMS = [LESSON / f"{row}.py" for row in ("row02_statistics", "row04_compare", "row06_top", "row07_ratio", "row09_lru")]
PROGRAMS += sorted((HERE / "programs").glob("*.py"))
TOTAL_SEEN = 20000  # bytes; at the first moment of a lesson there is nothing yet but a handful of blocks
NOT_INSTALLED = 77
TAKES_RAW = ("arrays",)  # numpy's shapes come from PyMem_RawMalloc, its data from calloc
FRAMES = 61  # what moments.py has tracemalloc keep
OURS = ("moments.py", "cairn.py")

LIVE = """SELECT a.stack, a.domain, sum(survived_bytes) AS bytes, sum(survived_blocks) AS blocks FROM heap_diff('@{}', '@{}')
JOIN account a USING (account) WHERE a.domain <= 2 GROUP BY a.stack, a.domain HAVING blocks > 0"""
STACKS = "SELECT s.stack, s.parent, t.file, t.line, t.lang FROM stack s JOIN frame_text t USING (frame)"


def oracle(python, program, folder, reuse):
    """tracemalloc's answer, None where the program needs what is not installed."""
    file = Path(folder, "oracle.json")
    done = subprocess.run([python, str(program)], env={**ENVIRONMENT, "LESSON_ORACLE": str(file), "LESSON_REUSE": reuse}, capture_output=True, text=True, timeout=120)
    if done.returncode == NOT_INSTALLED:
        return None
    assert done.returncode == 0, done.stderr
    return {moment: [(tuple(map(tuple, frames)), size, count) for frames, size, count in said]
            for moment, said in json.loads(file.read_text())["moments"].items()}


class Stacks:
    def __init__(self, cairn, trace):
        self.known = {row["stack"]: row for row in rows(cairn, trace, STACKS)}

    def frames(self, stack):
        """(Python frames, innermost first; whether the allocator was called by C code outside of the interpreter)"""
        frames, native = [], False
        while stack:
            row = self.known[stack]
            if row["lang"] == "python":
                frames.append((row["file"], row["line"] or 0))
            else:
                native = native or not frames
            stack = row["parent"]
        return tuple(frames), native


def recorded(cairn, trace, since, moment, stacks):
    """Two lists of (frames, bytes, blocks): what tracemalloc sees too, and what extensions took from malloc, by the interpreter's raw
    allocator (then tracemalloc sees it) or directly (then not): which of them does not show in a stack without --native."""
    seen, perhaps = [], []
    for row in rows(cairn, trace, LIVE.format(since, moment)):
        frames, native = stacks.frames(row["stack"])
        if frames and not any(os.path.basename(file) in OURS for file, _ in frames):
            (perhaps if row["domain"] == 0 and native else seen).append((frames, row["bytes"], row["blocks"]))
    return seen, perhaps


def summed(live, key):
    groups = {}
    for frames, size, count in live:
        known = groups.setdefault(key(frames), [0, 0])
        known[0] += size
        known[1] += count
    return groups


def say(frames):
    return " < ".join(f"{file}:{line}" for file, line in frames)


def is_near(ours, theirs, few, more=0):
    """`more`: so much may come to what is ours."""
    off = max(theirs * SHARE_OFF, few)
    return ours - off <= theirs <= ours + more + off


def compare(moment, ours, theirs):
    """Yields (whether it agrees, what was compared)."""
    total = sum(size for _, size, _ in theirs)
    if total < TOTAL_SEEN:
        return
    for what, key in (("line", lambda frames: frames[:1]), ("stack", lambda frames: frames[:FRAMES])):
        mine, more, other = summed(ours[0], key), summed(ours[1], key), summed(theirs, key)
        for place in {*mine, *other}:
            size, count = other.get(place, (0, 0))
            own_size, own_count = mine.get(place, (0, 0))
            more_size, more_count = more.get(place, (0, 0))
            if max(size, own_size) > total * SHARE_SEEN:
                yield (is_near(own_size, size, 64, more_size) and is_near(own_count, count, 1, more_count),
                       f"@{moment} {what} {say(place)}: {own_size} bytes, {own_count} blocks; by tracemalloc {size}, {count}")


def reused(moment, plain, first_owner):
    """Lines that tracemalloc says something else of when a free list's block belongs to the line that took it first."""
    total = sum(size for _, size, _ in plain)
    by_line, by_first = (summed(live, lambda frames: frames[:1]) for live in (plain, first_owner))
    for place in sorted({*by_line, *by_first}):
        size, count = by_line.get(place, (0, 0))
        own_size, own_count = by_first.get(place, (0, 0))
        if total >= TOTAL_SEEN and max(size, own_size) > total * SHARE_SEEN and not (
                is_near(own_size, size, 64) and is_near(own_count, count, 1)):
            yield f"@{moment} {say(place)}: {own_size} bytes, {own_count} blocks; with reuse {size}, {count}"


def examine(job):
    """(version and program, [(whether it agrees, what)], [lines named]); None in the middle: what it imports is not installed."""
    cairn, version, python, program = job
    where, found, named = f"{version} {program.stem}", [], []
    with tempfile.TemporaryDirectory() as folder:
        said = oracle(python, program, folder, "0")
        if said is None:
            return where, None, named
        plain = oracle(python, program, folder, "1")
        trace = Path(folder, "program.cairn")
        done = record(cairn, trace, [python, program])
        found.append((done.returncode == 0, f"record: status {done.returncode}: {done.stderr[-300:]}"))
        if done.returncode == 0:
            stacks, since = Stacks(cairn, trace), "moments" if program.parent == LESSON else "begin"
            for moment, theirs in said.items():
                seen, perhaps = recorded(cairn, trace, since, moment, stacks)
                found += compare(moment, (seen, perhaps if program.stem in TAKES_RAW else []), theirs)
                named += reused(moment, plain[moment], theirs)
    return where, found, named


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    parser.add_argument("--names", action="store_true", help="list the lines where free lists make a difference")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    named = [program for program in PROGRAMS if program.stem in options.programs]
    jobs = [(cairn, version, python, program) for version, python in interpreters(options.python).items()
            for program in named or share(PROGRAMS, version, python)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for where, found, named in pool.map(examine, jobs):
            report.where = where
            for agrees, what in found or ():
                report.check(agrees, what)
            if found is None:
                print(f"skipped: {where}: what it imports is not installed")
            for line in named if options.names else ():
                print(f"free lists: {where}: {line}")
    report.finish()


main()
