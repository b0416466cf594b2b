"""Traces that --max-size kept small: what is gone, what is exact all the same, and that every answer about what is not says so."""

import os
import random
import sqlite3
import subprocess
import unittest
from functools import lru_cache

from support import BUILD, CC, FOLDER, Case, ask, cairn

LIMIT = 2 << 20


@lru_cache(maxsize=None)
def recorded(limited):
    """A recording of the same 900,000 calls, bounded or whole."""
    path = os.path.join(FOLDER, "limited.cairn" if limited else "whole.cairn")
    options = ["--max-size", str(LIMIT)] if limited else []
    program = [os.path.join(BUILD, "tests", "targets", "ledger"), "2", "1", "900000", os.path.join(FOLDER, "book")]
    done = cairn("record", "-q", "--graph", "off", *options, "-o", path, "--", *program)
    if done.status != 0:
        raise AssertionError(done.err)
    return path


@lru_cache(maxsize=None)
def dropped_moment():
    """A TIME in the middle of a chunk whose events are gone, and what was live when that chunk began."""
    with sqlite3.connect(recorded(True)) as db:
        rows = db.execute("SELECT start_bytes, first_t_ns, last_t_ns FROM event_chunk WHERE data IS NULL AND chunk > 0").fetchall()
    begin, first, last = max(rows, key=lambda row: row[2] - row[1])
    return f"{(first + last) // 2000}us", begin


def live(answer):
    return {row["function"]: (row["live_bytes"], row["live_blocks"]) for row in answer["rows"]}


class MaxSize(Case):
    def test_the_file_stays_below(self):
        self.assertLessEqual(os.path.getsize(recorded(True)), LIMIT)
        self.assertGreater(os.path.getsize(recorded(False)), LIMIT)
        self.assertGreater(ask("info", recorded(True))["exact_from_ns"], 0)
        self.assertEqual(ask("info", recorded(True))["notes"], [])

    def test_what_is_exact_all_the_same(self):
        """The peak, the end, and every sum; a text says "exact", and nothing is noted."""
        for at in ("peak", "end", "start"):
            here, whole = ask("top", recorded(True), "--at", at), ask("top", recorded(False), "--at", at)
            self.assertEqual(live(here), live(whole), at)
            self.assertEqual(here["total"], whole["total"], at)
            self.assertRegex(cairn("top", recorded(True), "--at", at).out.splitlines()[0], r"  exact$")
            self.assertEqual(cairn("top", recorded(True), "--at", at, "--format", "json").err, "")
        self.assertEqual(cairn("diff", recorded(True), "peak", "end", "--format", "json").err, "")
        sizes = [ask("sizes", recorded(limited))["rows"] for limited in (True, False)]
        self.assertEqual(*[[row["allocations"] for row in rows] for rows in sizes])

    def test_events_that_are_kept(self):
        events = int(cairn("sql", recorded(True), "SELECT count(*) FROM events", "--format", "csv").out.split()[-1])
        with sqlite3.connect(recorded(True)) as db:
            kept, = db.execute("SELECT sum(events) FROM event_chunk WHERE data IS NOT NULL").fetchone()
        self.assertEqual(events, kept)

    def test_a_moment_among_dropped_events(self):
        """The state at the chunk's border before it, and words for that in each form of answer."""
        at, begin = dropped_moment()
        told = cairn("top", recorded(True), "--at", at)
        self.assertRegex(told.out.splitlines()[0], r"to the chunk: exact from [0-9.]+ .?s on$")
        self.assertEqual(told.err, "")
        for words in (["top", "--at", at, "--format", "json"], ["top", "--at", at, "--format", "csv"], ["tree", "--at", at, "--format", "json"],
                      ["diff", at, "end", "--format", "json"], ["diff", at, "end", "--format", "csv"],
                      ["top", "--from", at, "--to", "end", "--metric", "allocated"],
                      ["export", "--at", at, "--format", "folded", "-o", "-"]):
            done = cairn(words[0], recorded(True), *words[1:])
            self.assertEqual(done.status, 0, done.err)
            self.assertRegex(done.err, r"^cairn: note: \S+ is known to the chunk only, as of shortly before: exact from [0-9.]+ .?s on\n")
        self.assertRegex(" ".join(cairn("diff", recorded(True), at, "end").out.split()), "what survived is not known.* to the chunk: exact from")
        self.assertEqual(ask("top", recorded(True), "--at", at)["total"]["live_bytes"], begin)
        self.assert_sentence(cairn("check", recorded(True), "--from", at, "--to", "end", "--max-leaked", "1"), 2, "--max-size")

    def test_a_span_that_begins_at_a_dropped_peak(self):
        """Who held it then is known, what had been allocated until then only to the chunk: that is said, or left out."""
        program, path = os.path.join(FOLDER, "early"), os.path.join(FOLDER, "early.cairn")
        with open(program + ".c", "w", encoding="utf-8") as file:
            file.write("#include <stdlib.h>\nint main(void)\n{\n    void *volatile kept[100];\n    for (int i = 0; i < 2000000; i++) {\n"
                       "        kept[0] = malloc(i == 100000 ? 1000000 : 10 + i * 2654435761u / 65536 % 2000);\n        free(kept[0]);\n    }\n    return 0;\n}\n")
        subprocess.run([CC, "-O1", "-fno-builtin", "-o", program, program + ".c"], check=True)
        for limit in (LIMIT // 4, 1 << 30):
            self.assertEqual(cairn("record", "-q", "-f", "--graph", "off", "--max-size", str(limit), "-o", path, "--", program).status, 0)
            with sqlite3.connect(path) as db:
                inside, = db.execute("SELECT count(*) FROM event_chunk c, recording r WHERE c.data IS NULL AND r.peak_event > c.first_event "
                                     "AND r.peak_event < c.first_event + c.events").fetchone()
            self.assertEqual(inside, limit < LIMIT)
            notes = cairn("top", path, "--from", "peak", "--at", "end").err
            self.assertEqual("what was allocated until peak is counted up to shortly before it" in notes, inside > 0, notes)
            answer = ask("sql", path, "SELECT sum(live_bytes), sum(allocated_bytes) > 0, sum(temporary) > 0 FROM heap_at('peak')")
            self.assertEqual(answer["results"][0]["rows"], [[1000000, None, None] if inside else [1000000, 1, 1]])

    def test_a_limit_that_names_go_beyond(self):
        """Names come with the last commit, and count: the note is there exactly where the file is larger than its limit."""
        program, path = os.path.join(FOLDER, "wordy"), os.path.join(FOLDER, "wordy.cairn")
        names = [f"function_{i:04}_" + "".join(random.Random(i).choices("abcdefghijklmnopqrstuvwxyz", k=400)) for i in range(500)]
        with open(program + ".c", "w", encoding="utf-8") as file:
            file.write("#include <stdlib.h>\n")
            file.writelines(f"__attribute__((noinline)) void *{name}(void) {{ return (char *)malloc({i}) + 1; }}\n" for i, name in enumerate(names))
            file.write("void *volatile sink;\nint main(void)\n{\n" + "".join(f"    sink = {name}();\n" for name in names) + "    return 0;\n}\n")
        subprocess.run([CC, "-O1", "-fno-builtin", "-o", program, program + ".c"], check=True)
        for share in (None, 0.8, 0.85, 0.9, 0.95, 1.25):
            limit = int(size * share) if share else 10 << 30
            self.assertEqual(cairn("record", "-q", "-f", "--graph", "off", "--max-size", str(limit), "-o", path, "--", program).status, 0)
            size = size if share else os.path.getsize(path)
            notes = [note["text"] for note in ask("info", path)["notes"] if "more than --max-size" in note["text"]]
            self.assertEqual(len(notes), os.path.getsize(path) > limit, (share, notes))

    def test_the_viewer_says_so(self):
        at, _ = dropped_moment()
        script = os.path.join(FOLDER, "max_size.script")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"expect exact\nexpect-not chunk\nkeys @\ntext {at}\nkey Enter\nexpect to the chunk, exact from\n"
                       "keys @\ntext end\nkey Enter\nexpect-not chunk\n")
        done = cairn("view", recorded(True), "--script", script, "--size", "160x30")
        self.assertEqual((done.status, done.err), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
