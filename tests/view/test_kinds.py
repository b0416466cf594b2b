"""Recordings of kinds that tell less: sampled ones, imported ones. What is not known is said, never shown as a number."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import recordings

CAIRN = os.environ["CAIRN"]


class Kinds(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cairn-kinds-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def view(self, trace, lines, size="80x24"):
        script = os.path.join(self.folder, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        done = subprocess.run([CAIRN, "view", trace, "--script", script, "--size", size], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_sampled(self):
        trace = recordings.record(CAIRN, os.path.join(self.folder, "sampled.cairn"), recordings.PYTHON, "--sample", "4K")
        self.view(trace, ["expect heap ~", "expect sampled, 4.0 KiB", "expect this row ±", "keys 2", "expect this row ±", "keys 6",
                          "expect a sample cannot tell", "expect-not no object graph was taken"])
        self.view(trace, ["expect ±", "keys W", "key Ctrl-U", "text out.csv", "key Enter", "keys 2", "expect ±"], "200x60")
        with open(os.path.join(self.folder, "out.csv"), encoding="utf-8") as file:
            self.assertTrue(file.readline().startswith("depth,live_bytes,error_bytes,"))

    def test_massif(self):
        trace = recordings.import_massif(CAIRN, os.path.join(self.folder, "massif.cairn"))
        self.view(trace, [
            "expect-not ?  ", "keys v", "expect metric: peak (this imported trace tells no allocations)", "keys v", "expect metric: live",
            "command metric temporary", "expect this imported trace tells no allocations: live and peak are what it knows",
            "keys 4", "expect all of the growth comes from grow() a.c:7", "expect +8.8K          –",
            "keys 6", "expect 8.8 KiB live at the end", "expect-not blocks live", "expect 8.8K  100.0        –           –",
            "keys 7", "expect which tells no single blocks", "keys j", "expect which tells no single blocks"])

    def test_processes_without_a_graph(self):
        trace = recordings.record(CAIRN, os.path.join(self.folder, "children.cairn"), ["sh", "-c", "cat /dev/null; true"])
        self.view(trace, ["keys 6", "expect blocks live at the end of processes without a graph", "expect live at the end of processes"],
                  "200x60")

    def test_what_is_leaked_comes_first(self):
        """However much more is alive at the end of processes of which nothing else is known."""
        leak = "import gc, subprocess\ngc.disable()\na = []\na.append(a)\ndel a\nsubprocess.run(['sort', '/proc/self/maps'])"
        trace = recordings.record(CAIRN, os.path.join(self.folder, "leak.cairn"), [sys.executable, "-c", leak])
        self.view(trace, ["keys 6", "save-screen leaks", "keys S", "save-screen reversed"], "120x200")
        for name in ("leaks.txt", "reversed.txt"):
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                text = file.read()
            self.assertLess(text.index("▾ indirect: only leaked"), text.index("▾ live at the end of processes"))

    def test_the_process_picker_lines_up(self):
        """Numbers and PIDs of several widths: programs begin in one column."""
        trace = recordings.record(CAIRN, os.path.join(self.folder, "many.cairn"),
                                  ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11; do cat /dev/null; done"])
        self.view(trace, ["keys P", "save-screen picker"])
        with open(os.path.join(self.folder, "picker.txt"), encoding="utf-8") as file:
            rows = [line for line in file if "pid" in line and "│" in line]
        self.assertEqual(len(rows), 12, rows)
        self.assertEqual({len(re.match(r"(.*?\d+  pid \d+ +)\S", row)[1]) for row in rows}, {len(re.match(r"(.*?\d+  pid \d+ +)\S", rows[0])[1])}, rows)

    def test_how_a_program_ended(self):
        trace = recordings.record(CAIRN, os.path.join(self.folder, "killed.cairn"), ["sh", "-c", "kill -INT $$"], check=False)
        self.view(trace, ["keys 8", "expect ended           by signal 2 (Interrupt)"])


if __name__ == "__main__":
    unittest.main()
