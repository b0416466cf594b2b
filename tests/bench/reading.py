#!/usr/bin/env python3
"""What reading costs as traces grow: questions as whole processes and the viewer on a terminal, beside heaptrack_print.

    tests/bench/reading.py BUILD [--events 1M 10M 100M] [--rounds N] [--paths N] [--live N]

Records bench_pairs at each size with cairn and with heaptrack, then asks each recording. Medians of N rounds, milliseconds where
nothing else is said; the last column is the largest size against the smallest. The viewer's first screen is timed from its start to
the bytes that bring the first row, the sentence above the rows, and the last there is of it; a scrub is 200 random steps in time,
each from the key to the last byte. The recorder's own memory stands beside its budget: 64 MB, 64 bytes a live block, 200 a distinct
stack. heaptrack is left out where it is not installed."""
import argparse
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keys
import recording

QUESTIONS = {
    "`info`": ["info"],
    "`top --at 63%`": ["top", "--at", "63%"],
    "`diff 10% 90%`": ["diff", "10%", "90%"],
}
SCRUB_KEYS = ",.[]{}"
SCRUB_STEPS = 200
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()]B|[\x00-\x1f]")
# What the first screen of these recordings shows: a size in a row below LIVE, and words of the sentence.
ROW = re.compile(rb"LIVE.*> *[\d.]+[KMG] +[\d.]+ ")
SENTENCE = re.compile(rb"% of it is ")
BUDGET = {"bytes": 64e6, "a live block": 64, "a stack": 200}


def number(text):
    """10M → 10,000,000."""
    return int(float(text.rstrip("kKMG")) * {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1))


def record(recorder, build, events, file, arguments):
    """(the recording, seconds from the program's end to its being finished, Run)."""
    pairs = Path(build, "tests", "bench", "bench_pairs")
    run = recorder.record([pairs, "--pairs", str(events // 2), "--depth", "20", "--paths", str(arguments.paths), "--live",
                           str(arguments.live)], file)
    ended_ns = int(re.search(r"ended at (\d+) ns", run.out).group(1))
    return recording.made_file(file), (run.ended_ns - ended_ns) / 1e9, run


def seconds_of(argv):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def shown_after(written, pattern):
    """Seconds until what was written by then matches."""
    text = b""
    for seconds, more in written:
        text += ESCAPE.sub(b" ", more)
        if pattern.search(text):
            return seconds
    raise SystemExit(f"the viewer's first screen never showed {pattern.pattern!r}")


def first_screen(build, trace, folder):
    """(rows, sentence, all of it): seconds."""
    viewer = keys.Viewer(build, trace, 80, 24, folder)
    written = list(viewer.written)
    viewer.close()
    return shown_after(written, ROW), shown_after(written, SENTENCE), viewer.first


def scrub(build, trace, folder):
    """Seconds of each step, from the middle of the recording."""
    dice, viewer = random.Random(1), keys.Viewer(build, trace, 80, 24, folder)
    for key in "@50%\r":
        viewer.press(key)
    taken = [viewer.press(dice.choice(SCRUB_KEYS)) for _ in range(SCRUB_STEPS)]
    viewer.close()
    return taken


def ask(build, trace, rounds):
    """{row: milliseconds} of a trace."""
    found = {}
    for name, words in QUESTIONS.items():
        argv = [Path(build, "cairn"), words[0], trace, *words[1:]]
        found[name] = statistics.median(seconds_of(argv) for _ in range(rounds)) * 1e3
    with tempfile.TemporaryDirectory() as folder:
        screens = [first_screen(build, trace, folder) for _ in range(rounds)]
        for name, times in zip(("rows", "sentence", "all of it"), zip(*screens)):
            found[f"viewer, first screen: {name}"] = statistics.median(times) * 1e3
        steps = scrub(build, trace, folder)
    found[f"viewer, {SCRUB_STEPS} scrub steps: p50"] = statistics.median(steps) * 1e3
    found[f"viewer, {SCRUB_STEPS} scrub steps: p99"] = keys.percentile(steps, 0.99) * 1e3
    return found


def of_cairn(events, folder, arguments):
    """{row: number} of one size."""
    trace, tail, run = record(recording.cairn(arguments.build), arguments.build, events, f"{folder}/pairs.cairn", arguments)
    told = recording.info(arguments.build, trace)
    budget = BUDGET["bytes"] + BUDGET["a live block"] * told["peak"]["blocks"] + BUDGET["a stack"] * told["stacks"]
    found = {
        "events, M": sum(told["events"][kind] for kind in ("alloc", "free", "realloc")) / 1e6,
        "file, MB": trace.stat().st_size / 1e6,
        "recording, s": run.seconds,
        "of it, the program waited (`stalled_ns`), s": told["stalled_ns"] / 1e9,
        "end of the program to a finished trace, s": tail,
        "recorder's own memory, MB": run.anonymous / 1e6,
        "its budget, MB": budget / 1e6,
        **ask(arguments.build, trace, arguments.rounds),
    }
    trace.unlink()
    return found


def of_heaptrack(recorder, events, folder, arguments):
    try:
        file, tail, run = record(recorder, arguments.build, events, f"{folder}/pairs.heaptrack", arguments)
    except recording.Failed as failed:
        print(failed, file=sys.stderr)
        return {}
    found = {"heaptrack: file, MB": file.stat().st_size / 1e6, "heaptrack: recording, s": run.seconds,
             "heaptrack: end of the program to a finished file, s": tail}
    if shutil.which("heaptrack_print"):
        # Its time grows with the file: once is enough where it takes long.
        times = [seconds_of(["heaptrack_print", "-f", file])]
        while len(times) < arguments.rounds and times[0] < 5:
            times.append(seconds_of(["heaptrack_print", "-f", file]))
        found["heaptrack_print, s"] = statistics.median(times)
    file.unlink()
    return found


def shown(value):
    return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--events", nargs="+", default=["1M", "10M", "100M"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--paths", type=int, default=64, help="distinct call paths; heaptrack cannot do 128 (docs/benchmarks.md)")
    parser.add_argument("--live", type=int, default=100000, help="blocks alive at any time")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    heaptrack, columns = recording.heaptrack(), []
    for events in map(number, arguments.events):
        with tempfile.TemporaryDirectory() as folder:
            columns.append(of_cairn(events, folder, arguments))
            if heaptrack:
                columns[-1].update(of_heaptrack(heaptrack, events, folder, arguments))
        print(f"{arguments.events[len(columns) - 1]} events done", file=sys.stderr)
    print(f"| | {' | '.join(arguments.events)} | ratio |\n|---{'|---' * len(columns)}|---|")
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [column.get(name) for column in columns]
        ratio = values[-1] / values[0] if values[0] and values[-1] is not None and len(values) > 1 else None
        print(f"| {name} | {' | '.join(map(shown, values))} | {shown(ratio)} |")


if __name__ == "__main__":
    main()
