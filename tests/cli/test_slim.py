"""cairn slim: a smaller copy that answers the same, but for what single events are needed for."""

import json
import os
import shutil
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
        # A recording of milliseconds is mostly names and states: about as large as its copy.
        self.assertLess(os.path.getsize(small("million")), os.path.getsize(trace("million")) / 2)
        small("waves")
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

    def test_growth_is_the_same(self):
        for by in ("function", "stack"):
            a, b = (without_file(ask("growth", path, "--by", by)) for path in (trace("waves"), small("waves")))
            self.assertEqual(a, b)
        self.assertTrue(a["rows"])

    def test_what_survived_is_not_known(self):
        answer = ask("diff", small("ledger"), "peak", "end")
        self.assertEqual({row["survived_bytes"] for row in [answer["total"], *answer["rows"]]}, {None})
        self.assertGreater(ask("diff", trace("ledger"), "@kept", "@done")["total"]["survived_bytes"], 0)
        text = " ".join(cairn("diff", small("ledger"), "peak", "end").out.split())
        self.assertNotIn("alive at B", text)
        self.assertIn("what survived is not known", text)
        query = "SELECT sum(a_bytes), sum(b_bytes), {} FROM heap_diff('peak', 'end')"
        row = ask("sql", small("ledger"), query.format("count(survived_bytes) + count(survived_blocks)"))["results"][0]["rows"][0]
        self.assertEqual(row, ask("sql", trace("ledger"), query.format("0"))["results"][0]["rows"][0])

    def test_a_check_does_not_guess(self):
        """The largest heap of a span may lie between two kept moments: then no limit is called kept."""
        span = ("--from", "peak", "--to", "end")
        self.assertEqual(cairn("check", trace("ledger"), *span, "--max-peak", "1G", "--max-leaked", "1G").status, 0)
        self.assert_sentence(cairn("check", small("ledger"), *span, "--max-leaked", "1G"), 2, "leaked is not known", "slim")
        peaks = [ask("check", path, *span)["measures"][0]["found"] for path in (trace("ledger"), small("ledger"))]
        if peaks[1] is None:
            self.assert_sentence(cairn("check", small("ledger"), *span, "--max-peak", "1G"), 2, "peak of that span", "slim")
        else:
            self.assertEqual(*peaks)

    def test_rows_of_periodic_snapshots_are_thinned_out(self):
        """200 snapshots of some 2,000 accounts would take several times the file: rows of a few of them stay, evenly, and of all that
        have names. What sites held at the others is in the states."""
        many, few = os.path.join(FOLDER, "many.cairn"), os.path.join(FOLDER, "few.cairn")
        shutil.copy(trace("waves"), many)
        db = sqlite3.connect(many, isolation_level=None)
        events, duration = db.execute("SELECT events, duration_ns FROM recording").fetchone()
        first = db.execute("SELECT max(account) FROM account").fetchone()[0] + 1
        numbers = "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) "
        db.execute("BEGIN")
        db.execute(numbers + "INSERT INTO account SELECT i, 1, 1, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL FROM n", (first, first + 2000))
        db.execute(numbers + "INSERT INTO snapshot SELECT i, ?4 / 200 * (i - 999), ?3 / 200 * (i - 999), 'periodic', NULL, NULL, 0, 2000, NULL FROM n",
                   (1000, 1199, events, duration))
        db.execute("INSERT INTO snapshot_site SELECT s.snapshot, a.account, 0, 1 FROM snapshot s, account a WHERE s.snapshot >= 1000")
        db.execute("COMMIT")
        db.close()
        self.assertEqual(cairn("slim", many, "-o", few).status, 0)
        self.assertEqual(*(ask("snapshots", path)["rows"] for path in (many, few)))
        db = sqlite3.connect(few)
        left = [row[0] for row in db.execute("SELECT DISTINCT snapshot FROM snapshot_site WHERE snapshot >= 1000")]
        named = "SELECT DISTINCT snapshot FROM snapshot_site WHERE snapshot < 1000 AND snapshot IN (SELECT snapshot FROM snapshot WHERE kind <> 'periodic')"
        self.assertEqual(*(sqlite3.connect(path).execute(named).fetchall() for path in (many, few)))
        db.close()
        self.assertTrue(4 <= len(left) <= 20, left)
        self.assertLess(max(b - a for a, b in zip(left, left[1:])), 50)
        for number in range(1000, 1200, 9):
            done = [cairn("top", path, "--at", f"s{number}", "--format", "json") for path in (many, few)]
            self.assertEqual([(one.status, one.err) for one in done], [(0, "")] * 2)
            self.assertEqual(*(without_file(json.loads(one.out)) for one in done))

    def test_a_copy_of_before(self):
        """Copies by version 2 had one blob a chunk, and no states of most periodic snapshots: those are refused, the nearest is named."""
        old = os.path.join(FOLDER, "old.cairn")
        shutil.copy(trace("waves"), old)
        db = sqlite3.connect(old, isolation_level=None)
        db.execute("UPDATE event_chunk SET data = NULL")
        db.execute("UPDATE recording SET exact_from_ns = duration_ns")
        db.execute("DELETE FROM snapshot_site WHERE snapshot IN (SELECT snapshot FROM snapshot WHERE name = 'two')")
        number, = db.execute("SELECT snapshot FROM snapshot WHERE name = 'two'").fetchone()
        db.execute("PRAGMA user_version = 2")
        db.close()
        self.assertEqual(ask("info", old)["schema_version"], 2)
        self.assert_sentence(cairn("top", old, "--at", f"s{number}"), 2, f"s{number}", "slim", "nearest")
        for at in ("start", "peak", "end"):
            self.assertEqual(*(without_file(ask("top", path, "--at", at)) for path in (trace("waves"), old)))
        again = os.path.join(FOLDER, "old-again.cairn")
        self.assertEqual(cairn("slim", old, "-f", "-o", again).status, 0)
        for at in ("start", "peak", "end"):
            self.assertEqual(*(without_file(ask("top", path, "--at", at)) for path in (old, again)))
        self.assert_sentence(cairn("top", again, "--at", f"s{number}"), 2, f"s{number}", "slim", "nearest")

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
