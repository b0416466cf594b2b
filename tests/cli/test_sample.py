"""Sampled recordings against a program's own books: how far the estimates of fifty places are from the truth, in their own
standard errors. The seeds are fixed: it is always the same draw. CAIRN_LONG=1: a thousand pairs of place and seed."""
import ctypes.util
import json
import math
import os
import re
import sys
import tempfile
import unittest
from functools import lru_cache

import support
from support import Case, ask, build, cairn

LONG = bool(os.environ.get("CAIRN_LONG"))
SEEDS = range(1, 21 if LONG else 7)
SAMPLE = 16384
BOOK = ("allocated_bytes", "allocations", "reallocs", "live_bytes", "live_blocks")
MEASURES = {"live_bytes": "live", "allocated_bytes": "allocated"}


def path(name):
    return os.path.join(support.FOLDER, name)


def books(file):
    """What the program wrote: place → column → number."""
    with open(file, encoding="utf-8") as lines:
        return {place: dict(zip(BOOK, map(int, numbers))) for place, *numbers in (line.split() for line in lines)}


def record(trace, *program, seed=1, sample=SAMPLE, options=(), **more):
    done = cairn("record", "-q", "-f", "-o", trace, "--sample", str(sample), *options, "--", *program,
                 env={"CAIRN_SAMPLE_SEED": str(seed), **more.pop("env", {})}, **more)
    if done.status != 0:
        raise AssertionError(f"record: status {done.status}: {done.err}")
    return trace


@lru_cache(maxsize=None)
def sites(seed, threads=1):
    """(trace, books) of one recording of sites.c."""
    program = build("sites", flags=("-g", "-O1", "-fno-builtin", "-pthread"))
    trace, book = path(f"sites-{seed}-{threads}.cairn"), path(f"book-{seed}-{threads}")
    return record(trace, program, book, str(threads), seed=seed), books(book)


@lru_cache(maxsize=None)
def answers(seed, key, threads=1):
    return ask("top", sites(seed, threads)[0], "--at", "end", "--metric", MEASURES[key])


def ask_check(trace, *words):
    done = cairn("check", trace, *words, "--format", "json")
    assert done.status in (0, 1), done.err
    return json.loads(done.out)


def deviations(key, threads=1):
    """(estimate − truth) / standard error of every pair of place and seed that left something to chance."""
    found = []
    for seed in SEEDS:
        rows = {row["function"]: row for row in answers(seed, key, threads)["rows"]}
        for place, truth in sites(seed, threads)[1].items():
            row = rows.get(place, {key: 0, "error_bytes": 0})
            off = row[key] - truth[key]
            # Blocks of many sample distances are always there: rounding is all that is left.
            found.append(off / row["error_bytes"] if row["error_bytes"] > 0 else 0 if abs(off) <= 32 else math.inf)
    return found


class Estimates(Case):
    def check_deviations(self, found):
        within = sum(abs(z) <= 3 for z in found) / len(found)
        self.assertGreaterEqual(within, 0.985, sorted(found)[:3] + sorted(found)[-3:])
        # Of so many numbers of variance at most 1 the mean is within 4 / √n.
        self.assertLess(abs(sum(found) / len(found)), 4 / math.sqrt(len(found)))
        self.assertLess(math.sqrt(sum(z * z for z in found) / len(found)), 1.15)

    def test_places(self):
        """Live and allocated bytes of every place, within three standard errors and without a bias."""
        for key in MEASURES:
            with self.subTest(key):
                found = deviations(key)
                self.assertGreaterEqual(len(found), 1000 if LONG else 300)
                self.check_deviations(found)

    def test_errors_are_honest(self):
        """The errors are not too large either: where blocks are small, deviations are of variance 1."""
        small = [z for i, z in enumerate(deviations("allocated_bytes")) if i % 50 < 20]
        self.assertGreater(sum(z * z for z in small) / len(small), 0.6)

    def test_threads(self):
        """Each thread draws for itself."""
        trace, truth = sites(1, 3)
        rows = {row["function"]: row for row in ask("top", trace, "--at", "end")["rows"]}
        found = [(rows[place]["live_bytes"] - book["live_bytes"]) / rows[place]["error_bytes"]
                 for place, book in truth.items() if place in rows and rows[place]["error_bytes"] > 1000]
        self.assertGreater(len(found), 20)
        self.assertGreaterEqual(sum(abs(z) <= 4 for z in found) / len(found), 0.95)

    def test_totals(self):
        """Sums over all places and seeds: bytes within the error, counts and reallocs within what so many samples allow."""
        sums = {key: [0, 0] for key in BOOK}
        for seed in SEEDS:
            truth = sites(seed)[1].values()
            for key in MEASURES:
                total = answers(seed, key)["total"]
                # What the program and the C library allocate besides is a few kilobytes.
                self.assertLess(abs(total[key] - sum(book[key] for book in truth)), 4 * total["error_bytes"])
            for row in answers(seed, "live_bytes")["rows"]:
                for key in BOOK:
                    sums[key][0] += row[key]
            for key in BOOK:
                sums[key][1] += sum(book[key] for book in truth)
        for key, (found, truth) in sums.items():
            self.assertLess(abs(found / truth - 1), 0.05, key)

    def test_same_seed_same_estimates(self):
        trace, _ = sites(1)
        again = record(path("again.cairn"), build("sites"), path("again.book"), "1", seed=1)
        self.assertEqual(ask("top", trace, "--at", "end")["total"]["live_bytes"],
                         ask("top", again, "--at", "end")["total"]["live_bytes"])

    def test_every_question(self):
        """All answers are made of the same estimates."""
        trace, truth = sites(2)
        top = ask("top", trace, "--at", "end")
        self.assertIs(top["sampled"], True)
        live, blocks = top["total"]["live_bytes"], top["total"]["live_blocks"]
        tree = ask("tree", trace, "--at", "end")
        self.assertEqual((tree["total"]["live_bytes"], tree["total"]["error_bytes"]), (live, top["total"]["error_bytes"]))
        leaks = ask("leaks", trace)
        self.assertEqual(leaks["total"], {"bytes": live, "blocks": blocks, "error_bytes": top["total"]["error_bytes"]})
        self.assertEqual(leaks["meaning"], "live_at_end")
        unknown = {"bytes": None, "blocks": None}  # no graph says which they are
        self.assertEqual([leaks[key] for key in ("definite", "indirect", "reachable", "unknown")], [unknown] * 3 + [{"bytes": live, "blocks": blocks}])
        info = ask("info", trace)
        self.assertEqual(info["end"], {"bytes": live, "blocks": blocks})
        self.assertEqual(info["sample_bytes"], SAMPLE)
        self.assertEqual(info["allocated_bytes"], top["total"]["allocated_bytes"])
        self.assertEqual((info["events"]["unknown_free"], info["lost_events"]), (0, 0))
        sizes = ask("sizes", trace)["rows"]
        self.assertEqual(sum(row["allocations"] for row in sizes), top["total"]["allocations"])
        self.assertEqual(sum(row["live"] for row in sizes), blocks)
        # Sizes are the blocks' own: the smallest place asks for 8 to 24 bytes, and nothing for less.
        small = sum(row["allocations"] for row in sizes if 8 <= row["size_low"] and row["size_high"] < 32)
        self.assertGreater(small, truth["site_00"]["allocations"] * 0.9)
        self.assertLess(sum(row["allocations"] for row in sizes if row["size_high"] < 8), 1000)
        peak = ask("top", trace, "--at", "peak")["total"]
        self.assertEqual(peak["live_bytes"], info["peak"]["bytes"])
        points = ask("timeline", trace)["points"]
        self.assertEqual(points[-1]["heap_bytes"], live)
        diff = ask("diff", trace, "start", "end")
        self.assertEqual(diff["total"]["b_bytes"], live)
        folded = cairn("export", trace, "--format", "folded", "--at", "end", "-o", "-")
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in folded.out.splitlines()), live)

    def test_changes_carry_their_error(self):
        """What both moments hold takes its error away; what one of them holds brings its own."""
        trace, _ = sites(3)
        error = lambda at: ask("top", trace, "--at", at)["total"]["error_bytes"]
        self.assertAlmostEqual(ask("diff", trace, "start", "end")["total"]["error_bytes"], error("end"), delta=1)
        for a, b in (("10%", "30%"), ("25%", "75%"), ("50%", "end"), ("90%", "90%")):
            there, back = ask("diff", trace, a, b), ask("diff", trace, b, a)
            self.assertEqual(there["total"]["error_bytes"], back["total"]["error_bytes"])
            self.assertLessEqual(there["total"]["error_bytes"], math.hypot(error(a), error(b)) + 1)
            squares = sum(row["error_bytes"] ** 2 for row in there["rows"])
            self.assertAlmostEqual(math.sqrt(squares), there["total"]["error_bytes"], delta=there["total"]["error_bytes"] * 0.01 + 100)
        self.assertEqual(there["total"]["error_bytes"], 0)  # the same moment
        self.assertNotIn("error_bytes", ask("diff", support.trace(), "start", "end")["total"])

    def test_two_traces(self):
        """Of two draws of the same program the difference is chance alone, as large as its error says."""
        found = []
        for seed in SEEDS[1:]:
            diff = ask("diff", sites(seed - 1)[0], sites(seed)[0], "--at", "end")
            for row in diff["rows"]:
                off, error = row["delta_bytes"], row["error_bytes"]
                if re.fullmatch(r"site_\d+", row["function"] or ""):
                    found.append(off / error if error > 0 else 0 if abs(off) <= 64 else math.inf)
        self.assertGreater(len(found), 200)
        self.check_deviations(found)
        whole = ask("diff", support.trace("ledger"), sites(1)[0], "--at", "end")["total"]
        self.assertEqual(whole["error_bytes"], ask("top", sites(1)[0], "--at", "end")["total"]["error_bytes"])

    def test_limits(self):
        """`check` says that it holds estimates against limits, and how far off they may be."""
        trace, _ = sites(2)
        top = ask("top", trace, "--at", "peak")["total"]
        done = cairn("check", trace, "--max-peak", "1K", "--max-leaked", "1", "--max-allocations", "1")
        self.assertEqual(done.status, 1)
        self.assertEqual(len(re.findall(r"\(an estimate, give or take [0-9.]+ .iB\)", done.out)), 2)
        self.assertRegex(done.out, r"allocations: .* \(an estimate\), allowed")
        answer = ask_check(trace, "--max-peak", "1K", "--max-leaked", "1", "--max-allocations", "1")
        errors = {row["limit"]: row["error_bytes"] for row in answer["rows"]}
        self.assertEqual(errors["max_peak"], top["error_bytes"])
        self.assertEqual(errors["max_leaked"], ask("leaks", trace)["total"]["error_bytes"])
        self.assertIsNone(errors["max_allocations"])
        span = ask_check(trace, "--from", "30%", "--to", "80%", "--max-leaked", "1")["rows"][0]
        self.assertGreater(span["error_bytes"], 0)
        self.assertIn("an estimate", cairn("check", trace, "--max-peak", "1K", "--format", "junit").out)
        self.assertNotIn("estimate", cairn("check", support.trace(), "--max-peak", "1K").out)

    def test_growth(self):
        """Growth is of two moments, and its error that of their difference."""
        grown = record(path("grown.cairn"), build("waves"), sample=512)
        rows = ask("growth", grown)["rows"]
        for row in rows:
            self.assertGreaterEqual(row["error_bytes"], 0)
        self.assertNotIn("error_bytes", ask("growth", support.trace("waves"))["rows"][0])

    def test_survivors_and_moments(self):
        """What survives between two moments is part of what is there at the second, at any pair of them."""
        trace, _ = sites(3)
        for a, b in (("10%", "30%"), ("25%", "75%"), ("50%", "end")):
            diff = ask("diff", trace, a, b)
            for row in diff["rows"]:
                self.assertGreaterEqual(row["survived_bytes"], 0)
                self.assertLessEqual(row["survived_bytes"], row["b_bytes"])

    def test_slim_keeps_estimates(self):
        trace, _ = sites(4)
        slim = path("slim.cairn")
        self.assertEqual(cairn("slim", trace, "-o", slim, "-f").status, 0)
        for at in ("end", "peak"):
            full, kept = (ask("top", one, "--at", at)["total"] for one in (trace, slim))
            self.assertEqual(full, kept)

    def test_text(self):
        trace, _ = sites(5)
        top = cairn("top", trace, "--at", "end", "--limit", "3")
        self.assertIn("a sample every 16.0 KiB", top.out)
        self.assertRegex(top.out, r"MiB ± [0-9.]+ .iB live in")
        self.assertRegex(top.out, r"LIVE +± +%")
        ascii_top = cairn("top", trace, "--limit", "3", env={"LC_ALL": "C"})
        self.assertNotIn("±", ascii_top.out)
        info = cairn("info", trace)
        self.assertIn("sampled", info.out)
        self.assertIn("only some of the live blocks", " ".join(info.out.split()))


class Edges(Case):
    def test_everything_is_sampled(self):
        """A distance of one byte takes nearly every block: the books again, within what is rounded."""
        trace, book = path("one.cairn"), path("one.book")
        record(trace, build("sites"), book, "1", sample=1)
        rows = {row["function"]: row for row in ask("top", trace, "--at", "end")["rows"]}
        for place, truth in books(book).items():
            for key in BOOK:
                self.assertAlmostEqual(rows[place][key], truth[key], delta=truth[key] * 0.001 + 2, msg=f"{place} {key}")
        self.assertEqual(ask("info", trace)["events"]["unknown_free"], 0)

    def test_other_allocator(self):
        """Behind an allocator that is not the C library's the hooks have no short way: its own calls are none of the program's."""
        library = ctypes.util.find_library("jemalloc")
        if not library:
            self.skipTest("needs libjemalloc")
        trace, book = path("other.cairn"), path("other.book")
        record(trace, "env", "LD_PRELOAD=" + library, build("sites"), book, "1", sample=1024)
        rows = {row["function"]: row for row in ask("top", trace, "--at", "end")["rows"]}
        for place, truth in books(book).items():
            self.assertAlmostEqual(rows[place]["live_bytes"], truth["live_bytes"], delta=5 * rows[place]["error_bytes"] + 64, msg=place)
        self.assertEqual(ask("info", trace)["events"]["unknown_free"], 0)

    def test_nothing_is_sampled(self):
        trace = record(path("none.cairn"), build("short"), sample=1 << 40)
        info = ask("info", trace)
        self.assertEqual((info["events"]["alloc"], info["allocated_bytes"], info["complete"]), (0, 0, True))
        self.assertEqual(ask("top", trace)["rows"], [])

    def test_usage(self):
        self.assert_sentence(cairn("record", "--sample", "2T", "--", "true"), 2, "--sample", "1T")
        self.assert_sentence(cairn("record", "--sample", "often", "--", "true"), 2, "--sample")

    def test_zero_records_every_block(self):
        trace = path("zero.cairn")
        self.assertEqual(cairn("record", "-q", "-f", "-o", trace, "--sample", "0", "--", build("short")).status, 0)
        self.assertIs(ask("info", trace)["sampled"], False)

    def test_other_programs(self):
        """Children, short threads, handlers and hard ends: nothing is lost, no free is taken for an error, the status is the
        program's. What a handler does in the middle of an event, which lasts where the machine is crowded, is skipped and told."""
        targets = os.path.join(support.BUILD, "tests", "targets")
        pool = ["env", "LD_PRELOAD=" + os.path.join(targets, "pool_malloc.so")]  # the program's, not the recorder's
        for name, status, before, words in (("forks", 0, [], ["60"]), ("forks", 0, [], ["30", "raw"]), ("short_threads", 0, [], ["300"]),
                                            ("endings", 5, [], ["thread"]), ("endings", 6, [], ["main"]), ("endings", 4, [], ["atexit"]),
                                            ("signal_malloc", 0, pool, []), ("signal_malloc", 0, pool, ["jump"])):
            for sample in ("40", "4096"):
                with self.subTest(name=name, words=words, sample=sample), tempfile.TemporaryDirectory(dir=support.FOLDER) as folder:
                    trace = os.path.join(folder, "t.cairn")
                    done = cairn("record", "-q", "--graph", "off", "-o", trace, "--sample", sample, "--", *before,
                                 os.path.join(targets, name), folder, *words)
                    self.assertEqual(done.status, status, done.err)
                    info = ask("info", trace)
                    skipped = [re.match(r"(\d+) events were skipped: they came from signal handlers", note["text"])
                               for note in info["notes"] if name == "signal_malloc"]
                    told = sum(int(match[1]) for match in skipped if match)
                    self.assertEqual((info["complete"], info["lost_events"], info["events"]["unknown_free"]), (True, told, 0))
                    self.assertGreaterEqual(info["end"]["bytes"], 0)
                    self.assertGreaterEqual(info["end"]["blocks"], 0)

    def test_python(self):
        """The interpreter's allocators draw, too; its object graph is there, and unsampled objects have no block."""
        script = path("lists.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write("def make():\n    return [bytes(100 + i % 900) for i in range(60000)]\n\nkept = make()\ndropped = make()\n"
                       "del dropped\nkept.sort(key=len)\n")
        trace = record(path("python.cairn"), sys.executable, script, sample=8192)
        info = ask("info", trace)
        self.assertTrue(info["complete"])
        self.assertEqual((info["events"]["unknown_free"], info["lost_events"]), (0, 0))
        if info["python"] is None:
            self.skipTest("this interpreter cannot be recorded")
        rows = [row for row in ask("top", trace, "--lang", "python", "--by", "function", "--at", "@exit")["rows"]
                if row["function"] and re.search(r"make|listcomp", row["function"])]
        size = sum(sys.getsizeof(bytes(100 + i % 900)) for i in range(60000))
        live, error = sum(row["live_bytes"] for row in rows), math.hypot(*(row["error_bytes"] for row in rows))
        self.assertLess(abs(live - size), 5 * error + 2e6)
        self.assertGreater(len(info["graphs"]), 0)
        types = ask("graph", trace, "types")["rows"]
        self.assertGreaterEqual(next(row["count"] for row in types if row["type"] == "bytes"), 60000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
