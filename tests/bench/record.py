#!/usr/bin/env python3
"""What recording costs: the same work plain, under cairn, under cairn that samples, and under heaptrack, in turns; medians.

    tests/bench/record.py BUILD [--rounds N] [--only WORD…] [--pairs N] [--requests N]

pairs: nanoseconds a malloc+free pair, measured by the program itself. Real programs: wall seconds of the whole command, the
finished trace included. redis: requests a second. `s of CPU`: processor time of the program, the recorder and all else that they
started. `B/event`: the file by the events of cairn's trace, of heaptrack's file too. `stalled`: how long the program's threads
waited for the recorder. --only: the rows with one of these words in their names. heaptrack is left out where it is not installed."""
import argparse
import os
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import recording
import redis_server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "targets" / "real"))
import workloads  # noqa: E402

PAIRS = {
    "pairs depth 5": ["--depth", "5"],
    "pairs depth 20": ["--depth", "20"],
    "pairs depth 50": ["--depth", "50"],
    # Of more sizes at so many stacks heaptrack's interpreter takes all memory and dies.
    "pairs depth 20, 512 paths": ["--depth", "20", "--paths", "512", "--sizes", "16"],
    "pairs depth 20, 1 M live": ["--depth", "20", "--live", "1000000"],
    "pairs depth 20, 2 threads": ["--depth", "20", "--threads", "2"],
}
# Programs whose work is another process's, which heaptrack does not follow: no comparison with it.
DRIVERS = ("gcc",)
GOALS = {"sampled": 1.05, "redis": 0.85}


@dataclass
class Work:
    name: str
    kind: str  # pairs, real or redis
    argv: list = ()
    env: dict = None
    options: tuple = ()

    @property
    def unit(self):
        return {"pairs": "ns", "real": "s", "redis": "requests/s"}[self.kind]

    def measure(self, recorder, file, requests):
        """({row: value}, Run); recording.Failed where the recorder did not do it."""
        if self.kind == "redis":
            told, run = redis_server.serve(recorder, file, str(Path(file).parent), requests)
            return {f"{self.name}, {test}": rate for test, rate in told.items()}, run
        run = recorder.record(self.argv, file, self.env, self.options)
        if self.kind == "pairs":
            return {self.name: float(re.search(r"([\d.]+) ns/pair", run.out).group(1))}, run
        return {self.name: run.seconds}, run


class Row:
    """Figures of one row: recorder → column → what each round gave."""

    def __init__(self, work):
        self.work, self.taken = work, defaultdict(lambda: defaultdict(list))

    def median(self, recorder, column):
        """None where there is none."""
        values = self.taken[recorder][column]
        return statistics.median(values) if values else None

    def ratio(self, recorder, other, column):
        one, two = self.median(recorder, column), self.median(other, column)
        return one / two if one is not None and two else None

    def added(self, recorder):
        """By which the work takes longer than plain; at least a thousandth, so that it has a logarithm."""
        plain, taken = self.median("plain", "value"), self.median(recorder, "value")
        return None if taken is None else max(taken - plain, plain / 1000)


def all_works(folder, build, pairs):
    """In the table's order."""
    bench = Path(build, "tests", "bench", "bench_pairs")
    works = [Work(name, "pairs", [bench, "--pairs", str(pairs), *words]) for name, words in PAIRS.items()]
    works += [Work(name, "real", load.argv, load.environment(), load.options) for name, load in workloads.prepare(folder).items()]
    return works + ([Work("redis", "redis")] if redis_server.is_installed() else [])


def take_round(work, recorder, file, rows, arguments):
    values, run = work.measure(recorder, file, arguments.requests)
    made = recording.made_file(file)
    told = recording.info(arguments.build, made) if recorder.name in ("cairn", "sampled") else None
    for name, value in values.items():
        taken = rows.setdefault(name, Row(work)).taken[recorder.name]
        taken["value"].append(value)
        taken["processor"].append(run.processor)
        taken["anonymous"].append(run.anonymous)
        if made:
            taken["file"].append(made.stat().st_size)
        if told:
            taken["stalled"].append(told["stalled_ns"] / 1e9)
            taken["events"].append(sum(told["events"][kind] for kind in ("alloc", "free", "realloc")))


def measure(work, recorders, folder, arguments):
    """{name: Row} of one piece of work."""
    rows = {}
    for _ in range(arguments.rounds):
        for recorder in recorders:
            for old in Path(folder).glob("trace-*"):
                old.unlink()
            try:
                take_round(work, recorder, f"{folder}/trace-{recorder.name}", rows, arguments)
            except recording.Failed as failed:
                print(f"{work.name}: {failed}", file=sys.stderr)
    return rows


COLUMNS = {
    "plain": ["plain", "s of CPU"],
    "cairn": ["cairn", "ratio", "s of CPU", "file MB", "B/event", "recorder MiB", "stalled"],
    "sampled": ["`--sample 512K`", "ratio", "s of CPU", "recorder MiB"],
    "heaptrack": ["heaptrack", "ratio", "s of CPU", "file MB", "B/event"],
}


def cells(row, recorder):
    value = row.median(recorder, "value")
    if value is None:
        return ["failed", *[""] * (len(COLUMNS[recorder]) - 1)]
    shown = {
        "ratio": f"{row.ratio(recorder, 'plain', 'value'):.2f}",
        "s of CPU": f"{row.median(recorder, 'processor'):.2f}",
    }
    if "file MB" in COLUMNS[recorder]:
        events = row.median("cairn", "events")
        shown["file MB"] = f"{row.median(recorder, 'file') / 1e6:.2f}"
        shown["B/event"] = f"{row.median(recorder, 'file') / events:.2f}" if events else ""
    if "recorder MiB" in COLUMNS[recorder]:
        shown["recorder MiB"] = f"{max(row.taken[recorder]['anonymous']) / (1 << 20):.0f}"
    if "stalled" in COLUMNS[recorder]:
        shown["stalled"] = f"{row.median(recorder, 'stalled'):.2f} s"
    return [f"{value:.{2 if row.work.unit == 's' else 0}f} {row.work.unit}", *(shown[name] for name in COLUMNS[recorder][1:])]


def mean(ratios):
    """Geometric; None of none."""
    known = [ratio for ratio in ratios if ratio]
    return statistics.geometric_mean(known) if known else None


def say(what, value, goal="", names=()):
    if value is not None:
        print(f"- {what}: {value:.2f}{goal}{' (' + ', '.join(names) + ')' if names else ''}")


def summarise(rows):
    """Whole figures: what the rows come to beside heaptrack."""
    real = {name: row for name, row in rows.items() if row.work.kind == "real"}
    alike = {name: row for name, row in real.items() if name not in DRIVERS and row.median("heaptrack", "value")}
    pairs = {name: row for name, row in rows.items() if row.work.kind == "pairs"}

    def against_heaptrack(row):
        other = row.added("heaptrack")
        return row.added("cairn") / other if other else None

    print()
    for name, row in pairs.items():
        say(f"{name}: time added, of heaptrack's", against_heaptrack(row))
    say("real programs: wall time added, of heaptrack's, geometric mean", mean(map(against_heaptrack, alike.values())), names=alike)
    for what, some in (("pairs", pairs), ("real programs", alike)):
        say(f"{what}: bytes an event, of heaptrack's, geometric mean", mean(row.ratio("cairn", "heaptrack", "file") for row in some.values()))
        say(f"{what}: processor time, of heaptrack's, geometric mean",
            mean(row.ratio("cairn", "heaptrack", "processor") for row in some.values()))
    sampled = {name: row.ratio("sampled", "plain", "value") for name, row in real.items()}
    say("real programs: sampled, of plain, geometric mean", mean(sampled.values()))
    if any(sampled.values()):
        worst = max((name for name in sampled if sampled[name]), key=sampled.get)
        say("real programs: sampled, of plain, the most", sampled[worst], f", goal {GOALS['sampled']}", [worst])
    for name, row in rows.items():
        if row.work.kind == "redis":
            for recorder in ("cairn", "sampled", "heaptrack"):
                say(f"{name}: requests under {recorder}, of plain", row.ratio(recorder, "plain", "value"),
                    f", goal {GOALS['redis']}" if recorder != "heaptrack" else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--pairs", type=int, default=2000000)
    parser.add_argument("--requests", type=int, default=200000)
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    recorders = [recording.plain(), recording.cairn(arguments.build),
                 recording.cairn(arguments.build, "sampled", ("--sample", "512K")), recording.heaptrack()]
    recorders = [recorder for recorder in recorders if recorder]
    heads = ["work", *(head for recorder in recorders for head in COLUMNS[recorder.name])]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
        for work in all_works(f"{folder}/work", arguments.build, arguments.pairs):
            if arguments.only and not any(word in work.name for word in arguments.only):
                continue
            for name, row in measure(work, recorders, folder, arguments).items():
                rows[name] = row
                print("| " + " | ".join([name, *(cell for recorder in recorders for cell in cells(row, recorder.name))]) + " |", flush=True)
        summarise(rows)


if __name__ == "__main__":
    main()
