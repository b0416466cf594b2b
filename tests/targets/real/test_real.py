#!/usr/bin/env python3
"""test_real.py BUILD_DIR [SCALE]: real programs under `cairn record`.

Holds for each: the same output, errors and status as without us; and, where heaptrack is installed, allocations within 0.01 %
and peak within 0.1 % of heaptrack's own run. What differs by design: heaptrack starts to count when its library is
initialised and counts its own C++ run-time's emergency pool; we count from the first malloc on. A few blocks either way."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import heaptrack  # noqa: E402
import workloads  # noqa: E402

SLACK_BLOCKS, SLACK_BYTES = 12, 90000  # start-up and the emergency pool, 72,704 bytes


def run(argv, env):
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def info(cairn, trace):
    return json.loads(subprocess.run([cairn, "info", trace, "--format", "json"], capture_output=True, check=True).stdout)


def root_totals(cairn, trace):
    """Totals of the first process alone: heaptrack records no children."""
    top = json.loads(subprocess.run([cairn, "top", trace, "--process", "1", "--at", "peak", "--limit", "1", "--format", "json"],
                                    capture_output=True, check=True).stdout)
    return top["total"]


def near(what, ours, theirs, share, slack):
    if abs(ours - theirs) > max(theirs * share, slack):
        return [f"{what}: {ours} here, {theirs} by heaptrack"]
    return []


def check(cairn, name, work, folder):
    faults = []
    env, trace = work.environment(), f"{folder}/{name}.cairn"
    plain = run(work.argv, env)
    recorded = run([cairn, "record", "--quiet", "-f", "-o", trace, *work.options, "--", *work.argv], env)
    for what, a, b in zip(("status", "stdout", "stderr"), plain, recorded):
        if a != b:
            faults.append(f"{what}: {str(a)[:200]} plain, {str(b)[:200]} recorded")
    facts = info(cairn, trace)
    if not facts["complete"] or facts["lost_events"]:
        faults.append(f"complete {facts['complete']}, lost {facts['lost_events']}")
    totals = root_totals(cairn, trace)
    line = f"{name}: {totals['allocations']} allocations, peak {totals['peak_bytes']}"
    if shutil.which("heaptrack"):
        run(["heaptrack", "-o", f"{folder}/{name}", *work.argv], env)
        theirs = heaptrack.totals(f"{folder}/{name}.zst")
        line += f"; heaptrack {theirs['allocations']}, {theirs['peak_bytes']}"
        faults += near("allocations", totals["allocations"], theirs["allocations"], 0.0001, SLACK_BLOCKS)
        faults += near("peak", totals["peak_bytes"], theirs["peak_bytes"], 0.001 if work.deterministic else 0.2, SLACK_BYTES)
    print(line, flush=True)
    return [f"{name}: {fault}" for fault in faults]


def main():
    cairn = os.path.join(os.path.abspath(sys.argv[1]), "cairn")
    scale = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    faults = []
    if not shutil.which("heaptrack"):
        print("heaptrack is not installed: its totals are not compared")
    with tempfile.TemporaryDirectory() as folder:
        for name, work in workloads.prepare(folder + "/work", scale).items():
            faults += check(cairn, name, work, folder)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    sys.exit(bool(faults))


main()
