#!/usr/bin/env python3
"""What joining a server and leaving it again costs it afterwards: redis under load, joined and left so many times, beside a
second one that nobody touches.

    tests/bench/attach.py BUILD_DIR [--cycles 200] [--rounds 25] [--duration 100ms] [--at-least RATIO]

Before and after: requests a second and processor time a request, medians of rounds in turn on the two servers, and what both hold
in memory when all keys are gone. What counts is the joined server's part of the other's in the same round, so that a busy machine
cancels out: its medians before and after are compared. Fails where a request failed,
a recording is not whole, descriptors or shared memory stay, the memory grows with every recording, or the ratio is below --at-least.
77: redis is not installed."""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REQUESTS = 50000
LOAD = ["-c", "8", "-r", "10000", "-d", "100"]
COMMANDS = "set,get,lpush,lpop"
# Of the resident memory without keys, from an early recording to the last one, beyond what the other server grew by.
MOST_GROWTH_KIB = 512
EARLY_CYCLES = 10


class Server:
    def __init__(self, name, folder):
        self.name, self.socket = name, os.path.join(folder, name)
        self.rates, self.costs = [], []
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", folder],
                                        stdout=subprocess.DEVNULL)
        self.load = None
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                sys.exit("redis-server did not start")
            time.sleep(0.02)

    def tell(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, check=True).stdout

    def cpu_s(self):
        """Processor time of all its threads so far."""
        return sum(int(Path(path, "schedstat").read_text().split()[0])
                   for path in Path(f"/proc/{self.process.pid}/task").iterdir()) / 1e9

    def bench(self, requests):
        """One round."""
        before_s, began = self.cpu_s(), time.monotonic()
        subprocess.run(["redis-benchmark", "-s", self.socket, *LOAD, "-P", "16", "-n", str(requests), "-q", "-t", COMMANDS],
                       stdout=subprocess.DEVNULL, check=True)
        total = requests * len(COMMANDS.split(","))
        self.rates.append(total / (time.monotonic() - began))
        self.costs.append((self.cpu_s() - before_s) / total * 1e6)

    def begin_load(self):
        self.load = subprocess.Popen(["redis-benchmark", "-s", self.socket, *LOAD, "-l", "-q", "-t", COMMANDS],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def end_load(self):
        """What the clients complained of."""
        ended = self.load.poll()
        self.load.kill()
        err = self.load.communicate()[1]
        return err if ended is None else f"the load ended by itself, status {ended}: {err}"

    def failed_requests(self):
        return sum(map(int, re.findall(r"(?:failed_calls|rejected_calls|total_error_replies)[=:](\d+)", self.tell("info", "everything"))))

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))

    def empty_kib(self):
        """(resident, what redis itself counts), when all keys are gone."""
        self.tell("flushall", "sync")
        self.tell("memory", "purge")
        return self.resident_kib(), int(re.search(r"used_memory:(\d+)", self.tell("info", "memory")).group(1)) / 1024

    def maps(self):
        return Path(f"/proc/{self.process.pid}/maps").read_text().splitlines()

    def descriptors(self):
        """But for its clients' sockets."""
        folder = f"/proc/{self.process.pid}/fd"
        links = [os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)]
        return sorted(link for link in links if not link.startswith("socket:"))


class Measured:
    """Rounds on both servers in turn: medians of each, and of what the first one reached of the second."""

    def __init__(self, servers, rounds):
        for server in servers:
            server.bench(REQUESTS)
            server.rates, server.costs = [], []
        for turn in range(rounds):
            for server in servers if turn % 2 else servers[::-1]:
                server.bench(REQUESTS)
        self.rates = [statistics.median(server.rates) for server in servers]
        self.costs = [statistics.median(server.costs) for server in servers]
        self.rate = statistics.median(a / b for a, b in zip(*(server.rates for server in servers)))
        self.cost = statistics.median(a / b for a, b in zip(*(server.costs for server in servers)))


def record_once(cairn, server, folder, duration):
    """What is wrong with it, or None."""
    trace = os.path.join(folder, "t.cairn")
    done = subprocess.run([cairn, "attach", str(server.process.pid), "-q", "-f", "-o", trace, "--duration", duration],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return done.stderr
    info = json.loads(subprocess.run([cairn, "info", trace, "--format", "json"], capture_output=True, text=True, check=True).stdout)
    return None if info["complete"] and info["lost_events"] == 0 and info["events"]["alloc"] > 0 else f"not whole: {info}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--duration", default="100ms")
    parser.add_argument("--at-least", type=float, default=0)
    args = parser.parse_args()
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        print("skipped: redis is not installed")
        sys.exit(77)
    cairn = os.path.join(os.path.abspath(args.build), "cairn")
    folder = tempfile.mkdtemp(prefix="cairn-attach-")
    servers = [Server("joined", folder), Server("other", folder)]
    try:
        faults = run(args, cairn, folder, servers)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        print("FAILED:", fault)
    sys.exit(bool(faults))


def record_under_load(count, cairn, folder, servers, duration):
    """Joins the first of the servers so many times. (What went wrong, what they hold then without keys)."""
    faults = []
    for server in servers:
        server.begin_load()
    for cycle in range(1, count + 1):
        fault = record_once(cairn, servers[0], folder, duration)
        if fault:
            faults.append(f"recording {cycle}: {fault}")
            break
    faults += [f"{server.name}: {complaint}" for server in servers if (complaint := server.end_load())]
    return faults, [server.empty_kib() for server in servers]


def run(args, cairn, folder, servers):
    joined = servers[0]
    before, empty = Measured(servers, args.rounds), [[server.empty_kib() for server in servers]]
    descriptors, early = joined.descriptors(), min(EARLY_CYCLES, args.cycles)
    faults, at_early = record_under_load(early, cairn, folder, servers, args.duration)
    mappings = [len(server.maps()) for server in servers]
    more_faults, at_end = record_under_load(args.cycles - early, cairn, folder, servers, args.duration)
    faults, empty = faults + more_faults, [*empty, at_early, at_end]
    if joined.descriptors() != descriptors or any("memfd:" in line for line in joined.maps()):
        faults.append("descriptors or shared memory stayed")
    mappings = [f"{server.name} {count}, {len(server.maps())}" for server, count in zip(servers, mappings)]
    print(f"mappings after {early} and {args.cycles} recordings: {'; '.join(mappings)}")
    after = Measured(servers, args.rounds)
    faults += [f"{server.name}: {count} requests failed" for server in servers if (count := server.failed_requests())]

    for i, server in enumerate(servers):
        print(f"{server.name}: {before.rates[i]:,.0f} requests/s before, {after.rates[i]:,.0f} after; "
              f"{before.costs[i]:.3f} µs of processor time a request before, {after.costs[i]:.3f} after")
        print("  without keys, before, after " + f"{early} and {args.cycles} recordings: resident "
              + ", ".join(f"{moment[i][0]} KiB" for moment in empty) + "; as redis counts "
              + ", ".join(f"{moment[i][1]:.0f} KiB" for moment in empty))
    ratio = after.rate / before.rate
    print(f"of the untouched server's throughput {before.rate:.3f} before, {after.rate:.3f} after {args.cycles} recordings: {ratio:.3f}; "
          f"of its processor time a request {before.cost:.3f} before, {after.cost:.3f} after: {after.cost / before.cost:.3f}")
    growth = [at_end[i][0] - at_early[i][0] for i in (0, 1)]
    if growth[0] - max(0, growth[1]) > MOST_GROWTH_KIB:
        faults.append(f"the memory grew by {growth[0]} KiB with the recordings")
    if ratio < args.at_least:
        faults.append(f"a throughput of {ratio:.3f} of the untouched server's")
    return faults


main()
