#!/usr/bin/env python3
"""test_stacks.py BUILD_DIR [--python VERSION…]: stacks are those of traceback.extract_stack, frame by frame.

stack_shapes.py allocates blocks of sizes that occur once and notes, in the same line, what the interpreter says of the stack. One
recording with the usual depth (the outer end of deep stacks is cut, and marked), one with --max-depth 20, one with the C frames."""
import argparse
import json
import os
import tempfile
from pathlib import Path

from support import ENVIRONMENT, HERE, Report, interpreters, record, rows

EVENTS = "SELECT e.size, a.stack FROM events e JOIN account a USING (account) WHERE e.kind = 'alloc' AND e.size > 1000000 AND e.size < 1010000"
STACKS = """SELECT s.stack, s.parent, t.file, t.line, t.function, t.lang, f.kind FROM stack s JOIN frame_text t USING (frame)
JOIN frame f USING (frame)"""
CUT = 1  # frame.kind


def stacks_by_size(cairn, trace):
    """{size: (Python frames, innermost first; whether its outer end is cut)}"""
    known, found = {row["stack"]: row for row in rows(cairn, trace, STACKS)}, {}
    for row in rows(cairn, trace, EVENTS):
        frames, stack, cut = [], row["stack"], False
        while stack:
            frame = known[stack]
            cut = cut or frame["kind"] == CUT
            if frame["lang"] == "python" and frame["kind"] == 0:
                frames.append([frame["file"], frame["line"], frame["function"]])
            stack = frame["parent"]
        found.setdefault(row["size"], []).append((frames, cut))
    return found


def examine(report, cairn, python, folder, options, depth):
    trace, oracle = Path(folder, "stacks.cairn"), Path(folder, "stacks.json")
    done = record(cairn, trace, [python, HERE / "stack_shapes.py"], env={**ENVIRONMENT, "STACKS_ORACLE": str(oracle)}, options=options)
    if not report.check(done.returncode == 0, f"status {done.returncode}: {done.stderr[-500:]}"):
        return
    said, ours = json.loads(oracle.read_text()), stacks_by_size(cairn, trace)
    report.check(len(said) > 200, f"only {len(said)} stacks")
    for size, frames in said.items():
        found = ours.get(int(size), [])
        if not report.check(len(found) == 1, f"size {size}: {len(found)} events"):
            continue
        mine, cut = found[0]
        least = depth if depth < 64 else depth // 2  # of a cut stack; a usual depth leaves the cut where it is for a while
        kept = len(mine) if cut else len(frames)
        report.check(mine == frames[:kept] and cut == (len(frames) > depth) and (not cut or least <= kept <= depth),
                     f"size {size}{' cut' if cut else ''}:\n  here {mine[:8]} … {len(mine)}\n  said {frames[:8]} … {len(frames)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    for version, python in interpreters(options.python).items():
        for words, depth in (((), 256), (("--max-depth", "20"), 20), (("--native",), 256)):
            report.where = f"{version} {' '.join(words)}"
            with tempfile.TemporaryDirectory() as folder:
                examine(report, cairn, python, folder, words, depth)
    report.finish()


main()
