#!/usr/bin/env python3
"""same_output.py RING_DUMP AGENT PROGRAM [ARGUMENT…]

Runs a program alone and under the agent, with ring_dump as its collector. Fails where output or status differ, or where
the rings held what the wire does not allow."""
import subprocess
import sys


def main():
    ring_dump, agent, *command = sys.argv[1:]
    alone = subprocess.run(command, capture_output=True, text=True)
    recorded = subprocess.run([ring_dump, "--agent", agent, "--quiet", "--", *command], capture_output=True, text=True)
    *output, last = recorded.stdout.splitlines() or [""]
    print(last)
    good = (recorded.returncode == 0 and output == alone.stdout.splitlines() and recorded.stderr == alone.stderr and
            f" 0 faults; the program ended with status {alone.returncode}" in last)
    if not good:
        print(f"alone: {alone.returncode} {alone.stdout!r} {alone.stderr!r}\nrecorded: {output!r} {recorded.stderr!r}")
    sys.exit(not good)


main()
