"""cairn import: recordings of heaptrack and massif become traces with the numbers of these tools, and damaged ones a sentence."""

import gzip
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import unittest

from support import CAIRN, COUNTS, ENVIRONMENT, FOLDER, SITE, Case, ask, build, cairn, main, trace

HEAPTRACK = shutil.which("heaptrack") and shutil.which("heaptrack_print")
POOL = 72704  # libstdc++'s, which heaptrack brings into every program
FUNCTIONS = ["burst", "churn", "keep", "grow"]  # of programs/ledger.c
READERS = ("info", "top", "tree", "leaks", "growth", "rss", "timeline", "snapshots")

_made = {}


def in_folder(name):
    return os.path.join(FOLDER, name)


def run(*words, **more):
    return subprocess.run(words, cwd=FOLDER, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=120, **more).stdout


def imported(path, name=None):
    """The trace made of a recording, once."""
    if path not in _made:
        _made[path] = path + (name or "") + ".cairn"
        done = cairn("import", path, "-o", _made[path])
        assert (done.status, done.err) == (0, ""), done.err
        assert os.path.basename(path) in done.out, done.out
    return _made[path]


def write(name, content):
    with open(in_folder(name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return in_folder(name)


# A command line with newlines. Four blocks of two sizes from two places; the third one of 16 bytes is freed twice. The first record says version 1.4, file version 3.
SMALL = """v 10400 3
X ./small -c import this
c = 1
+ +

v
I 1000 1000
s 5 small
s 4 main
s 7 small.c
s 5 inner
i 401000 1 2 3 a
i 402000 1 4 3 14 2 3 b
i 403000 1
t 1 0
t 2 1
t 3 1
a 10 2
a 20 3
+ 0
+ 0
c a
R 100
+ 0
- 0
+ 1
c 14
R 200
- 0
- 0
- 0
# strings: 4
"""


class Heaptrack(Case):
    def recording(self):
        if not HEAPTRACK:
            raise unittest.SkipTest("heaptrack is not installed")
        if "ledger" not in _made:
            run("heaptrack", "-o", in_folder("heaptrack.ledger"), build("ledger"))
            _made["ledger"] = next(in_folder(n) for n in sorted(os.listdir(FOLDER)) if n.startswith("heaptrack.ledger."))
        return _made["ledger"]

    def printed(self, cost):
        """The exact sum over all stacks that heaptrack_print makes flame graphs of."""
        text = in_folder("flame." + cost)
        run("heaptrack_print", "-f", self.recording(), "-F", text, "--flamegraph-cost-type", cost)
        with open(text, encoding="utf-8", errors="replace") as file:
            return sum(int(line.rsplit(" ", 1)[1]) for line in file if line.strip())

    def plain(self):
        return subprocess.run(["zstd", "-dcq", self.recording()], check=True, capture_output=True).stdout

    def taken_for_temporary(self):
        """heaptrack_print's word for "nothing was allocated last" is 0, which also names the first allocation: what frees that one behind
        another free is counted as temporary there."""
        found, freed = 0, True
        for line in self.plain().splitlines():
            if line[:1] in (b"+", b"-"):
                found += freed and line == b"- 0"
                freed = line[:1] == b"-"
        return found

    def test_totals_are_those_of_heaptrack_print(self):
        path = imported(self.recording())
        info, total = ask("info", path), ask("top", path)["total"]
        self.assertEqual(info["events"]["alloc"], self.printed("allocations"))
        self.assertEqual(total["allocations"], self.printed("allocations"))
        self.assertEqual(total["temporary"] + self.taken_for_temporary(), self.printed("temporary"))
        self.assertEqual(info["peak"]["bytes"], self.printed("peak"))
        self.assertEqual(total["peak_bytes"], self.printed("peak"))
        self.assertEqual(info["end"]["bytes"], self.printed("leaked"))
        self.assertEqual(ask("leaks", path)["total"]["bytes"], self.printed("leaked"))
        summary = run("heaptrack_print", "-f", self.recording())
        said = dict(re.findall(r"^([a-z][^:\n]*): ([\d.]+[KMG]?B?)", summary, re.M))
        rss = float(said["peak RSS (including heaptrack overhead)"].rstrip("KMGB")) * 1e6
        self.assertAlmostEqual(info["rss_peak_bytes"], rss, delta=0.01e6)

    def test_sites_are_those_that_cairn_records(self):
        theirs, ours = imported(self.recording()), trace("ledger")
        for metric, at in (("allocated", "peak"), ("allocations", "peak"), ("peak", "peak"), ("live", "end")):
            rows = [[(row["function"], row["allocated_bytes"], row["allocations"], row["live_bytes"], row["peak_bytes"])
                     for row in ask("top", path, "--metric", metric, "--at", at, "--sort", "metric")["rows"]
                     if row["function"] in FUNCTIONS] for path in (theirs, ours)]
            self.assertEqual(rows[0], rows[1], metric)
            self.assertEqual(sorted(row[0] for row in rows[0]), sorted(FUNCTIONS))

    def test_totals_are_those_that_cairn_records(self):
        """But for what heaptrack brings along: one pool, and the few blocks of functions that are not the program's own."""
        theirs, ours = ask("top", imported(self.recording())), ask("top", trace("ledger"))
        others = [row for row in theirs["rows"] if row["function"] not in FUNCTIONS]
        self.assertEqual([row["allocated_bytes"] for row in others][:1], [POOL])
        self.assertLess(sum(row["allocated_bytes"] for row in others), POOL + 4096)
        for key in ("allocations", "allocated_bytes", "peak_bytes", "live_bytes"):
            self.assertEqual(theirs["total"][key] - sum(row[key] for row in others), ours["total"][key], key)

    def test_packed_or_not(self):
        plain = self.plain()
        paths = [self.recording(), write("plain.heaptrack", plain), write("packed.heaptrack.gz", gzip.compress(plain))]
        answers = [ask("top", imported(path)) for path in paths]
        for answer in answers:
            answer.pop("trace")
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])


class SmallHeaptrack(Case):
    """A file written by hand: what must come out is known to the byte, with or without heaptrack on the machine."""

    def path(self):
        return imported(write("small.heaptrack", SMALL)) if not os.path.exists(in_folder("small.heaptrack")) else _made[in_folder("small.heaptrack")]

    def test_numbers(self):
        info = ask("info", self.path())
        self.assertEqual(info["events"], {"alloc": 4, "free": 3, "realloc": None, "unknown_free": 1})
        self.assertEqual(info["allocated_bytes"], 3 * 16 + 32)
        self.assertEqual(ask("top", self.path())["total"]["temporary"], 1)  # right behind its allocation; what follows is behind a free
        self.assertEqual(info["peak"], {"t_ns": 10000000, "bytes": 64, "blocks": 3})
        self.assertEqual(info["end"], {"bytes": 32, "blocks": 1})
        self.assertEqual((info["duration_ns"], info["rss_peak_bytes"], info["program"]), (20000000, 0x200 * 0x1000, "./small"))
        self.assertTrue(info["complete"])

    def test_what_is_not_told_is_unknown(self):
        info = ask("info", self.path())
        for key in ("args", "pid", "started_unix_ns", "exit_status", "signal", "threads", "stalled_ns"):
            self.assertIsNone(info[key], key)
        self.assertIsNone(info["processes"][0]["pid"])
        self.assertIsNone(ask("top", self.path())["total"]["reallocs"])
        self.assertIsNone(ask("top", self.path(), "--by", "thread")["rows"][0]["thread"])
        self.assertTrue(all(point["mapped_bytes"] is None for point in ask("timeline", self.path())["points"]))
        self.assert_sentence(cairn("top", self.path(), "--at", "03:12:40"), 2, "time of day")
        self.assertIn("–", cairn("info", self.path()).out)
        self.assertIn("-", cairn("info", self.path(), env={"LC_ALL": "C"}).out)
        self.assertNotIn("u{2013}", cairn("info", self.path(), env={"LC_ALL": "C"}).out)

    def test_whose_numbers_they_are(self):
        for command in ("info", "top", "leaks"):
            text = " ".join(cairn(command, self.path()).out.split())
            self.assertIn("as heaptrack told it", text, command)
            self.assertNotIn("exact", text, command)

    def test_resident_memory_is_a_sum(self):
        rss = ask("rss", self.path(), "--at", "end")
        self.assertEqual(rss["total_bytes"], 0x200 * 0x1000)
        self.assertEqual([(row["category"], row["bytes"]) for row in rss["rows"]], [("live heap", None), ("unexplained", 0x200 * 0x1000)])

    def test_places(self):
        rows = ask("top", self.path(), "--at", "end", "--by", "line")["rows"]
        stack = next(row for row in rows if row["function"] == "inner")["stack"]
        self.assertEqual([(f["function"], f["line"], f["inlined"]) for f in stack],
                         [("inner", 20, True), ("main", 11, False), ("main", 10, False)])
        self.assertEqual({f["file"] for f in stack}, {"small.c"})
        nameless = next(row for row in rows if row["function"] is None)
        self.assertEqual((nameless["module"], nameless["live_bytes"]), ("small", 32))

    def test_every_reading_command_opens_it(self):
        for verb in READERS + ("sizes",):
            self.assertEqual(cairn(verb, self.path()).status, 0, verb)
        for words in (("diff", self.path(), "start", "peak"), ("check", self.path(), "--max-peak", "1K"), ("sql", self.path(), "SELECT count(*) FROM events"),
                      ("slim", self.path(), "-o", in_folder("small-slim.cairn")), ("redact", self.path(), "-o", in_folder("small-redact.cairn")),
                      ("view", self.path(), "--size", "100x30", "--script", write("keys", "keys 12345678?\nkey Esc\nkeys q\n"))):
            done = cairn(*words)
            self.assertEqual(done.status, 0, (words, done.err))
        for format in ("folded", "pprof", "massif", "csv", "json", "dot", "html"):
            self.assertEqual(cairn("export", self.path(), "--format", format, "-o", in_folder("small." + format)).status, 0, format)


class Massif(Case):
    def recording(self, *options):
        out = in_folder("massif" + "".join(options).replace("-", "").replace("=", "") + ".out")
        if not os.path.exists(out):
            run("valgrind", "--tool=massif", "--massif-out-file=" + out, *options, build("ledger"))
        return out

    def printed(self, path):
        """{number: (time, useful heap)}, {number: {site: bytes}} as ms_print says."""
        sizes, trees, number = {}, {}, None
        for line in run("ms_print", path).splitlines():
            row = re.match(r"^ *(\d+) +([\d,]+) +[\d,]+ +([\d,]+) +[\d,]+ +[\d,]+$", line)
            site = re.match(r"^->[\d.]+% \(([\d,]+)B\) 0x[0-9A-F]+: (\S+) \(", line)
            if row:
                number = int(row[1])
                sizes[number] = tuple(int(row[i].replace(",", "")) for i in (2, 3))
            elif site:
                trees.setdefault(number, {}).setdefault(site[2], 0)
                trees[number][site[2]] += int(site[1].replace(",", ""))
        self.assertGreater(len(sizes), 5)
        return sizes, trees

    def test_sizes_are_those_of_ms_print(self):
        for options in ((), ("--time-unit=B", "--stacks=yes", "--depth=3"), ("--time-unit=ms", "--detailed-freq=1")):
            recording = self.recording(*options)
            sizes, trees = self.printed(recording)
            path = imported(recording)
            snapshots = {row["snapshot"]: row for row in ask("snapshots", path)["rows"]}
            self.assertLessEqual(set(trees), set(snapshots))
            for number, row in snapshots.items():
                self.assertEqual((row["bytes"], row["blocks"]), (sizes[number][1], None), (options, number))
            last = {sizes[n][0]: sizes[n][1] for n in sorted(sizes)}  # several may share a time
            self.assertEqual([point["heap_bytes"] for point in ask("timeline", path)["points"]], [last[t] for t in sorted(last)])
            self.assertEqual(ask("info", path)["end"]["bytes"], sizes[max(sizes)][1])

    def test_trees_are_those_of_ms_print(self):
        recording = self.recording("--detailed-freq=1")
        _, trees = self.printed(recording)
        for number, sites in trees.items():
            rows = ask("top", imported(recording), "--at", f"s{number}")["rows"]
            found = {row["function"]: row["live_bytes"] for row in rows if row["function"] in sites}
            self.assertEqual(found, sites, number)

    def test_the_peak(self):
        path = imported(self.recording())
        peak = [row for row in ask("snapshots", path)["rows"] if row["kind"] == "peak"]
        self.assertEqual(len(peak), 1)
        top = ask("top", path)
        self.assertEqual(top["at"]["t_ns"], peak[0]["t_ns"])
        self.assertEqual(top["total"]["live_bytes"], peak[0]["bytes"])
        self.assertEqual((top["rows"][0]["function"], top["rows"][0]["live_bytes"]), ("burst", 8 << 20))

    def test_what_is_not_told_is_unknown(self):
        path = imported(self.recording())
        info, top = ask("info", path), ask("top", path)
        for key in ("allocated_bytes", "pid", "started_unix_ns", "threads", "rss_peak_bytes"):
            self.assertIsNone(info[key], key)
        self.assertEqual(set(info["events"].values()) | {info["peak"]["blocks"], info["end"]["blocks"]}, {None})
        for counts in [top["total"], *top["rows"], ask("tree", path)["total"]]:
            self.assertEqual([counts[key] for key in COUNTS if not key.endswith("_bytes") or key == "allocated_bytes"], [None] * 5)
            self.assertIsNotNone(counts["peak_bytes"])
        self.assert_keys(top["rows"][0], SITE)
        leaks = ask("leaks", path)
        self.assertEqual((leaks["total"]["blocks"], leaks["rows"][0]["oldest_age_ns"]), (None, None))
        for point in ask("timeline", path)["points"]:
            self.assertEqual([point[key] for key in ("heap_blocks", "rss_bytes", "mapped_bytes", "allocations_per_s", "frees_per_s")], [None] * 5)
        diff = ask("diff", path, "start", "peak")
        self.assertEqual([diff["total"][key] for key in ("a_blocks", "delta_blocks", "survived_bytes")], [None] * 3)
        for words in (("top", path, "--metric", "allocations"), ("tree", path, "--metric", "temporary"), ("sizes", path),
                      ("check", path, "--max-allocated", "1"), ("leaks", path, "--min-age", "1s")):
            self.assert_sentence(cairn(*words), 2, "massif")

    def test_times_that_are_no_times(self):
        """Massif counts instructions unless it is told otherwise: every answer says what its times are."""
        for options, unit, words in (((), "instructions", "times are instructions"), (("--time-unit=B", "--stacks=yes", "--depth=3"), "bytes", "times are bytes"),
                                     (("--time-unit=ms", "--detailed-freq=1"), "ns", "as massif told it")):
            path = imported(self.recording(*options))
            info = ask("info", path)
            self.assertEqual((info["time_unit"], info["processes"][0]["origin"]), (unit, "massif"))
            for command in ("info", "top", "timeline", "growth"):
                text = " ".join(cairn(command, path).out.split())
                self.assertIn(words, text, command)
                self.assertNotIn("exact", text, command)
        self.assertEqual(ask("info", trace("ledger"))["time_unit"], "ns")

    def test_it_compares_with_a_recording_of_cairn(self):
        """Massif tells a place's file or its module: sites match without modules."""
        for by in ("function", "line"):
            diff = ask("diff", imported(self.recording()), trace("ledger"), "--by", by)
            states = {row["function"]: (row["state"], row["delta_bytes"], row["delta_blocks"]) for row in diff["rows"]}
            self.assertEqual({states["burst"], states["keep"]}, {("same", 0, None)}, by)
            self.assertEqual(states["grow"][0], "new", by)  # below massif's threshold

    def test_every_reading_command_opens_it(self):
        path = imported(self.recording())
        for verb in READERS:
            self.assertEqual(cairn(verb, path).status, 0, verb)
        for words in (("diff", path, "20%", "peak"), ("check", path, "--max-peak", "1G", "--max-leaked", "1G"), ("slim", path, "-o", in_folder("massif-slim.cairn")),
                      ("redact", path, "-o", in_folder("massif-redact.cairn")), ("view", path, "--size", "100x30", "--script", write("keys", "keys 12345678?\nkey Esc\nkeys q\n"))):
            done = cairn(*words)
            self.assertEqual(done.status, 0, (words, done.err))
        for format in ("folded", "pprof", "massif", "csv", "json", "dot", "html"):
            self.assertEqual(cairn("export", path, "--format", format, "-o", in_folder("massif." + format)).status, 0, format)

    def test_our_own_export_comes_back(self):
        out = in_folder("own.massif")
        self.assertEqual(cairn("export", trace("ledger"), "--format", "massif", "--at", "peak", "-o", out).status, 0)
        rows = [{row["function"].split(" (")[0]: row["live_bytes"] for row in ask("top", path)["rows"] if row["live_bytes"]} for path in (imported(out), trace("ledger"))]
        self.assertEqual(rows[0], rows[1])


MASSIF = """desc: none
cmd: ./m -c a

b
time_unit: i
#-----------
snapshot=0
#-----------
time=5
mem_heap_B=100
mem_heap_extra_B=0
mem_stacks_B=0
heap_tree=peak
n2: 100 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n0: 60 0x1: f(int) (a.c:1)
 n0: 40 in 2 places, all below massif's threshold (1.00%)
"""

HEAD = "v 10400 3\n"
# What is in the file, what the sentence says.
DAMAGED = [
    ("", "no recording"), ("\n", "no recording"), ("hello\n", "no recording"), ("v \n", "no recording"), (b"\0" * 4096, "no recording"), (b"\xff" * (3 << 20), "no recording"),
    (HEAD + "+ 0\n", "line 2"), (HEAD + "s 5 small", "line 2"), (HEAD + "s 6 small\n", "line 2"), (HEAD + "s x\n", "line 2"),
    (HEAD + "i 1 1\n", "string 1"), (HEAD + "i\n", "line 2"), (HEAD + "i 1 0 0 0 ffffffffff\n", "line 2"), (HEAD + "t 1 0\n", "place 1"), (HEAD + "t 0 0\n", "place 0"),
    (HEAD + "i 1 0\nt 1 1\n", "trace 1"), (HEAD + "a 1 1\n", "trace 1"), (HEAD + "a ffffffffffffffff 0\n", "address space"), (HEAD + "a 11111111111111111 0\n", "line 2"),
    (HEAD + "a 1 0\n- 1\n", "allocation 1"), (HEAD + "a 1 0\n+ 0 0\n", "line 3"), (HEAD + "c 5\nc 4\n", "does not follow"), (HEAD + "c ffffffffffff\n", "line 2"),
    (HEAD + "I 0 1\n", "pages"), (HEAD + "I 1000 1\nR ffffffffff\n", "pages"), (HEAD + "q 1\n", "line 2"), (HEAD + "X a\nX b\n", "twice"), (HEAD + HEAD, "twice"),
    (HEAD + "+\0 0\n", "line 2"), ("v 10400 9\n", "version 9"), ("v 10400\n", "version 0"), (HEAD + "x 5 /a/b\nm 1 -\n", "heaptrack_interpret"),
    (HEAD + "a 800000000000 0\n" + "+ 0\n" * 40000, "more was allocated"), (HEAD + "i 1 0" + " 0 0 0" * 300 + "\n", "inlined"), (HEAD + "#" * (2 << 20) + "\n", "longer than"),
    ("desc: x\n", "line 1"), ("desc: x\ncmd: y\ntime_unit: weeks\n", "unit"), ("desc: x\ncmd: y\ntime_unit: i\n", "first snapshot"),
    (MASSIF.replace("snapshot=0", "snapshot=x"), "snapshot="), (MASSIF.replace("time=5", "time=-5"), "time="), (MASSIF.replace("heap_B=100", "heap_B=99"), "more than its snapshot"),
    (MASSIF.replace("n0: 60", "n0: 61"), "more than it does"), (MASSIF.replace("n2: 100", "n3: 100"), "within a tree"), (MASSIF.replace(" n0: 60", "  n0: 60"), "depth"),
    (MASSIF.replace("0x1: f(int)", "f(int)"), "address"), (MASSIF.replace("heap_tree=peak", "heap_tree=some"), "heap_tree"), (MASSIF.replace("=100", "=999999999999999999999"), "mem_heap_B"),
    (MASSIF + MASSIF[MASSIF.index("snapshot=0"):], "does not follow"), (MASSIF + MASSIF[MASSIF.index("snapshot=0"):].replace("snapshot=0", "snapshot=1"), "second peak"),
    ("".join(MASSIF.partition("n2")[0]) + "".join(f"{' ' * i}n1: 100 0x1: f (a.c:1)\n" for i in range(1100)), "deep"),
]


class Hostile(Case):
    def test_damaged_files_get_a_sentence_and_leave_nothing(self):
        for i, (content, words) in enumerate(DAMAGED):
            path, before = write("damaged", content), sorted(os.listdir(FOLDER))
            done = cairn("import", path, "-o", in_folder("damaged.cairn"))
            self.assert_sentence(done, 2, words)
            self.assertEqual(sorted(os.listdir(FOLDER)), before, i)

    def test_damaged_packing(self):
        packed = subprocess.run(["zstd", "-cq"], input=(SMALL + "".join(f"# {i * i * 12345:x}\n" for i in range(99999))).encode(), check=True, capture_output=True).stdout
        for content, words in ((packed[:-20], "zstd"), (packed[:200] + b"damage" + packed[206:], "zstd"), (packed[:5], "zstd"),
                               (gzip.compress(SMALL.encode())[:-9], "gzip"), (gzip.compress(SMALL.encode())[:40] + b"x" * 40, "gzip")):
            self.assert_sentence(cairn("import", write("damaged", content), "-o", in_folder("damaged.cairn")), 2, words)
            self.assertFalse(os.path.exists(in_folder("damaged.cairn")))

    def test_names_in_a_file_stay_text(self):
        name = "evil\x1b]0;title\x07"
        path = imported(write("evil.heaptrack", SMALL.replace("s 5 inner", f"s {len(name):x} {name}")))
        self.assertIn("\\e]0;title", cairn("top", path, "--at", "end").out)

    def test_memory_is_bounded(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (768 << 20, 768 << 20))
        if os.environ.get("CAIRN_SANITIZE"):
            self.skipTest("sanitizers need address space of their own")
        texts = HEAD + "".join(f"s 10 {i:016x}\n" for i in range(1 << 20)) * 8
        path = write("large", gzip.compress(texts.encode(), 1))
        done = cairn("import", path, "-o", in_folder("large.cairn"), preexec_fn=limit)
        self.assertEqual(done.status, 2, done.err)
        self.assertIn("512 MiB", done.err)
        self.assertFalse(os.path.exists(in_folder("large.cairn")))

    def test_what_is_there_stays(self):
        small, out = write("there.heaptrack", SMALL), in_folder("there.cairn")
        self.assert_sentence(cairn("import", small), 2, "-o")
        self.assert_sentence(cairn("import"), 2, "FILE")
        self.assertEqual(cairn("import", small, "-o", out).status, 0)
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
        self.assert_sentence(cairn("import", small, "-o", out), 2, "-f")
        with open(out, "rb") as file:
            before = file.read()
        self.assert_sentence(cairn("import", write("damaged", HEAD + "q\n"), "-f", "-o", out), 2)
        with open(out, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(cairn("import", small, "-f", "-o", out).status, 0)
        self.assertEqual([n for n in os.listdir(FOLDER) if n.startswith("there.cairn")], ["there.cairn"])
        database = sqlite3.connect(out)
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        database.close()
        for path, words in ((in_folder("missing"), "missing"), (FOLDER, "regular file"), ("/dev/null", "regular file"), (out, "no recording"), (CAIRN, "no recording")):
            self.assert_sentence(cairn("import", path, "-o", in_folder("other.cairn")), 2, words)
        self.assert_sentence(cairn("import", small, "-o", "/nonexistent/x.cairn"), 2, "/nonexistent")


main()
