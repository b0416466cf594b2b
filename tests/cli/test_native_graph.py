"""Object graphs of native programs: what tests/targets/native_graph.c planted is found, and what it lost, and nothing else."""
import os
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

CAIRN, TARGETS = os.environ["CAIRN"], Path(os.environ["CAIRN_BUILD"], "tests", "targets")
REACHABLE, DEFINITE, INDIRECT = range(3)
HELD = {40: 100, 56: 63, 72: 1, 88: 1, 104: 3, 1 << 20: 1, 120: 1, 136: 1}
LOST = {("1000 B", DEFINITE): 1, ("1008 B", INDIRECT): 2, ("1024 B", DEFINITE): 1,
        ("2024 B", INDIRECT): 4, ("1040 B", DEFINITE): 1, ("1056 B", DEFINITE): 1}


class NativeGraph(unittest.TestCase):
    def record(self, program, *words, options=()):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        trace = os.path.join(folder.name, "t.cairn")
        subprocess.run([CAIRN, "record", "--quiet", "-f", *options, "-o", trace, TARGETS / program, *words], check=True, timeout=60)
        connection = sqlite3.connect(trace)
        self.addCleanup(connection.close)
        return connection

    @staticmethod
    def objects(trace, name):
        return dict(((kind, state), count) for kind, state, count in trace.execute(
            "SELECT t.name, a.class, sum(a.objects) FROM graph_account a JOIN graph_type t USING (graph, type) "
            "JOIN graph g USING (graph) WHERE g.name = ? GROUP BY 1, 2", (name,)))

    def check_planted(self, objects):
        self.assertEqual({key: count for key, count in objects.items() if key[1] != REACHABLE}, LOST)
        self.assertEqual({size: objects.get((f"{size} B", REACHABLE)) for size in HELD}, HELD)

    def test_planted(self):
        """At the end, and where the program asks; a thread that lives on holds a block by its stack."""
        trace = self.record("native_graph")
        for name in ("asked", "exit"):
            with self.subTest(graph=name):
                objects = self.objects(trace, name)
                self.check_planted(objects)
                self.assertEqual(objects[("152 B", REACHABLE)], 1)
        self.assertEqual(trace.execute("SELECT text FROM note").fetchall(), [])
        roots = {(kind, name) for kind, name in trace.execute("SELECT kind, name FROM graph_root WHERE graph = 1")}
        self.assertLessEqual({("data", "native_graph!kept_list"), ("data", "native_graph!kept_tree+0x8"),
                              ("data", "native_graph!kept_inside")}, roots)
        self.assertLessEqual({"tls", "stack", "mapping"}, {kind for kind, _ in roots})

    def test_again_and_again(self):
        """Where the system puts things differs from run to run, and so does who is first."""
        for _ in range(15):
            self.check_planted(self.objects(self.record("native_graph", "quiet"), "exit"))

    def test_edges(self):
        """Every edge that was planted: 99 + 62 + 3 + 1 of what is held, 4 + 2 of what is lost."""
        edges, = self.record("native_graph", "quiet").execute("SELECT edges FROM graph WHERE name = 'exit'").fetchone()
        self.assertEqual(edges, 99 + 62 + 3 + 1 + 4 + 2)

    def test_classes(self):
        trace = self.record("native_classes")
        kinds = dict(trace.execute("SELECT name, count FROM graph_type WHERE name LIKE 'shapes::%'"))
        self.assertEqual(kinds, {"shapes::Square": 10, "shapes::Circle": 10})

    def test_off(self):
        trace = self.record("native_graph", options=("--graph", "off"))
        self.assertEqual(trace.execute("SELECT count(*) FROM graph").fetchone(), (0,))


if __name__ == "__main__":
    unittest.main()
