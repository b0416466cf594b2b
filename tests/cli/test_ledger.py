"""A recording against the program's own books (tests/targets/ledger.c): every difference is 0, in sums, in the state at the
end, in the peak, and at two marks site by site. CAIRN_LONG=1: fifty seeds of a million operations."""
import os
import subprocess
import tempfile
import unittest
from json import loads
from pathlib import Path

CAIRN, LEDGER = os.environ["CAIRN"], Path(os.environ["CAIRN_BUILD"], "tests", "targets", "ledger")
LONG = bool(os.environ.get("CAIRN_LONG"))
SEEDS, OPERATIONS = (range(1, 51), 1000000) if LONG else (range(1, 4), 60000)
SITES = ["ledger_fresh", "ledger_zeroed", "ledger_aligned", "ledger_resized"]

COUNTS = ["live_bytes", "live_blocks", "allocated_bytes", "allocations", "reallocs"]


def answer(*words):
    return loads(subprocess.run([CAIRN, *words, "--format", "json"], capture_output=True, check=True, timeout=300).stdout)


class Ledger(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace, self.book = os.path.join(folder.name, "t.cairn"), os.path.join(folder.name, "book")

    def record(self, seed, threads, *more):
        """The program's books, once it was recorded."""
        subprocess.run([CAIRN, "record", "--quiet", "-f", "-o", self.trace, LEDGER, str(seed), str(threads), str(OPERATIONS // threads),
                        self.book, *more], check=True, timeout=600)
        return {name: int(value) for name, value in (line.split() for line in Path(self.book).read_text().splitlines())}

    def check_sums(self, books, total):
        self.assertEqual(total["allocations"], books["allocations"] + books["reallocs"])
        self.assertEqual({key: total[key] for key in ("reallocs", "allocated_bytes", "live_bytes", "live_blocks")},
                         {key: books[key] for key in ("reallocs", "allocated_bytes", "live_bytes", "live_blocks")})
        self.assertEqual(total["allocations"] - total["live_blocks"], books["frees"] + books["reallocs"])

    def check_moment(self, books, name):
        rows = {row["function"]: row for row in answer("top", self.trace, "--at", f"@ledger-{name}")["rows"]}
        for site in SITES:
            for key in ("live_bytes", "live_blocks"):
                self.assertEqual(rows[site][key], books[f"{name}.{site}.{key}"], f"{site} {key} at {name}")

    def check_diff(self, books):
        rows = {row["function"]: row for row in answer("diff", self.trace, "@ledger-a", "@ledger-b")["rows"]}
        for site in SITES:
            row, at = rows[site], {key: books[f"{key}"] for key in books if site in key}
            self.assertEqual(
                (row["a_bytes"], row["a_blocks"], row["b_bytes"], row["b_blocks"], row["survived_bytes"], row["survived_blocks"]),
                (at[f"a.{site}.live_bytes"], at[f"a.{site}.live_blocks"], at[f"b.{site}.live_bytes"], at[f"b.{site}.live_blocks"],
                 at[f"ab.{site}.survived_bytes"], at[f"ab.{site}.survived_blocks"]), site)

    def test_one_thread(self):
        """Nothing but the program's own calls: the whole recording is the books."""
        for seed in SEEDS:
            with self.subTest(seed=seed):
                books = self.record(seed, 1)
                info = answer("info", self.trace)
                self.assertEqual((info["events"]["free"], info["events"]["realloc"], info["events"]["unknown_free"]),
                                 (books["frees"], books["reallocs"], 0))
                self.assertEqual(info["events"]["alloc"], books["allocations"])
                self.assertEqual((info["peak"]["bytes"], info["end"]["bytes"], info["end"]["blocks"]),
                                 (books["peak_bytes"], books["live_bytes"], books["live_blocks"]))
                self.check_sums(books, answer("top", self.trace, "--at", "end")["total"])
                self.check_diff(books)

    def test_threads(self):
        """The C library allocates for threads too: between the marks there are the program's own calls alone."""
        for seed in SEEDS:
            for threads in (2, 8):
                with self.subTest(seed=seed, threads=threads):
                    books = self.record(seed, threads)
                    span = ["--from", "@ledger-begin", "--to", "@ledger-end", "--at", "@ledger-end", "--filter", "^ledger_"]
                    rows = answer("top", self.trace, *span)["rows"]
                    self.check_sums(books, {key: sum(row[key] for row in rows) for key in COUNTS})
                    for name in ("a", "b", "end"):
                        self.check_moment(books, name)
                    self.check_diff(books)


if __name__ == "__main__":
    unittest.main()
