"""`cairn graph`: every verb, as text, JSON and CSV, on recordings of a Python and of a native program; what is not there; damage."""
import csv
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys

from support import BUILD, CAIRN, FOLDER, HERE, Case, ask, build, cairn, main

NODE = ("id serial type lang address label shallow_bytes block_bytes deep_bytes retained_bytes referrers referents root class "
        "allocated").split()
FRAME = "function file line module lang inlined build_id offset".split()
EDGE = "edge confidence count node".split()

_recorded = {}


def recorded(name, *command):
    if name not in _recorded:
        path = os.path.join(FOLDER, name + ".cairn")
        done = cairn("record", "-q", "-o", path, "--", *command)
        if done.status != 0:
            raise AssertionError(f"record {name}: status {done.status}: {done.err}")
        _recorded[name] = path
    return _recorded[name]


def python():
    return recorded("python-graph", sys.executable, os.path.join(HERE, "programs", "graph.py"))


def native():
    return recorded("native-graph", os.path.join(BUILD, "tests", "targets", "native_graph"), "quiet")


def verbs(kind, node):
    return [["types"], ["objects", kind], ["show", node], ["referents", node], ["referrers", node], ["path", node], ["dominators"],
            ["dominators", node], ["diff", "1", "1"], ["unreachable"]]


def sizes(node):
    return node["shallow_bytes"], node["retained_bytes"]


class Everywhere(Case):
    """What every verb has in common."""

    def each(self):
        for path, kind in ((python(), "Box"), (native(), "40 B")):
            node = ask("graph", path, "objects", kind, "-n", "1")["rows"][0]["id"]
            for words in verbs(kind, str(node)):
                yield path, words

    def test_json(self):
        for path, words in self.each():
            answer = ask("graph", path, *words)
            self.assertEqual(answer["schema"], f"cairn.graph.{words[0]}/1")
            self.assert_keys(answer, "trace complete lost_events sampled".split())
            if words[0] != "diff":
                self.assert_keys(answer, ["graph"])
            rows = answer.get("steps", answer.get("rows", [answer.get("node")]))
            if "rows" in answer:
                self.assertEqual(answer["rows_total"], len(rows))
            for row in rows:
                node = row.get("node", row)
                if words[0] not in ("types", "diff"):
                    self.assert_keys(node, NODE)
                    for frame in (node["allocated"] or {"stack": []})["stack"]:
                        self.assert_keys(frame, FRAME)

    def test_csv_agrees(self):
        for path, words in self.each():
            answer = ask("graph", path, *words)
            rows = answer.get("steps", answer.get("rows", [answer.get("node")]))
            table = list(csv.DictReader(io.StringIO(cairn("graph", path, *words, "--format", "csv").out)))
            self.assertEqual(len(table), len(rows))
            for ours, theirs in zip(table, rows):
                node = theirs.get("node", theirs)
                self.assertEqual(ours["type"], node["type"])
                for key in ("shallow_bytes", "retained_bytes", "id", "delta_count"):
                    if key in node:
                        self.assertEqual(int(ours[key]), node[key])

    def test_text_fits(self):
        for path, words in self.each():
            done = cairn("graph", path, *words, env={"COLUMNS": "100"})
            self.assertEqual(done.status, 0, done.err)
            self.assertRegex(done.out, r"^graph \d")
            self.assertLessEqual(max(map(len, done.out.splitlines())), 100)
            self.assertEqual(done.out, cairn("graph", path, *words, env={"COLUMNS": "100"}).out)

    def test_limit_and_offset(self):
        for path, kind in ((python(), "dict"), (native(), "40 B")):
            every = ask("graph", path, "objects", kind)["rows"]
            self.assertEqual(ask("graph", path, "objects", kind, "-n", "3", "--offset", "2")["rows"], every[2:5])
            self.assertEqual([row["retained_bytes"] for row in every], sorted((row["retained_bytes"] for row in every), reverse=True))
            self.assertEqual(ask("graph", path, "objects", kind, "--offset", "1000000")["rows"], [])


class Python(Case):
    def objects(self, kind, *more):
        return ask("graph", python(), "objects", kind, *more)["rows"]

    def one(self, verb, node, *more):
        return ask("graph", python(), verb, str(node["id"]), *more)

    def held_by(self, edge, kind, graph="@full"):
        """The one object of a kind that a module global of that name holds."""
        for node in self.objects(kind, "--graph", graph):
            if any(row["edge"] == edge for row in self.one("referrers", node, "--graph", graph)["rows"]):
                return node
        raise AssertionError(f"no {kind} {edge}")

    def test_types(self):
        rows = {row["type"]: row for row in ask("graph", python(), "types", "--graph", "@full")["rows"]}
        self.assertEqual(rows["Box"]["count"], 60)
        self.assertEqual(rows["Ring"]["count"], 3)
        self.assertEqual(rows["Box"]["lang"], "python")
        boxes = self.objects("Box", "--graph", "@full")
        self.assertEqual(rows["Box"]["shallow_bytes"], sum(node["shallow_bytes"] for node in boxes))
        self.assertEqual(rows["Box"]["retained_bytes"], sum(node["retained_bytes"] for node in boxes))

    def test_way(self):
        cache = self.held_by(".CACHE", "dict")
        box = self.one("referents", cache, "--graph", "@full")["rows"][0]["node"]
        way = self.one("path", box, "--graph", "@full")
        self.assertEqual(way["root"], {"kind": "module", "name": "__main__"})
        edges = [step["edge"] for step in way["steps"]]
        self.assertEqual((edges[0], edges[-2]), (None, ".CACHE"))
        self.assertRegex(edges[-1], r"^\['k\d+'\]$")
        self.assertEqual([step["node"]["type"] for step in way["steps"]][-2:], ["dict", "Box"])
        text = cairn("graph", python(), "path", hex(box["address"]), "--graph", "@full").out
        self.assertIn("why: module __main__", text)
        self.assertRegex(text, r"  root +module +module __main__")  # no edge leads to it
        self.assertNotIn("- →", text)

    def test_show(self):
        box = self.objects("Box", "--graph", "@full")[0]
        node = self.one("show", box, "--graph", "@full")["node"]
        self.assertEqual([frame["function"] for frame in node["allocated"]["stack"]][-2:], ["add", "<module>"])
        self.assertGreaterEqual(node["deep_bytes"], node["shallow_bytes"])
        self.assertGreaterEqual(node["retained_bytes"], max(node["block_bytes"], node["shallow_bytes"]))
        text = cairn("graph", python(), "show", str(box["id"]), "--graph", "@full").out
        for words in ("shallow", "in its blocks", "deep", "its death frees", "allocated by", "add", "held by 1", "holds"):
            self.assertIn(words, text)

    def test_shared(self):
        both = self.held_by(".BOTH", "list")
        rows = [row for row in self.one("referents", both, "--graph", "@full")["rows"] if row["node"]["type"] == "list"]
        self.assertEqual([(row["edge"], row["count"], row["shared"]) for row in rows], [("[*]", 3, True)])
        self.assertIn("counted once", cairn("graph", python(), "show", str(both["id"]), "--graph", "@full").out)
        shared = rows[0]["node"]
        self.assertEqual(both["deep_bytes"], both["shallow_bytes"] + shared["deep_bytes"])

    def test_cycle(self):
        kept = self.held_by(".KEPT", "Ring")
        peer, = [row["node"] for row in self.one("referents", kept, "--graph", "@full")["rows"] if row["node"]["type"] == "Ring"]
        self.assertEqual(peer["cycle"], kept["cycle"])
        self.assertIsNotNone(kept["cycle"])
        self.assertGreater(kept["retained_bytes"], 2000)
        self.assertIn(peer["id"], [row["node"]["id"] for row in self.one("dominators", kept, "--graph", "@full")["rows"]])

    def test_unreachable(self):
        self.assertEqual([row for row in ask("graph", python(), "unreachable", "--graph", "@half")["rows"] if row["type"] == "Ring"], [])
        rows = [row for row in ask("graph", python(), "unreachable", "--graph", "@full")["rows"] if row["type"] in ("Ring", "bytearray")]
        self.assertEqual(sorted(row["type"] for row in rows), ["Ring", "bytearray"])
        self.assertEqual([row["class"] for row in rows if row["type"] == "bytearray"], ["indirect"])
        ring, = [row for row in rows if row["type"] == "Ring"]
        self.assertGreater(ring["retained_bytes"], 1000)
        self.assertEqual(self.one("path", ring, "--graph", "@full")["steps"], [])
        self.assertIn("no root reaches it", cairn("graph", python(), "path", str(ring["id"]), "--graph", "@full").out)

    def test_diff(self):
        rows = {row["type"]: row for row in ask("graph", python(), "diff", "@half", "@full")["rows"]}
        box = rows["Box"]
        self.assertEqual([box[key] for key in "a_count b_count delta_count new gone survived".split()], [40, 60, 20, 30, 10, 30])
        same = ask("graph", python(), "diff", "@full", "@full")["rows"]
        self.assertTrue(all(row["delta_bytes"] == row["new"] == row["gone"] == 0 for row in same))

    def test_roots_among_referrers(self):
        """A root folds with nothing: looking for rows like it once went on for ever."""
        node = self.objects("bool")[0]
        done = cairn("graph", python(), "referrers", str(node["id"]), "-n", "50", timeout=10)
        self.assertEqual(done.status, 0)

    def test_top_by_type(self):
        rows = {row["type"]: row for row in ask("top", python(), "--by", "type", "--at", "@exit")["rows"]}
        self.assertGreaterEqual(rows["bytearray"]["live_blocks"], 2)
        self.assertEqual(rows["bytearray"]["lang"], "python")
        self.assertIn("Box", rows)
        self.assertIn("bytearray", cairn("top", python(), "--by", "type", "-n", "1000", "--at", "@exit").out)
        without = os.path.join(FOLDER, "types-off.cairn")
        cairn("record", "-q", "--graph", "off", "-o", without, "--", build("ledger"))
        self.assert_sentence(cairn("top", without, "--by", "type"), 2, "graph")

    def test_last_graph(self):
        by_time = sorted(ask("info", python())["graphs"], key=lambda graph: graph["t_ns"])
        self.assertEqual([graph["name"] for graph in by_time], ["half", "full", "exit"])
        self.assertEqual(ask("graph", python(), "types")["graph"], by_time[-1]["graph"])


class Native(Case):
    def test_list(self):
        nodes = ask("graph", native(), "objects", "40 B")["rows"]
        self.assertEqual(len(nodes), 100)
        head, = [node for node in nodes if node["root"]]
        self.assertEqual(head["root"], {"kind": "data", "name": "native_graph!kept_list"})
        self.assertEqual(sizes(head), (40, 4000))
        way = ask("graph", native(), "path", str(nodes[-1]["id"]))
        self.assertEqual(len(way["steps"]), 100)
        self.assertIn("more", cairn("graph", native(), "path", str(nodes[-1]["id"])).out)

    def test_leaked(self):
        rows = ask("graph", native(), "unreachable")["rows"]
        self.assertEqual(sorted(row["shallow_bytes"] for row in rows if row["class"] == "definite"), [1000, 1024, 1040, 1056])
        self.assertEqual(sorted(row["shallow_bytes"] for row in rows if row["class"] == "indirect"), [1008, 1008] + [2024] * 4)

    def test_inside(self):
        """An address in the middle of an object is the object."""
        node = ask("graph", native(), "objects", "40 B", "-n", "1")["rows"][0]
        self.assertEqual(ask("graph", native(), "show", hex(node["address"] + 39))["node"], ask("graph", native(), "show", str(node["id"]))["node"])


class Drawing(Case):
    def dot(self, *words, path=None):
        done = cairn("graph", path or python(), "dot", *words)
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(done.out, cairn("graph", path or python(), "dot", *words).out)
        return done.out

    def test_cap(self):
        cache = max(ask("graph", python(), "objects", "dict")["rows"], key=lambda node: node["referents"])
        text = self.dot(str(cache["id"]), "-n", "12", "--depth", "5")
        self.assertEqual(len(re.findall(r"^  o\d+ \[label", text, re.M)), 12)
        self.assertIn("more\"", text)

    def test_directions(self):
        box = ask("graph", python(), "objects", "Box", "-n", "1")["rows"][0]
        self.assertRegex(self.dot(str(box["id"]), "--depth", "1"), rf"o{box['id']} -> o\d+ ")
        self.assertRegex(self.dot(str(box["id"]), "--depth", "1", "--back"), rf"o\d+ -> o{box['id']} ")

    @staticmethod
    def plain(text):
        done = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr, done.stdout

    def test_graphviz_takes_it(self):
        if not shutil.which("dot"):
            self.skipTest("dot is not installed")
        for path in (python(), native()):
            node = ask("graph", path, "dominators", "-n", "1")["rows"][0]["node"]
            for words in ((), ("--back",)):
                status, said, _ = self.plain(self.dot(str(node["id"]), *words, path=path))
                self.assertEqual((status, said), (0, ""))


    def test_svg(self):
        box = str(ask("graph", python(), "objects", "Box", "-n", "1")["rows"][0]["id"])
        path = os.path.join(FOLDER, "box.svg")
        self.assert_sentence(cairn("graph", python(), "dot", box, "--svg", path, env={"PATH": FOLDER}), 2, "not installed", "graphviz")
        self.assertFalse(os.path.exists(path))
        if shutil.which("dot"):
            self.assertEqual(cairn("graph", python(), "dot", box, "--svg", path).status, 0)
            with open(path) as file:
                self.assertIn("<svg", file.read())
            self.assert_sentence(cairn("graph", python(), "dot", box, "--svg", path), 2, "already")
            self.assertEqual(cairn("graph", python(), "dot", box, "--svg", path, "-f").status, 0)


class NotThere(Case):
    def test_words(self):
        for words, said in (
            (["path", "99999999"], "no object 99999999"), (["show", "0x1"], "at 0x1"), (["show", "abc"], "'abc'"), (["show", "-1"], "-1"),
            (["show", "12x"], "'12x'"), (["show", ""], "''"), (["show", "99999999999999999999999"], "9999"), (["show"], "show ID"), (["types", "x"], "types"),
            (["objects", "Nonesuch"], "'Nonesuch'"), (["objects"], "TYPE"), (["diff", "1"], "G1 G2"), (["diff", "1", "9"], "graph 9"),
            (["diff", "@no", "1"], "@no"), (["types", "--graph", "7"], "graph 7"), (["types", "--graph", "@no"], "@no"), (["types", "--graph", "x"], "'x'"),
            (["wrong"], "'wrong'"), (["dot", "99999999"], "no object"), (["dot"], "dot ID"), (["types", "--limit", "x"], "limit"),
        ):
            with self.subTest(words=words):
                self.assert_sentence(cairn("graph", python(), *words), 2, said)

    def test_no_graph(self):
        path = recorded("no-graph", build("ledger"))
        if ask("info", path)["graphs"]:
            path = os.path.join(FOLDER, "off.cairn")
            self.assertEqual(cairn("record", "-q", "--graph", "off", "-o", path, "--", build("ledger")).status, 0)
        for words in verbs("x", "1"):
            self.assert_sentence(cairn("graph", path, *words), 2, "no object graph", "--graph")

    def test_no_trace(self):
        self.assert_sentence(cairn("graph", os.path.join(FOLDER, "none.cairn"), "types"), 2, "none.cairn")
        self.assert_sentence(cairn("graph", __file__, "types"), 2, "test_graph.py")


class Hostile(Case):
    def damaged(self, statement, *values):
        path = os.path.join(FOLDER, f"damaged{len(os.listdir(FOLDER))}.cairn")
        shutil.copy(python(), path)
        with sqlite3.connect(path) as trace:
            trace.execute(statement, values)
        trace.close()
        return path

    def test_damage(self):
        """Whatever a stranger wrote into the tables: an answer or one sentence, and soon."""
        for statement in (
            "UPDATE graph SET objects = 4000000000", "UPDATE graph SET objects = 1", "UPDATE graph SET types = 1", "UPDATE graph SET strings = 1",
            "UPDATE graph SET cycles = 0", "UPDATE graph SET roots = 0", "DELETE FROM graph_root", "DELETE FROM graph_string", "DELETE FROM graph_object",
            "DELETE FROM graph_links", "DELETE FROM graph_part", "DELETE FROM graph_type", "UPDATE graph_object SET data = x'00'",
            "UPDATE graph_object SET data = zeroblob(100000)", "UPDATE graph_links SET data = x'ff'", "UPDATE graph_links SET data = substr(data, 1, length(data) / 2)",
            "UPDATE graph_object SET data = substr(data, 1, length(data) - 3)", "UPDATE graph_string SET data = randomblob(2000)",
            "UPDATE graph_object SET data = randomblob(length(data))", "UPDATE graph_links SET data = randomblob(length(data))",
            "UPDATE graph_identity SET data = randomblob(100)", "UPDATE graph_object SET first_address = 0", "DELETE FROM account", "DELETE FROM thread",
        ):
            path = self.damaged(statement)
            for words in [*verbs("Box", "3000"), ["dot", "3000"]]:
                with self.subTest(statement=statement, verb=words[0]):
                    done = cairn("graph", path, *words, timeout=20)
                    self.assertIn(done.status, (0, 2), done.err)
                    if done.status == 2:
                        self.assert_sentence(cairn("graph", path, *words), 2)

    def test_names(self):
        """Names of types are a stranger's: no control character reaches the terminal, no quote ends a label."""
        name = 'B\x1b[31m"] evil [\\\nox'
        path = self.damaged("UPDATE graph_type SET name = ? WHERE name = 'Box'", name)
        text = cairn("graph", path, "types").out
        self.assertNotIn("\x1b", text)
        self.assertIn(name, [row["type"] for row in ask("graph", path, "types")["rows"]])
        box = ask("graph", path, "objects", name, "-n", "1")["rows"][0]
        drawing = cairn("graph", path, "dot", str(box["id"])).out
        self.assertNotIn("\x1b", drawing)
        if shutil.which("dot"):
            status, said, plain = Drawing.plain(drawing)
            self.assertEqual((status, said), (0, ""))
            self.assertIn("evil", plain)


class Contended(Case):
    def test_threads_that_want_the_lock(self):
        """An image has one thread only: nothing in it may wait for another one to take the interpreter's lock."""
        path = os.path.join(FOLDER, "contended.cairn")
        program = os.path.join(HERE, "programs", "contended.py")
        with subprocess.Popen([CAIRN, "record", "-q", "-o", path, "--", sys.executable, program], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as recording:
            pid = recording.stdout.readline().strip()
            for number in range(1, 4):
                done = cairn("snapshot", pid, "--graph")
                self.assertEqual(done.status, 0, done.err)
                # Whoever hears that it was taken can read it.
                self.assertEqual([graph["graph"] for graph in ask("info", path)["graphs"]], list(range(1, number + 1)))
                self.assertEqual(cairn("snapshot", pid, "--name", f"asked {number}").status, 0)
                self.assertIn(f"asked {number}", [row["name"] for row in ask("snapshots", path)["rows"]])
            recording.stdin.close()
        info = ask("info", path)
        self.assertEqual(len(info["graphs"]), 4, info["notes"])


if __name__ == "__main__":
    main()
