#!/usr/bin/env python3
"""run_forty.py [FROM-TO|NUMBER…] [--runs N]: programs of every kind, recorded (rows.py has the table).

Of each holds: the same output and exit status as without a recorder, no hang, and recorded and reported as lost together are the
program's own books; and what is the row's own. Each runs once, with CAIRN_LONG=1 twenty times in a row. What this machine has
not is skipped by name."""
import os
import sys
import time

from recording import Bench, Fault, Skip
from rows import ROWS

LONG_RUNS = 20


def run_row(number, name, row, runs):
    """Whether it held, every time."""
    began, said = time.monotonic(), None
    for turn in range(1, runs + 1):
        bench = Bench()
        try:
            said = row(bench)
        except Skip as skip:
            print(f"{number:2} {name}: SKIPPED, {skip}", flush=True)
            return True
        except Fault as fault:
            print(f"{number:2} {name}: FAILED in run {turn}: {fault}", flush=True)
            return False
        finally:
            bench.release()
    print(f"{number:2} {name}: ok, {time.monotonic() - began:.1f} s{': ' + said if said else ''}", flush=True)
    return True


def numbers(words):
    chosen = set()
    for word in words:
        first, _, last = word.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1))
    return chosen


def main():
    words = sys.argv[1:]
    runs = LONG_RUNS if os.environ.get("CAIRN_LONG") else 1
    if "--runs" in words:
        at = words.index("--runs")
        runs = int(words[at + 1])
        del words[at:at + 2]
    chosen = numbers(words) or {row[0] for row in ROWS}
    held = [run_row(*row, runs) for row in ROWS if row[0] in chosen]
    print(f"{held.count(True)} of {len(held)} rows hold, {runs} run{'s' if runs > 1 else ''} each")
    sys.exit(not all(held))


main()
