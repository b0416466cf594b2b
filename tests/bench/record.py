#!/usr/bin/env python3
"""What recording costs: the same work plain, under cairn, under cairn that samples, and under heaptrack, interleaved, medians
and ratios.

    tests/bench/record.py BUILD_DIR [--rounds 5] [--only NAME…] [--markdown]

pairs: nanoseconds a malloc+free pair, measured by the target itself. Real programs: wall seconds of the whole command, the
finished trace included. Also bytes of the file an event, the recorder's peak resident memory, and the time from the target's
end to the finished file. heaptrack's rows are left out where it is not installed."""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "targets" / "real"))
import workloads  # noqa: E402

PAIRS = {
    "pairs depth 5": ["--depth", "5"],
    "pairs depth 20": ["--depth", "20"],
    "pairs depth 50": ["--depth", "50"],
    "pairs depth 20, 512 paths": ["--depth", "20", "--paths", "512"],
    "pairs depth 20, 1 M live": ["--depth", "20", "--live", "1000000"],
    "pairs depth 20, 2 threads": ["--depth", "20", "--threads", "2"],
}


class MemoryWatch(threading.Thread):
    """The largest RssAnon of a process, polled every 5 ms."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kib, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.005):
            try:
                text = Path(f"/proc/{self.pid}/status").read_text()
            except OSError:
                return
            found = re.search(r"RssAnon:\s+(\d+)", text)
            self.peak_kib = max(self.peak_kib, int(found.group(1)) if found else 0)


def run(argv, env, folder):
    """(seconds, stdout, peak KiB of the command itself); None where heaptrack fails."""
    with open(f"{folder}/out", "w+b") as out:
        start = time.perf_counter()
        process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        watch = MemoryWatch(process.pid)
        status = process.wait()
        seconds = time.perf_counter() - start
        watch.done.set()
        out.seek(0)
        if status != 0 and argv[0] == "heaptrack":
            print(f"heaptrack: status {status}", file=sys.stderr)
            return None
        if status != 0:
            raise SystemExit(f"{argv[0]}: status {status}")
        return seconds, out.read().decode(errors="replace"), watch.peak_kib


def measure(name, argv, env, options, recorders, rounds, folder):
    results = {r: {"value": [], "tail": [], "kib": [], "bytes": []} for r in recorders}
    is_pairs = name.startswith("pairs")
    for _ in range(rounds):
        for recorder, wrap in recorders.items():
            file = Path(folder, "trace-" + recorder)
            for old in Path(folder).glob("trace-*"):
                old.unlink()
            done = run(wrap(argv, str(file), options), env, folder)
            if done is None:
                continue
            seconds, text, kib = done
            row = results[recorder]
            if is_pairs:
                found = re.search(r"([\d.]+) ns/pair (\d+) pairs ([\d.]+) s", text)
                row["value"].append(float(found.group(1)))
                row["tail"].append(seconds - float(found.group(3)))
            else:
                row["value"].append(seconds)
            row["kib"].append(kib)
            made = sorted(Path(folder).glob("trace-*"))
            row["bytes"].append(made[0].stat().st_size if made else 0)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--pairs", type=int, default=2000000)
    options = parser.parse_args()
    cairn, pairs = f"{options.build}/cairn", f"{options.build}/tests/bench/bench_pairs"
    def record(*more):
        return lambda argv, file, options: [cairn, "record", "--quiet", "--graph", "off", *more, "-f", "-o", file, *options, "--", *argv]

    recorders = {"plain": lambda argv, file, options: argv, "cairn": record(), "sampled": record("--sample", "524288")}
    if shutil.which("heaptrack"):
        recorders["heaptrack"] = lambda argv, file, options: ["heaptrack", "-o", file, *argv]
    with tempfile.TemporaryDirectory() as folder:
        work = {name: ([pairs, "--pairs", str(options.pairs), *args], dict(os.environ), ()) for name, args in PAIRS.items()}
        for name, load in workloads.prepare(folder + "/work").items():
            work[name] = (load.argv, load.environment(), load.options)
        print("| work | plain | " + " | ".join(f"{r} | ratio | file MB | recorder MiB" for r in recorders if r != "plain") + " |")
        print("|---" * (2 + 4 * (len(recorders) - 1)) + "|")
        for name, (argv, env, extra) in work.items():
            if options.only and not any(word in name for word in options.only):
                continue
            results = measure(name, argv, env, extra, recorders, options.rounds, folder)
            plain = statistics.median(results["plain"]["value"])
            unit, digits = ("ns", 0) if name.startswith("pairs") else ("s", 3)
            cells = [name, f"{plain:.{digits}f} {unit}"]
            for recorder, row in results.items():
                if recorder == "plain":
                    continue
                if not row["value"]:
                    cells += ["failed", "", "", ""]
                    continue
                value = statistics.median(row["value"])
                cells += [f"{value:.{digits}f} {unit}", f"{value / plain:.2f}", f"{statistics.median(row['bytes']) / 1e6:.2f}",
                          f"{max(row['kib']) / 1024:.0f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


main()
