"""cairn sql: the answers of docs/sql.md's questions, the virtual tables against each other, formats, and what is refused."""

import csv
import importlib.util
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

from support import BUILD, FOLDER, HERE, Case, ask, cairn, cairn_on_terminal, main, trace

DOCS = os.path.join(HERE, "..", "..", "docs")
PYTHON_DUCKDB = """import duckdb, sys
for row in duckdb.connect().execute(sys.argv[1]).fetchall():
    print(*row)"""
DUCKDB = ["duckdb", "-csv", "-c"] if shutil.which("duckdb") else [sys.executable, "-c", PYTHON_DUCKDB] if importlib.util.find_spec("duckdb") else None
HEAP = "JOIN account a USING (account) WHERE a.domain <= 3"


def query(text, *words):
    """The rows of the last statement."""
    return ask("sql", trace(), text, *words)["results"][-1]["rows"]


def add(sums, size, blocks):
    sums[0] += size
    sums[1] += blocks


class Sql(Case):
    def test_the_questions_of_the_page(self):
        with open(os.path.join(DOCS, "sql.md")) as file:
            questions = re.findall(r"```sql\n(.*?)```", file.read(), re.S)
        self.assertEqual(len(questions), 20)
        plain = sqlite3.connect(trace())
        for text in questions:
            done = cairn("sql", trace(), text)
            self.assertEqual((done.status, done.err), (0, ""), text)
            self.assertTrue(query(text.replace("40%", "peak").replace("'10%'", "'start'")), text)
            if not re.search(r"events|heap_at|heap_diff", text.replace("lost_events", "")):
                self.assertEqual([list(row) for row in plain.execute(text)], query(text), text)
        plain.close()

    @unittest.skipUnless(shutil.which("sqlite3"), "skipped: sqlite3 is not here")
    def test_sqlite3_opens_it(self):
        """The tables and views need nothing of ours."""
        def ask_shell(text):
            run = subprocess.run(["sqlite3", "-readonly", "-json", trace(), text], capture_output=True, text=True, check=True)
            return json.loads(run.stdout)
        rows = ask_shell("SELECT function, sum(peak_bytes) AS peak_bytes FROM top_at_peak GROUP BY function")
        expected = {row["function"]: row["peak_bytes"] for row in ask("top", trace())["rows"] if row["peak_bytes"] and row["function"]}
        self.assertEqual({row["function"]: row["peak_bytes"] for row in rows if row["function"] in expected}, expected)
        self.assertEqual(ask_shell("PRAGMA integrity_check"), [{"integrity_check": "ok"}])
        for (view,) in [(row["name"],) for row in ask_shell("SELECT name FROM sqlite_schema WHERE type = 'view'")]:
            subprocess.run(["sqlite3", "-readonly", trace(), f"SELECT count(*) FROM {view}"], capture_output=True, check=True)

    @unittest.skipUnless(shutil.which("sqlite3") and not os.environ.get("CAIRN_SANITIZE"), "skipped: needs sqlite3, and no sanitizer in the extension")
    def test_sqlite3_loads_the_extension(self):
        """The virtual tables in a stock sqlite3, with the answers of cairn sql."""
        def in_shell(path, text):
            return subprocess.run(["sqlite3", "-readonly", "-json", path, "-cmd", f".load {os.path.join(BUILD, 'cairn_sql')}", text], capture_output=True, text=True, check=False)
        for text in ("SELECT kind, count(*), sum(size) FROM events GROUP BY kind ORDER BY kind", "SELECT count(*) FROM events WHERE event BETWEEN 10 AND 19",
                     f"SELECT sum(h.live_bytes), sum(h.live_blocks) FROM heap_at('@kept') h {HEAP}", "SELECT * FROM heap_diff('@kept', '@done') ORDER BY account"):
            run = in_shell(trace(), text)
            self.assertEqual((run.returncode, run.stderr), (0, ""), text)
            self.assertEqual([list(row.values()) for row in json.loads(run.stdout)], query(text), text)
        self.assertIn("absent", in_shell(trace(), "SELECT * FROM heap_at('@absent')").stderr)
        other = os.path.join(FOLDER, "other.db")
        sqlite3.connect(other).execute("CREATE TABLE x (y)").connection.close()
        self.assertIn("another program", in_shell(other, "SELECT 1").stderr)
        self.assertIn("no trace is open", in_shell(":memory:", "SELECT 1").stderr)

    @unittest.skipUnless(DUCKDB, "skipped: duckdb is not here")
    def test_duckdb_opens_it(self):
        """Its tables are listed, which takes a view whose words DuckDB cannot read ill, and every view answers."""
        def in_duckdb(text):
            return subprocess.run([*DUCKDB, f"LOAD sqlite; {text}"], capture_output=True, text=True, check=False)
        if in_duckdb("SELECT 1").returncode:
            self.skipTest("skipped: duckdb has no extension for SQLite here")
        def count(text):
            run = in_duckdb(f"ATTACH '{trace()}' AS t (TYPE sqlite, READ_ONLY); {text}")
            self.assertEqual(run.returncode, 0, run.stderr)
            return int(run.stdout.splitlines()[-1])
        self.assertEqual(count("SELECT sum(peak_bytes) FROM t.account WHERE domain <= 3"), ask("info", trace())["peak"]["bytes"])
        names = query("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')")
        self.assertEqual(count("SELECT count(*) FROM (SHOW ALL TABLES) WHERE database = 't'"), [kind for _, kind in names].count("table"))
        for view in [name for name, kind in names if kind == "view"]:
            self.assertEqual([[count(f"SELECT count(*) FROM t.{view}")]], query(f"SELECT count(*) FROM {view}"), view)
        for table, column in (("timeline", "t_ns"), ("snapshot_site", "snapshot")):  # without row numbers, which count(*) asks for
            self.assertEqual([[count(f"SELECT count({column}) FROM t.{table}")]], query(f"SELECT count(*) FROM {table}"), table)
        count("".join(f"SELECT * FROM t.{name}; " for name, kind in names if kind == "table") + "SELECT 1")

    def test_peak_is_that_of_top(self):
        held = query("SELECT function, sum(peak_bytes) FROM top_at_peak GROUP BY function")
        expected = {row["function"]: row["peak_bytes"] for row in ask("top", trace())["rows"] if row["peak_bytes"]}
        self.assertEqual({name: count for name, count in held if count and name in expected},
                         {name: count for name, count in expected.items() if name})

    def test_heap_at_is_that_of_top(self):
        for at in ("start", "peak", "@kept", "40%", "end"):
            total = ask("top", trace(), "--at", at)["total"]
            rows = query(f"SELECT coalesce(sum(h.live_bytes), 0), coalesce(sum(h.live_blocks), 0) FROM heap_at('{at}') h {HEAP}")
            self.assertEqual(rows, [[total["live_bytes"], total["live_blocks"]]], at)

    def test_events_rebuild_the_heap(self):
        last = query("SELECT max(t_ns) FROM events")[0][0]
        chance = random.Random(4)
        for _ in range(50):
            at = chance.randrange(last // 2, last)
            sums = query(
                "WITH change AS (SELECT account, size AS bytes FROM events WHERE kind IN ('alloc', 'realloc', 'adopt') AND t_ns <= {t} "
                "UNION ALL SELECT account, -size FROM events WHERE kind IN ('free', 'lost', 'shrink') AND t_ns <= {t} "
                "UNION ALL SELECT old_account, -old_size FROM events WHERE kind = 'realloc' AND t_ns <= {t}) "
                "SELECT account, sum(bytes) AS held FROM change GROUP BY account HAVING held <> 0 ORDER BY account".format(t=at))
            held = query(f"SELECT account, live_bytes FROM heap_at({at}) WHERE live_bytes <> 0 ORDER BY account")
            self.assertEqual(sums, held, at)

    def test_a_million_events_rebuild_the_heap(self):
        """At 50 moments of four threads, account by account; at some of them SQL itself adds the events up."""
        path = trace("million")
        with open(os.path.join(FOLDER, "events.csv"), "w+b") as file:
            done = cairn("sql", path, "SELECT t_ns, kind, account, size, old_account, old_size FROM events", "--format", "csv", stdout=file)
            self.assertEqual(done.status, 0, done.err)
            file.seek(0)
            lines = file.read().decode().splitlines()[1:]
        self.assertGreater(len(lines), 1_000_000)
        last = int(lines[-1].split(",")[0])
        chance = random.Random(5)
        moments = sorted(chance.randrange(last) for _ in range(50))
        held = ask("sql", path, "; ".join(f"SELECT account, live_bytes, live_blocks FROM heap_at({at}) WHERE live_blocks <> 0" for at in moments))
        sums = [[0, 0] for _ in range(2000)]
        wanted = iter(zip(moments, held["results"]))
        at, expected = next(wanted)

        def check(until):
            nonlocal at, expected
            while at is not None and at < until:
                live = [[account, *sums[account]] for account in range(len(sums)) if sums[account][1]]
                self.assertEqual(expected["rows"], live, at)
                at, expected = next(wanted, (None, None))

        for line in lines:
            t_ns, kind, account, size, old_account, old_size = line.split(",")
            if at is None or at < int(t_ns):
                check(int(t_ns))
            if kind == "realloc":
                add(sums[int(old_account)], -int(old_size), -1)
            if kind in ("alloc", "realloc", "adopt"):
                add(sums[int(account)], int(size), 1)
            elif kind in ("free", "lost", "shrink"):
                add(sums[int(account)], -int(size), -(kind != "shrink"))
        check(last + 1)
        for at, result in list(zip(moments, held["results"]))[::20]:
            total = ask("sql", path, f"SELECT coalesce(sum(CASE WHEN kind IN ('alloc', 'realloc', 'adopt') THEN size WHEN kind = 'end' THEN 0 ELSE -size END "
                        f"- coalesce(old_size, 0)), 0) FROM events WHERE t_ns <= {at}")["results"][0]["rows"][0][0]
            self.assertEqual(total, sum(row[1] for row in result["rows"]))

    def test_groups_of_events(self):
        """Events come in groups where a statement groups by their columns: as if it did so itself, over a table."""
        columns = "event, t_ns, kind, account, size, birth, old_account, old_size, temporary, process"
        table = sqlite3.connect(":memory:")
        table.execute(f"CREATE TABLE events ({columns})")
        table.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 10)})", query(f"SELECT {columns} FROM events"))
        texts = [f"SELECT {name}, count(*), sum(size), min(event), max(birth) FROM events GROUP BY {name}" for name in columns.split(", ")]
        texts += [f"SELECT {a}, {b}, count(*), sum(old_size) FROM events WHERE kind = '{kind}' GROUP BY {a}, {b}"
                  for a, b in (("kind", "size"), ("account", "temporary"), ("birth", "kind"), ("process", "account")) for kind in ("alloc", "realloc", "none")]
        texts += [f"SELECT DISTINCT {names} FROM events" for names in ("kind", "old_size", "size, kind", "temporary, process", "size, kind, account")]
        texts += ["SELECT size, count(*) FROM events WHERE event BETWEEN 50 AND 7000 GROUP BY size HAVING count(*) > 1",
                  "SELECT kind, count(DISTINCT size) FROM events GROUP BY kind", "SELECT count(*) FROM (SELECT DISTINCT size FROM events)",
                  "SELECT kind, count(*) FROM events WHERE kind = 'ALLOC' COLLATE NOCASE GROUP BY kind", "SELECT count(*) FROM events WHERE kind = 7",
                  "SELECT count(*) FROM events WHERE kind = NULL", "SELECT count(*) FROM events WHERE kind IN ('alloc', 'end')",
                  "SELECT count(*) FROM events WHERE kind = CAST(x'616c6c6f63' AS TEXT)", "SELECT size FROM events WHERE event = -5 GROUP BY size",
                  "SELECT a.kind, b.kind, count(*) FROM events a JOIN events b ON b.event = a.birth GROUP BY a.kind, b.kind"]
        answers = ask("sql", trace(), "; ".join(texts))["results"]
        for text, answer in zip(texts, answers):
            expected = [list(row) for row in table.execute(text)]
            key = lambda row: [(value is not None, str(value)) for value in row]
            self.assertEqual(sorted(answer["rows"], key=key), sorted(expected, key=key), text)
        table.close()

    def test_bounds_of_events(self):
        every = query("SELECT event, t_ns FROM events")
        self.assertEqual([row[0] for row in every], list(range(len(every))))
        times = sorted({row[1] for row in every})
        middle = times[len(times) // 2]
        for sign in ("<", "<=", "=", ">=", ">"):
            for column, bound in (("event", 1000), ("t_ns", middle), ("event", -1), ("t_ns", -1), ("event", 10**15), ("t_ns", 0)):
                index = 0 if column == "event" else 1
                test = {"<": int.__lt__, "<=": int.__le__, "=": int.__eq__, ">=": int.__ge__, ">": int.__gt__}[sign]
                expected = sum(test(row[index], bound) for row in every)
                self.assertEqual(query(f"SELECT count(*) FROM events WHERE {column} {sign} {bound}"), [[expected]], (column, sign, bound))
        self.assertEqual(query("SELECT count(*) FROM events WHERE event BETWEEN 10 AND 19 AND t_ns >= 0"), [[10]])
        self.assertEqual(query("SELECT event FROM events WHERE rowid = 7"), [[7]])
        self.assertEqual(query("SELECT event FROM events ORDER BY event DESC LIMIT 1"), [[len(every) - 1]])

    def test_diff(self):
        total = ask("diff", trace(), "@kept", "@done")["total"]
        keys = "a_bytes b_bytes delta_bytes a_blocks b_blocks delta_blocks survived_bytes".split()
        columns = ", ".join(f"sum(d.{key})" for key in keys)
        self.assertEqual(query(f"SELECT {columns} FROM heap_diff('@kept', '@done') d {HEAP}"), [[total[key] for key in keys]])

    def test_formats(self):
        text = "SELECT 1 AS one, 'a,\"b\"' AS text, NULL AS none, 2.5 AS real, x'00ff' AS blob, 'x' || char(27) AS evil"
        self.assertEqual(query(text), [[1, 'a,"b"', None, 2.5, "00ff", "x\x1b"]])
        rows = list(csv.reader(io.StringIO(cairn("sql", trace(), text, "--format", "csv").out)))
        self.assertEqual(rows, [["one", "text", "none", "real", "blob", "evil"], ["1", 'a,"b"', "", "2.5", "00ff", "x\\e"]])
        done = cairn("sql", trace(), text)
        self.assertIn("x\\e", done.out)
        self.assertNotIn("\x1b", done.out)
        self.assertEqual(len(ask("sql", trace(), "SELECT 1; SELECT 2; ")["results"]), 2)
        self.assertIn("  peak_bytes  ", cairn("sql", trace(), "SELECT * FROM recording").out)

    def test_script_on_standard_input(self):
        path = os.path.join(FOLDER, "script.sql")
        with open(path, "w") as file:
            file.write("SELECT 'first'; -- a comment\nSELECT 'second';")
        with open(path) as file:
            done = cairn("sql", trace(), stdin=file)
        self.assertEqual(done.status, 0)
        self.assertIn("second", done.out)

    def test_prompt(self):
        status, written = cairn_on_terminal("sql", trace(), keys=b"SELECT 40 +\n2 AS answer;\nSELEC;\n.quit\n")
        self.assertEqual(status, 0, written)
        self.assertIn(b"42", written)
        self.assertIn(b"syntax error", written)
        with open(os.path.join(FOLDER, ".local", "state", "cairn", "sql_history")) as file:
            self.assertIn("SELECT", file.read())

    def test_only_reads(self):
        with open(trace(), "rb") as file:
            before = file.read()
        for text in ("DELETE FROM note", "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "ATTACH '/etc/passwd' AS x", "PRAGMA writable_schema = 1",
                     "PRAGMA journal_mode = WAL", "COMMIT", "VACUUM INTO '/tmp/x'", "SELECT load_extension('x')",
                     "DROP VIEW top_at_peak", "UPDATE recording SET program = 'x'", "CREATE VIRTUAL TABLE e USING events",
                     "SELECT readfile('/etc/passwd')", "INSERT INTO events VALUES (1)"):
            self.assert_sentence(cairn("sql", trace(), text), 2, "SQL")
        with open(trace(), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_what_is_wrong(self):
        self.assert_sentence(cairn("sql", trace(), "SELECT x FROM nowhere"), 2, "nowhere")
        self.assert_sentence(cairn("sql", trace(), "SELECT * FROM heap_at('@absent')"), 2, "absent")
        self.assert_sentence(cairn("sql", trace(), "SELECT * FROM heap_at"), 2, "heap_at")
        self.assert_sentence(cairn("sql", trace(), "SELECT * FROM heap_diff('start')"), 2, "heap_diff")
        self.assert_sentence(cairn("sql", trace(), "SELECT * FROM heap_at(1.5)"), 2, "moment")
        self.assert_sentence(cairn("sql", os.path.join(FOLDER, "absent.cairn"), "SELECT 1"), 2)


main()
