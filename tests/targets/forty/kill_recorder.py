#!/usr/bin/env python3
"""kill_recorder.py: the recorder is killed (SIGKILL) at random moments, ten, with CAIRN_LONG=1 two hundred.

Of each holds: the program ends by itself with the same output; the trace says where it ends, its answers are those of that
moment, and it can be completed. How long its threads stood still at most is told beside the same of the program alone, run in
turn.

How long they waited for the recorder that had been killed is told apart, and how much of that was the machine's: time in which the
thread was ready to run and had no processor, and in which the recorder was to end and had none (the kernel counts both). In a long
run the rest must be below what a person notices, every time; the longest step is held against a bound that a crowded machine
keeps, too."""
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from endings import wait_for
from recording import CAIRN, HANGS_S, Bench, Fault, expect, program

ROUNDS = 200 if os.environ.get("CAIRN_LONG") else 10
LONG = ROUNDS > 10
LONGEST_MS = 5000  # a program must never wait for a recorder that is gone; what is left is the machine's own
LONGEST_WAIT_MS = 100  # what is ours of it


def lines_of(path):
    return [(name, [int(value) for value in values]) for name, *values in map(str.split, Path(path).read_text().splitlines())]


def longest_ms(path):
    return dict(lines_of(path))["longest_us"][0] / 1000


def ended(path):
    return os.path.exists(path) and "longest_us" in Path(path).read_text()


def queued_ns(pid):
    """How long a process's first thread, dead ones' too, has stood ready without a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])


def alone(bench):
    """The same program without a recorder: how long a thread stood still at most, in ms."""
    bench.run([program("stall"), "300", bench.path("alone")])
    return longest_ms(bench.path("alone"))


def waits_ms(path, killed_ns, death_queued_ns):
    """The longest wait after the kill: whole, without the thread's own time in the queue, and without the recorder's either."""
    waits = [(0, 0, 0)]
    for waited, thread_queued, until in (values for name, values in lines_of(path) if name == "held"):
        whole = max(0, min(waited, until - killed_ns))
        waits.append((whole, max(0, whole - thread_queued), max(0, whole - thread_queued - death_queued_ns)))
    return [max(part) / 1e6 for part in zip(*waits)]


def kill_once(bench, after_s):
    """How long a thread of the program stood still at most, and its waits for the recorder, in ms; None where the program had not
    begun."""
    steps = bench.path("steps")
    with open(bench.path("out"), "w+") as out:
        record = subprocess.Popen([CAIRN, "record", "-q", "-f", "-o", bench.trace, "--", program("stall"), "300", steps],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=bench.folder)
        time.sleep(after_s)
        children = Path(f"/proc/{record.pid}/task/{record.pid}/children").read_text().split()
        begun = bool(children) and os.path.basename(os.readlink(f"/proc/{children[0]}/exe")) == "stall"
        over = record.poll() is not None
        queued_before_ns, killed_ns = queued_ns(record.pid), time.monotonic_ns()
        os.kill(record.pid, signal.SIGKILL)
        os.waitid(os.P_PID, record.pid, os.WEXITED | os.WNOWAIT)
        death_queued_ns = queued_ns(record.pid) - queued_before_ns
        record.wait()
        if not begun:
            return None
        wait_for(lambda: ended(steps), "the program does not end")
        wait_for(lambda: not os.path.exists(f"/proc/{children[0]}"), "the program stays")
        out.seek(0)
        expect(out.read() == "4 threads ended\n", "the program said something else")
    expect(not over, "the recorder ended by itself")
    check_trace(bench)
    return longest_ms(steps), *waits_ms(steps, killed_ns, death_queued_ns)


def check_trace(bench):
    before = bench.info()
    if not before["complete"]:
        text = bench.run([CAIRN, "info", bench.trace])[1]
        expect("incomplete" in text and "--repair" in text, f"info does not say where it ends: {text}")
    total = bench.answer("top", bench.trace, "--at", "end")["total"]
    status, _, err = bench.run([CAIRN, "info", "--repair", bench.trace])
    expect(status == 0, f"it cannot be completed: {err}")
    after = bench.info()
    expect(after["complete"] and after["events"] == before["events"], "completing it changed what it holds")
    expect(bench.answer("top", bench.trace, "--at", "end")["total"] == total, "the answers changed")
    expect(sorted(name for name in os.listdir(bench.folder) if name.startswith("t.cairn")) == ["t.cairn"], "files were left")


def spread(values_ms):
    ordered = sorted(values_ms)
    return f"median {ordered[len(ordered) // 2]:.2f} ms, 95 % {ordered[len(ordered) * 95 // 100]:.2f} ms, at most {ordered[-1]:.2f} ms"


def main():
    plain, killed, unbegun = [], [], 0
    for turn in range(ROUNDS):
        after_s = random.uniform(0.02, 0.3)
        bench = Bench()
        try:
            plain.append(alone(bench))
            took = kill_once(bench, after_s)
        except Fault as fault:
            print(f"killed after {after_s * 1000:.0f} ms, round {turn + 1}: {fault}")
            sys.exit(1)
        except FileNotFoundError:
            took = None  # it had ended before it could be looked at
        finally:
            bench.release()
        if took is None:
            unbegun += 1
        else:
            killed.append(took)
    print(f"{len(killed)} of {ROUNDS} programs ran on, {unbegun} had not begun")
    if not killed:
        return
    longest, waited, running, ours = zip(*killed)
    print(f"the longest step of each: {spread(longest)}\nof the same program alone: {spread(plain)}\n"
          f"waiting for the recorder that was killed: {spread(waited)}\n"
          f"and not for a processor: {spread(running)}\nnor for the recorder's: {spread(ours)}")
    sys.exit(max(longest) > LONGEST_MS or (LONG and max(ours) > LONGEST_WAIT_MS))


main()
