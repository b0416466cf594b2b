"""A recording of a day is like one of a minute: the same answers to the same questions, and no larger. The clock is simulated: both are
heaptrack's recordings of the same events, imported through the recorder's own stages."""

import os
import sqlite3
import unittest
from functools import lru_cache

from support import FOLDER, Case, ask, cairn

MINUTE_MS, DAY_MS = 60 * 1000, 24 * 3600 * 1000
ROUNDS = 40000  # each: four blocks come and go, every tenth leaks
LEAKED = 1024
HEAD = """v 10400 3
X ./day
I 1000 1000
s 3 day
s 4 main
s 5 day.c
s 4 leak
s 5 churn
i 401000 1 2 3 a
i 402000 1 4 3 14
i 403000 1 5 3 1e
t 1 0
t 2 1
t 3 1
a 400 2
a 40 3
a 100 3
"""


@lru_cache(maxsize=None)
def recorded(length_ms):
    name = os.path.join(FOLDER, f"day-{length_ms}")
    with open(name, "w", encoding="ascii") as file:
        file.write(HEAD)
        for turn in range(ROUNDS):
            file.write(f"c {turn * length_ms // ROUNDS:x}\n" + "+ 1\n+ 2\n+ 1\n- 1\n" + ("+ 0\n" if turn % 10 == 0 else "") + "- 2\n- 1\n")
        file.write(f"c {length_ms:x}\n")
    done = cairn("import", name, "-o", name + ".cairn")
    if done.status != 0:
        raise AssertionError(done.err)
    return name + ".cairn"


def column(trace, query):
    with sqlite3.connect(trace) as db:
        return [row[0] for row in db.execute(query)]


class Long(Case):
    def test_it_is_a_day(self):
        info = ask("info", recorded(DAY_MS))
        self.assertAlmostEqual(info["duration_ns"], DAY_MS * 1000000, delta=10**10)
        self.assertEqual(info["events"]["alloc"], ROUNDS * 3 + ROUNDS // 10)

    def test_rows_are_bounded(self):
        """As many as a minute has, within what doubling an interval does; from the beginning to the end."""
        for length in (MINUTE_MS, DAY_MS):
            trace = recorded(length)
            snapshots = column(trace, "SELECT t_ns FROM snapshot ORDER BY t_ns")
            self.assertLess(len(snapshots), 1010)
            self.assertGreater(len(snapshots), 250)
            gaps = [b - a for a, b in zip([0, *snapshots], snapshots)]
            self.assertLess(max(gaps), length * 1000000 / 200)
            for rows in column(trace, "SELECT count(*) FROM timeline GROUP BY level"):
                self.assertLessEqual(rows, 8192 + 1024)
            self.assertLess(column(trace, "SELECT min(t_ns) FROM timeline")[0], length * 1000000 / 50)
        self.assertLess(os.path.getsize(recorded(DAY_MS)), 2 * os.path.getsize(recorded(MINUTE_MS)) + (4 << 20))

    def test_answers_are_the_same(self):
        for words in (["top", "--at", "63%"], ["top", "--at", "peak"], ["diff", "10%", "90%"], ["tree", "--at", "25%"]):
            minute, day = (ask(words[0], recorded(length), *words[1:]) for length in (MINUTE_MS, DAY_MS))
            key = "roots" if words[0] == "tree" else "rows"
            self.assertEqual(minute[key], day[key], words)
            self.assertEqual(minute["total"], day["total"], words)

    def test_growth_is_of_the_day(self):
        """1 KiB a leak, 4,000 of them: in a day a slope of 47 bytes a second."""
        minute, day = (ask("growth", recorded(length))["rows"][0] for length in (MINUTE_MS, DAY_MS))
        self.assertEqual((minute["function"], day["function"]), ("leak", "leak"))
        self.assertAlmostEqual(day["slope_bytes_per_s"], ROUNDS / 10 * LEAKED / (DAY_MS / 1000), delta=3)
        self.assertAlmostEqual(minute["slope_bytes_per_s"] / day["slope_bytes_per_s"], DAY_MS / MINUTE_MS, delta=90)

    def test_times_of_a_day(self):
        trace = recorded(DAY_MS)
        for word, hours in (("12h", 12), ("end-90m", 22.5), ("50%", 12), ("6h", 6)):
            self.assertAlmostEqual(ask("top", trace, "--at", word)["at"]["t_ns"], hours * 3600e9, delta=2e10)
        leaked = ask("diff", trace, "6h", "18h")["total"]["delta_bytes"]
        self.assertAlmostEqual(leaked, ROUNDS / 20 * LEAKED, delta=4 * LEAKED)
        points = ask("timeline", trace)["points"]
        self.assertGreater(points[-1]["t_ns"], 23.9 * 3600e9)
        self.assertIn("day", cairn("timeline", trace).out)

    def test_the_viewer(self):
        script = os.path.join(FOLDER, "day.script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("expect leak\nkeys @\ntext 12h\nkey Enter\nexpect 12h\nkeys [\nkeys ]\nkeys ,.\nkeys 2345678\nkeys 1\nexpect leak\n")
        done = cairn("view", recorded(DAY_MS), "--script", script, "--size", "120x40")
        self.assertEqual((done.status, done.err), (0, ""))


class BusyBeginning(Case):
    """Nearly all events in its first moment, then a slow leak: what happens in less than a chunk is growth like any other."""

    def test_growth(self):
        name = os.path.join(FOLDER, "busy")
        with open(name, "w", encoding="ascii") as file:
            file.write(HEAD + "c 0\n" + "+ 1\n- 1\n" * 300000)
            file.write("".join(f"c {10 + turn:x}\n+ 0\n" for turn in range(300)) + "c 140\n")
        self.assertEqual(cairn("import", name, "-o", name + ".cairn").status, 0)
        row, = ask("growth", name + ".cairn")["rows"]
        self.assertEqual((row["function"], row["grew"]), ("leak", row["of"]))
        self.assertGreater(row["of"], 20)
        self.assertAlmostEqual(row["first_bytes"], 100 * LEAKED, delta=10 * LEAKED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
