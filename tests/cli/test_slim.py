"""cairn slim: a smaller copy that answers the same, but for what single events are needed for."""

import os
import sqlite3

from support import FOLDER, Case, ask, cairn, main, trace

SMALL = os.path.join(FOLDER, "small.cairn")
MADE_ANEW = ("event_chunk", "chunk_delta", "keyframe")


def small(name):
    path = SMALL if name == "waves" else os.path.join(FOLDER, f"small-{name}.cairn")
    if not os.path.exists(path):
        done = cairn("slim", trace(name), "-o", path)
        assert (done.status, done.err) == (0, ""), done.err
        assert os.path.basename(path) in done.out
    return path


def without_file(answer):
    """The answer but for what names the file or is known by single events only."""
    if isinstance(answer, dict):
        return {key: without_file(value) for key, value in answer.items()
                if key not in ("trace", "survived_bytes", "survived_blocks", "verdict", "oldest_age_ns", "file_bytes", "exact_from_ns")}
    return [without_file(value) for value in answer] if isinstance(answer, list) else answer


class Slim(Case):
    def test_it_is_smaller_and_one_private_file(self):
        self.assertLess(os.path.getsize(small("waves")), os.path.getsize(trace("waves")))
        self.assertEqual(os.stat(SMALL).st_mode & 0o777, 0o600)
        self.assertEqual([n for n in os.listdir(FOLDER) if n.startswith("small.cairn")], ["small.cairn"])

    def test_every_table_but_events_is_the_same(self):
        a, b = sqlite3.connect(trace("waves")), sqlite3.connect(small("waves"))
        for (table,) in a.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            columns = [row[1] for row in a.execute(f"PRAGMA table_info({table})") if row[1] != "exact_from_ns"]
            text = f"SELECT {', '.join(columns)} FROM {table}"
            if table not in MADE_ANEW:
                self.assertEqual(a.execute(text).fetchall(), b.execute(text).fetchall(), table)
        self.assertEqual(b.execute("SELECT count(*) FROM event_chunk WHERE data IS NOT NULL").fetchone(), (0,))
        sums = "SELECT sum(events), sum(allocations), sum(frees), min(first_t_ns), max(last_t_ns), max(max_bytes) FROM event_chunk"
        self.assertEqual(a.execute(sums).fetchall(), b.execute(sums).fetchall())
        self.assertEqual(b.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        a.close()
        b.close()

    def test_answers_are_the_same(self):
        for name, first, second in (("ledger", "@kept", "@done"), ("waves", "@one", "@three")):
            moments = [("--at", at) for at in ("peak", "end", first, second, "s1", "s2", "30%", "77%")]
            questions = [
                ("info",), ("top", "--metric", "allocations"), ("top", "--metric", "allocated", "--from", first, "--to", second),
                ("timeline",), ("snapshots",), ("sizes",), ("rss",), ("leaks",), ("diff", first, second),
                ("diff", "start", "40%"), *((verb, *at) for at in moments for verb in ("top", "tree")),
            ]
            for verb, *words in questions:
                a, b = (without_file(ask(verb, path, *words)) for path in (trace(name), small(name)))
                self.assertEqual(a, b, (name, verb, words))

    def test_resident_memory_of_a_short_program(self):
        for at in ("start", "25%", "50%", "peak", "75%", "end"):
            a, b = (without_file(ask("rss", path, "--at", at)) for path in (trace("short"), small("short")))
            self.assertEqual(a, b, at)

    def test_growth_is_seen_at_the_borders(self):
        a, b = (ask("growth", path)["rows"] for path in (trace("waves"), small("waves")))
        self.assertEqual(a[0]["function"], b[0]["function"])
        self.assertAlmostEqual(a[0]["slope_bytes_per_s"], b[0]["slope_bytes_per_s"], delta=0.25 * a[0]["slope_bytes_per_s"])

    def test_a_copy_of_a_copy(self):
        again = os.path.join(FOLDER, "again.cairn")
        self.assertEqual(cairn("slim", small("waves"), "-f", "-o", again).status, 0)
        a, b = sqlite3.connect(SMALL), sqlite3.connect(again)
        for table in MADE_ANEW:
            self.assertEqual(a.execute(f"SELECT * FROM {table}").fetchall(), b.execute(f"SELECT * FROM {table}").fetchall())
        a.close()
        b.close()

    def test_what_is_wrong(self):
        path = small("waves")
        self.assert_sentence(cairn("slim", trace()), 2, "-o")
        self.assert_sentence(cairn("slim", trace(), "-o", path), 2, "-f")
        self.assertEqual(cairn("slim", trace("waves"), "-f", "-o", path).status, 0)
        self.assert_sentence(cairn("slim", trace(), "-o", "/nonexistent/x.cairn"), 2, "/nonexistent")
        self.assert_sentence(cairn("slim", __file__, "-o", os.path.join(FOLDER, "y.cairn")), 2)
        self.assertFalse(os.path.exists(os.path.join(FOLDER, "y.cairn")))


main()
