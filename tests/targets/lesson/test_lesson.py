#!/usr/bin/env python3
"""test_lesson.py BUILD_DIR [ROW…]: the lesson's questions, asked of cairn, on every CPython from 3.8 to 3.13 that is found.

Each row's program runs twice: once with tracemalloc (the oracle), once under `cairn record`. Interpreters that are not here are
named as skipped."""
import glob
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import object_rows

HERE = Path(__file__).resolve().parent
SHARE = 0.02  # bytes and blocks by line agree within this


class Lesson:
    def __init__(self, cairn, python, folder):
        self.cairn, self.python, self.folder, self.faults, self.checks = cairn, python, folder, [], 0
        self.oracles, self.traces = {}, {}

    def check(self, ok, what):
        self.checks += 1
        if not ok:
            self.faults.append(what)

    def near(self, ours, theirs, what, share=SHARE):
        self.check(abs(ours - theirs) <= max(abs(theirs) * share, 1), f"{what}: {ours} here, {theirs} by tracemalloc")

    def oracle(self, row):
        """What the row's program says of itself; it runs once."""
        if row not in self.oracles:
            self.oracles[row] = self.run_oracle(row)
        return self.oracles[row]

    def run_oracle(self, row):
        file = f"{self.folder}/oracle.json"
        env = {**os.environ, "LESSON_ORACLE": file, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([self.python, str(HERE / f"{row}.py")], env=env, check=True, capture_output=True)
        said = json.loads(Path(file).read_text())
        said["moments"] = {name: self.own_lines(rows) for name, rows in said["moments"].items()}
        return said

    @staticmethod
    def own_lines(rows):
        """{"FILE:LINE": [bytes, blocks]} of the lesson's own programs."""
        lines = {}
        for frames, size, count in rows:
            file, line = frames[0]
            if os.path.dirname(os.path.abspath(file)) == str(HERE):
                known = lines.setdefault(f"{os.path.basename(file)}:{line}", [0, 0])
                known[0] += size
                known[1] += count
        return lines

    def record(self, row, *options):
        """The row's trace; it is recorded once."""
        if row not in self.traces:
            self.traces[row] = self.run_recorded(row, options)
        return self.traces[row]

    def run_recorded(self, row, options):
        trace = f"{self.folder}/{row}.cairn"
        env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("LESSON_ORACLE", None)
        done = subprocess.run([self.cairn, "record", "--quiet", "-f", "-o", trace, *options, "--", self.python,
                               str(HERE / f"{row}.py")], env=env, capture_output=True, text=True, timeout=120)
        self.check(done.returncode == 0, f"{row}: record: status {done.returncode}: {done.stderr[-200:]}")
        return trace

    def ask(self, *words):
        done = subprocess.run([self.cairn, *words, "--format", "json"], capture_output=True, text=True, timeout=60)
        if done.returncode:
            self.check(False, f"cairn {' '.join(words)}: {done.stderr.strip()}")
            return {"rows": []}
        return json.loads(done.stdout)

    def lines(self, trace, *words):
        """{"FILE:LINE": row}. Two functions on one line (a comprehension) are two rows of ours and one of tracemalloc's: the
        numbers are added."""
        lines = {}
        for row in self.ask(words[0], trace, *words[1:], "--lang", "python", "--by", "line")["rows"]:
            if row["file"]:
                place = f"{os.path.basename(row['file'])}:{row['line']}"
                known = lines.setdefault(place, dict.fromkeys(row, 0))
                for key, value in row.items():
                    if isinstance(value, (int, float)) and key not in ("line", "site_id"):
                        known[key] += value
        return lines

    def same_lines(self, row, moment, oracle, trace):
        ours = self.lines(trace, "top", "--at", "@" + moment)
        theirs = oracle["moments"][moment]
        total = sum(size for size, _ in theirs.values())
        for place, (size, count) in theirs.items():
            if size > total / 100:
                mine = ours.get(place, {"live_bytes": 0, "live_blocks": 0})
                self.near(mine["live_bytes"], size, f"{row} @{moment} {place} bytes")
                self.near(mine["live_blocks"], count, f"{row} @{moment} {place} blocks")
        return ours


def row02_statistics(lesson):
    oracle, trace = lesson.oracle("row02_statistics"), lesson.record("row02_statistics")
    ours = lesson.same_lines("row02", "built", oracle, trace)
    top = max(ours, key=lambda place: ours[place]["live_bytes"], default="")
    lesson.check(top == "row02_statistics.py:6" and ours[top]["live_bytes"] > 100000 and ours[top]["live_blocks"] >= 1,
                 f"row02: the line on top is {top}")
    files = lesson.ask("top", trace, "--at", "@built", "--lang", "python", "--by", "file")["rows"]
    lesson.check(files and files[0]["file"].endswith("row02_statistics.py"), "row02: the file on top")
    stacks = lesson.ask("top", trace, "--at", "@built", "--lang", "python", "--by", "stack")["rows"]
    names = [frame["function"] for frame in stacks[0]["stack"]] if stacks else []
    lesson.check("build" in names and names[-1] == "<module>", f"row02: the stack on top is {names}")


def row04_compare(lesson):
    oracle, trace = lesson.oracle("row04_compare"), lesson.record("row04_compare")
    ours = lesson.lines(trace, "diff", "@before", "@after")
    before, after = oracle["moments"]["before"], oracle["moments"]["after"]
    deltas = {}
    for place in {*before, *after}:
        a, b = before.get(place, [0, 0]), after.get(place, [0, 0])
        deltas[place] = (b[0] - a[0], b[1] - a[1])
    largest = sum(abs(size) for size, _ in deltas.values())
    for place, (size, count) in deltas.items():
        if abs(size) > largest / 100:
            mine = ours.get(place, {"delta_bytes": 0, "delta_blocks": 0})
            lesson.near(mine["delta_bytes"], size, f"row04 {place} bytes")
            lesson.near(mine["delta_blocks"], count, f"row04 {place} blocks")
    rows = lesson.ask("diff", trace, "@before", "@after", "--lang", "python", "--by", "line")["rows"]
    sizes = [abs(row["delta_bytes"]) for row in rows]
    lesson.check(sizes == sorted(sizes, reverse=True), "row04: not sorted by |delta|")
    lesson.check(rows and [f["function"] for f in rows[0]["stack"]][:2] == ["grow", "<module>"], "row04: the stack")


def row06_top(lesson):
    trace = lesson.record("row06_top")
    rows = lesson.ask("top", trace, "--from", "@a", "--to", "@b", "--at", "@b", "--metric", "allocated", "--limit", "3", "--lang", "python", "--by",
                      "line")["rows"]
    lesson.check(len(rows) == 3, f"row06: {len(rows)} rows")
    lesson.check([row["line"] for row in rows][0] == 6, f"row06: lines {[row['line'] for row in rows]}")
    lesson.check({row["line"] for row in rows} == {6, 7, 8}, f"row06: lines {[row['line'] for row in rows]}")


def row07_ratio(lesson):
    oracle, trace = lesson.oracle("row07_ratio"), lesson.record("row07_ratio")
    moments = oracle["moments"]

    def total(lines):
        return sum(size for size, _ in lines.values())

    theirs = (total(moments["slotted"]) - total(moments["opened"])) / (total(moments["opened"]) - total(moments["start"]))
    grown = [lesson.ask("diff", trace, a, b, "--lang", "python", "--by", "file", "--filter", "row07")["rows"]
             for a, b in (("@start", "@opened"), ("@opened", "@slotted"))]
    ours = [sum(row["delta_bytes"] for row in rows if row["file"].endswith("row07_ratio.py")) for rows in grown]
    lesson.check(ours[0] > 0 and abs(ours[1] / ours[0] / theirs - 1) < SHARE, f"row07: {ours} is not the ratio {theirs:.4f}")


def row08_leak(lesson):
    trace = lesson.record("row08_leak")
    rows = lesson.ask("growth", trace, "--lang", "python", "--by", "line")["rows"]
    lesson.check(rows and rows[0]["line"] == 11 and rows[0]["file"].endswith("row08_leak.py"), f"row08: first is {rows[:1]}")
    lesson.check(rows and rows[0]["last_bytes"] - rows[0]["first_bytes"] >= 100000, f"row08: grew {rows[:1]}")


def row09_lru(lesson):
    trace = lesson.record("row09_lru")
    full, end = (lesson.lines(trace, "top", "--at", moment, "--from", "@start") for moment in ("@full", "@end"))
    line = "row09_lru.py:20"
    lesson.check(line in full and line in end, "row09: the insert line is not there")
    if line in full and line in end:
        lesson.check(end[line]["live_bytes"] < 1.2 * 400000, f"row09: live {end[line]['live_bytes']}")
        lesson.check(end[line]["allocated_bytes"] > 5 * end[line]["live_bytes"], "row09: its total does not climb")
    # Since it was full: how long it took to fill is the machine's business.
    growth = lesson.ask("growth", trace, "--from", "@full", "--lang", "python", "--by", "line")["rows"]
    lesson.check(not growth or not growth[0]["file"] or not growth[0]["file"].endswith("row09_lru.py") or growth[0]["line"] != 20,
                 "row09: a cache that is full is called growth")


def row10_monitor(lesson):
    oracle, trace = lesson.oracle("row10_monitor"), lesson.record("row10_monitor", "--interval", "50")
    rows = lesson.ask("top", trace, "--at", "peak", "--lang", "python", "--by", "line")["rows"]
    lesson.check(rows and rows[0]["file"].endswith("row10_monitor.py") and rows[0]["line"] == 11, f"row10: {rows[:1]}")
    lesson.near(rows[0]["live_bytes"] if rows else 0, oracle["peaks"]["burst"], "row10: peak", 0.03)
    snapshots = lesson.ask("snapshots", trace)["rows"]
    periodic = [row for row in snapshots if row["kind"] == "periodic"]
    lesson.check(2 <= len(periodic) <= 1000, f"row10: {len(periodic)} periodic snapshots")


def row11_pipeline(lesson):
    oracle, trace = lesson.oracle("row11_pipeline"), lesson.record("row11_pipeline")
    peaks = {}
    for name in ("eager", "lazy"):
        start = lesson.ask("top", trace, "--at", "@" + name, "--lang", "python", "--limit", "1")["total"]["live_bytes"]
        peak = lesson.ask("top", trace, "--from", "@" + name, "--to", f"@{name}.end", "--at", "peak", "--lang", "python", "--limit",
                          "1")["total"]["live_bytes"]
        peaks[name] = peak - start
    lesson.near(peaks["eager"], oracle["peaks"]["eager"], "row11: eager peak", 0.03)
    lesson.check(peaks["eager"] >= 5 * peaks["lazy"], f"row11: peaks {peaks}")


ROWS = [row02_statistics, row04_compare, row06_top, row07_ratio, row08_leak, row09_lru, row10_monitor, row11_pipeline, *object_rows.ROWS]


def interpreters():
    found = {}
    for path in ["/usr/bin/python3", *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))]:
        if os.path.exists(path):
            version = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], capture_output=True, text=True)
            if version.returncode == 0:
                found[version.stdout.strip()] = path
    return {version: path for version, path in found.items() if 8 <= int(version.split(".")[1]) <= 13}


def main():
    cairn, wanted = os.path.join(os.path.abspath(sys.argv[1]), "cairn"), sys.argv[2:]
    found, failed, passed = interpreters(), 0, 0
    for minor in range(8, 14):
        if not any(version.startswith(f"3.{minor}.") for version in found):
            print(f"skipped: CPython 3.{minor} is not here")
    for version, python in found.items():
        with tempfile.TemporaryDirectory() as folder:
            lesson = Lesson(cairn, python, folder)
            for row in ROWS:
                if not wanted or any(word in row.__name__ for word in wanted):
                    row(lesson)
            passed += lesson.checks - len(lesson.faults)
            failed += len(lesson.faults)
            for fault in lesson.faults:
                print(f"{version}: {fault}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


main()
