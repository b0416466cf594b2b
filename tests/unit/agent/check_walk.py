#!/usr/bin/env python3
"""check_walk.py [--least N] [--every N] [--depth N] [--guesses] CHECK_WALK_SO PROGRAM [ARGUMENT…]

Runs a program alone and under check_walk.so, which captures the stack of every allocation and holds it equal to what
libunwind steps through. Fails where a stack differs, where fewer than N were compared, or where the program's output or
exit status is another one. --guesses allows frames without call frame information, beyond which libunwind is no measure.
Prints what was compared, children included."""
import argparse
import glob
import os
import struct
import subprocess
import sys
import tempfile

# struct check_walk_results (check_walk.h)
FIELDS = ("captures compared equal truncated oracle_early guessed stopped differences malformed frames text_bytes").split()


def read_results(name):
    with open(name, "rb") as file:
        data = file.read()
    head = 8 * len(FIELDS)
    results = dict(zip(FIELDS, struct.unpack(f"<{len(FIELDS)}Q", data[:head])))
    return results, data[head:head + results["text_bytes"]].rstrip(b"\0").decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--depth", type=int, default=1024)
    parser.add_argument("--guesses", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, LD_PRELOAD=options.library, CAIRN_CHECK_WALK=f"{folder}/results",
                           CAIRN_CHECK_WALK_EVERY=str(options.every), CAIRN_CHECK_WALK_DEPTH=str(options.depth))
        alone = subprocess.run(options.command, capture_output=True)
        checked = subprocess.run(options.command, capture_output=True, env=environment)
        found = [read_results(name) for name in sorted(glob.glob(f"{folder}/results*"))]
    total = {field: sum(results[field] for results, _ in found) for field in FIELDS}
    print(" ".join(f"{field} {total[field]}" for field in FIELDS[:-1]))
    print("".join(text for _, text in found)[:10000], end="")
    faults = []
    if (alone.returncode, alone.stdout, alone.stderr) != (checked.returncode, checked.stdout, checked.stderr):
        faults.append(f"status {alone.returncode}, checked {checked.returncode}: {checked.stderr[-300:]!r}")
    if total["differences"] or total["stopped"] or total["malformed"]:
        faults.append("stacks differ from libunwind's")
    if total["oracle_early"] or (total["guessed"] and not options.guesses):
        faults.append("libunwind ended early or guessed, and nothing says why")
    if total["compared"] < options.least:
        faults.append(f"fewer than {options.least} stacks were compared")
    for fault in faults:
        print(f"{os.path.basename(options.command[0])}: {fault}")
    sys.exit(bool(faults))


main()
