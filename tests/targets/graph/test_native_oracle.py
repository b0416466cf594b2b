"""Generated programs with known object graphs: what a recording says of them is what was planted, and what LeakSanitizer,
preloaded into the very same executable, says of their leaks."""
import bisect
import collections
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import native_programs  # noqa: E402

BUILD = Path(sys.argv.pop(1)) if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir() else Path(os.environ["CAIRN_BUILD"])
CAIRN = BUILD / "cairn"
SEEDS = int(os.environ.get("CAIRN_ORACLE_SEEDS", "4"))
EXACT, INTERIOR = "0", "1"  # as dump_graph writes them


def sanitizer():
    """The library to preload, or None."""
    found = subprocess.run(["gcc", "-print-file-name=liblsan.so"], capture_output=True, text=True).stdout.strip()
    return found if os.path.isabs(found) else None


def leaks_by_sanitizer(program, options=""):
    """Counter of (size, class)."""
    done = subprocess.run([program], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LD_PRELOAD": sanitizer(), "LSAN_OPTIONS": "report_objects=1:max_leaks=0" + options})
    found, kind = collections.Counter(), None
    for line in done.stderr.splitlines():
        if head := re.match(r"(Direct|Indirect) leak of ", line):
            kind = "definite" if head[1] == "Direct" else "indirect"
        elif leak := re.match(r"0x[0-9a-f]+ \((\d+) bytes\)", line):
            found[int(leak[1]), kind] += 1
    return found


def ask(trace, *words):
    done = subprocess.run([CAIRN, "graph", trace, *words, "--format", "json"], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


class Recording:
    """The exit graph of a program, read by the commands that people use."""

    def __init__(self, program, folder, *options):
        self.trace = folder / "trace.cairn"
        self.said = subprocess.run([CAIRN, "record", "-q", "-f", *options, "-o", self.trace, program], check=True, timeout=60,
                                   stdout=subprocess.PIPE, text=True).stdout
        self.objects = [row for kind in ask(self.trace, "types")["rows"] for row in ask(self.trace, "objects", kind["type"])["rows"]]
        connection = sqlite3.connect(self.trace)
        self.notes = [note for note, in connection.execute("SELECT text FROM note")]
        self.roots = connection.execute("SELECT kind, name, object FROM graph_root").fetchall()
        connection.close()

    def leaks(self):
        """Counter of (size, class)."""
        return collections.Counter((row["shallow_bytes"], row["class"]) for row in self.objects if row["class"] != "reachable")

    def unsuppressed(self, suppressions):
        """The same, of what a file of suppressions leaves; of programs whose every block has a line of its own."""
        done = subprocess.run([CAIRN, "leaks", self.trace, "--by", "stack", "--suppressions", suppressions, "--format", "json"],
                              capture_output=True, text=True, check=True, timeout=60)
        return collections.Counter((row["bytes"], row["class"]) for row in json.loads(done.stdout)["rows"] if row["class"] != "reachable")

    def edges(self, row):
        """[(name, confidence, size of the target)]"""
        return [(edge["edge"], edge["confidence"], edge["node"]["shallow_bytes"])
                for edge in ask(self.trace, "referents", str(row["id"]))["rows"]]


class Oracle(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def build(self, text, suffix, *options):
        source, program = self.folder / f"program{suffix}", self.folder / "program"
        source.write_text(text)
        compiler = "g++" if suffix == ".cpp" else "gcc"
        subprocess.run([compiler, "-g", "-O1", "-fno-builtin", *options, source, "-o", program, "-pthread"], check=True, timeout=120)
        return program

    def check_program(self, seed, cpp):
        plan = native_programs.Program(seed, cpp)
        program = self.build(plan.source(), ".cpp" if cpp else ".c")
        recording = Recording(program, self.folder)
        planted = {plan.size(k): k for k in range(plan.blocks)}
        found = {planted[row["shallow_bytes"]]: row for row in recording.objects if row["shallow_bytes"] in planted}
        self.assertEqual(len(found), plan.blocks)
        self.assertEqual({k for k, row in found.items() if row["class"] == "reachable"}, plan.reachable())
        self.assertEqual(recording.leaks(), leaks_by_sanitizer(program))
        for k, row in found.items():
            wanted = sorted((f"+{8 * word}", "interior" if inside else "exact", plan.size(target))
                            for (source, word), (target, inside) in plan.edges.items() if source == k)
            self.assertEqual(sorted(recording.edges(row)), wanted)
            if plan.classes[k]:
                self.assertEqual(row["type"], f"shapes::Shape{plan.classes[k]}")
        for wanted_kind, block in plan.held.items():
            held = found[block]["id"]
            self.assertEqual({kind for kind, _, node in recording.roots if node == held}, {wanted_kind})

    @unittest.skipUnless(sanitizer(), "there is no liblsan here")
    def test_c(self):
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                self.check_program(seed, False)

    @unittest.skipUnless(sanitizer(), "there is no liblsan here")
    def test_cpp(self):
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                self.check_program(seed, True)

    @unittest.skipUnless(sanitizer(), "there is no liblsan here")
    def test_suppressions(self):
        """Files of suppressions leave out the same blocks: what is named, and what that keeps."""
        random_numbers = random.Random(7)
        program = self.build(native_programs.named_losers(random_numbers), ".cpp")
        recording = Recording(program, self.folder)
        patterns = ["zoo::make_%d(" % k for k in range(native_programs.LOSERS)]
        patterns += ["^zoo::make_3", "make_1*(int)", "make_2*(int)$", "*ake_4", "^make_5", "nothing", "zoo*ma*_6(", "program.cpp"]
        files = [[pattern] for pattern in patterns] + [random_numbers.sample(patterns[:-1], 3) for _ in range(6)]
        file = self.folder / "suppressions"
        for chosen in files:
            file.write_text("# of a test\n\n" + "".join(f"leak:{pattern}\n" for pattern in chosen))
            with self.subTest(patterns=chosen):
                wanted = leaks_by_sanitizer(program, f":suppressions={file}")
                self.assertEqual(recording.unsuppressed(file), wanted)
                answer = ask(recording.trace, "unreachable", "--suppressions", file)
                self.assertEqual(collections.Counter((row["shallow_bytes"], row["class"]) for row in answer["rows"]), wanted)
                self.assertEqual(answer["rows_total"], sum(wanted.values()))
                some = ask(recording.trace, "unreachable", "--suppressions", file, "--offset", "1", "--limit", "2")
                self.assertEqual(some["rows"], answer["rows"][1:3])

    def test_container_edges(self):
        """Every pointer that containers know of themselves is an edge, by its offset, exact or into a block's middle."""
        program = BUILD / "tests" / "targets" / "graph" / "native_edges"
        recording = Recording(program, self.folder)
        dump = subprocess.run([BUILD / "tests" / "unit" / "graph" / "dump_graph", recording.trace, "@exit"], capture_output=True,
                              text=True, check=True, timeout=60).stdout.splitlines()
        nodes = [tuple(map(int, line.split(" ", 4)[1:4])) for line in dump if line.startswith("n ")]
        addresses = {number: address for number, address, _ in nodes}
        edges = {(addresses[int(source)], addresses[int(target)], label, confidence)
                 for source, target, confidence, label in (line.split(" ", 4)[1:] for line in dump if line.startswith("e "))}
        blocks = sorted((address, size) for _, address, size in nodes)

        def block_of(address):
            start, size = blocks[bisect.bisect(blocks, (address, float("inf"))) - 1]
            self.assertTrue(start <= address < start + size, hex(address))
            return start

        pairs = [tuple(map(int, line.split())) for line in recording.said.splitlines()]
        self.assertGreater(len(pairs), 1000)
        confidence_of = {True: EXACT, False: INTERIOR}
        wanted = {(block_of(word), block_of(value), f"+{word - block_of(word)}", confidence_of[block_of(value) == value])
                  for word, value in pairs}
        self.assertEqual(wanted - edges, set())
        self.assertEqual({confidence for *_, confidence in wanted}, {EXACT, INTERIOR})

    @unittest.skipUnless(sanitizer(), "there is no liblsan here")
    def test_containers(self):
        """Two worlds of containers, one of them lost: half of all blocks leaked, as LeakSanitizer has it."""
        program = BUILD / "tests" / "targets" / "graph" / "native_containers"
        recording = Recording(program, self.folder)
        leaks = recording.leaks()
        self.assertEqual(leaks, leaks_by_sanitizer(program))
        reachable = collections.Counter(row["shallow_bytes"] for row in recording.objects if row["class"] == "reachable")
        leaked = collections.Counter()
        for (size, _), count in leaks.items():
            leaked[size] += count
        self.assertEqual(leaked - reachable, collections.Counter())
        # What is held besides is the C++ library's own.
        self.assertLessEqual(sum((reachable - leaked).values()), 2)
        counts = collections.Counter(row["type"] for row in recording.objects)
        self.assertEqual((counts["zoo::Dog"], counts["zoo::Both"]), (200, 200))
        # Two worlds of 100 each: map, multimap and set; list; two unordered ones; a deque of less than one piece; a vector of
        # vectors and three more; texts of map values, of keys and of dogs.
        parts = {name: count for name, count in counts.items() if name.startswith("std::") and "<" not in name}
        self.assertEqual(parts, {"std::map/set node": 600, "std::list node": 200, "std::unordered node": 400, "std::unordered buckets": 4,
                                 "std::deque map": 2, "std::deque items": 2, "std::vector items": 208, "std::string text": 600})


if __name__ == "__main__":
    unittest.main()
