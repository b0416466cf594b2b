"""`cairn record --labels`: what a graph of Python objects tells of values and names; the graph of a program that came by exec."""
import os
import sys

from support import FOLDER, HERE, Case, ask, cairn, main

PROGRAM = os.path.join(HERE, "programs", "labels.py")


def record(*options, command=(sys.executable, PROGRAM)):
    path = os.path.join(FOLDER, "labels.cairn")
    done = cairn("record", "-q", "-f", "--no-source", *options, "-o", path, "--", *command)
    assert (done.status, done.err) == (0, ""), done.err
    return path


def held_by(path, node):
    rows = ask("graph", path, "referents", str(node))["rows"]
    return {row["edge"]: row["node"] for row in rows if row["edge"]}


def holder(path):
    return ask("graph", path, "objects", "Holder")["rows"][0]["id"]


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


class Labels(Case):
    def test_names_tell_no_values(self):
        path = record()
        held = held_by(path, holder(path))
        self.assertEqual(held[".table"]["label"], "len 2")
        self.assertEqual(held[".raw"]["label"], "len 7")
        self.assertIn(held[".short"]["label"], (None, ""))
        self.assertIn("[int]", held_by(path, held[".table"]["id"]))
        self.assertNotIn(b"CANARY", bytes_of(path))

    def test_values(self):
        path = record("--labels", "values")
        held = held_by(path, holder(path))
        labels = {edge: node["label"] for edge, node in held.items()}
        self.assertEqual(labels[".long"], "'" + ("CANARY" * 50)[:60] + "'…")
        self.assertEqual(labels[".short"], "'CANARY short'")
        self.assertEqual(labels[".number"], "-1234567890")
        self.assertEqual(labels[".ratio"], "2.5")
        self.assertEqual(labels[".raw"], "b'CANARY\\x00'")
        self.assertEqual(labels[".longer"], "len 300")
        for edge in (".huge", ".own"):
            self.assertIn(labels[edge], (None, ""), edge)
        table = held_by(path, held[".table"]["id"])
        self.assertEqual(table["[7654]"]["label"], "'CANARY seven'")
        self.assertIn("['two words']", table)

    def test_none(self):
        path = record("--labels", "none")
        self.assertEqual(held_by(path, holder(path)), {})
        self.assertGreater(len(ask("graph", path, "referents", str(holder(path)))["rows"]), 8)
        self.assertNotIn(b"CANARY", bytes_of(path))

    def test_a_program_that_came_by_exec_is_the_root_too(self):
        path = record(command=("sh", "-c", f"exec {sys.executable} {PROGRAM}"))
        self.assertEqual(len(ask("info", path)["graphs"]), 1)
        self.assertIn(".table", held_by(path, holder(path)))


main()
