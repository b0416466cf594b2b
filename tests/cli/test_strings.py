"""Ten thousand hostile strings as names of functions, files, modules, threads and marks: through every output, and none steers
a terminal, breaks a line or a cell, or gets out of its quotes."""

import csv
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import unittest

from protobuf import fields
from support import CAIRN, CHROMIUM, ENVIRONMENT, FOLDER, Case, ask, cairn, cairn_on_terminal, main, rendered, trace

COUNT = 10_000
LONG = bool(os.environ.get("CAIRN_LONG"))
# C0 (but for a line's end), DEL, C1, bidi controls, zero-width, separators, tags.
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]")
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
NASTY = [bytes([byte]) for byte in [*range(1, 33), *range(127, 256)]] + [text.encode() for text in (
    *"\u0080\u0085\u008d\u0090\u009b\u009c\u009d\u009f\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067"
    "\u2068\u2069\u206f\ufeff\ufff9\ufffe\U000e0001\U000e0041\U0010ffff\u0301\u20e3漢👩א",)] + [
    b"\x1b]0;title\x07", b"\x1b]52;c;ZXZpbA==\x1b\\", b"\x1b[2J\x1b[H", b"\x1b[31m", b"\x1bP1$r0m\x1b\\", b"\x1b[6n", b"\x1bc", b"\x1b(0", b"\r\n", b"\n",
    b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x91", b"\xfe\xff", b'"', b"'", b";", b",", b"\t", b" ", b"  ", b"\\", b"\\e",
    b"</script>", b"<script>alert(1)</script>", b"<!--", b"-->", b"]]>", b"&lt;", b"${x}", b"`id`", b"$(id)", b"%s%n", b"{0}", b"=1+1", b"@x", b"| cat",
    b"../../etc/passwd", b"a" * 40, b"function", b"main", b"0x1234", b"-1", b"\\n", b"\\l", b"\\N", b"label=", b"0 ", b" 0", b"null", b"NaN"]


def strings():
    """Each piece alone, then mixtures; all different, none empty, the same ones every time."""
    chance, made = random.Random(10), dict.fromkeys(NASTY)
    while len(made) < COUNT:
        made[b"".join(chance.choice(NASTY) for _ in range(chance.choice((1, 2, 3, 5, 9, 30))))] = None
    return list(made)


def forge(path, texts):
    """A trace in which every string is a function in a file of a module with an account of a thread, and a mark."""
    shutil.copy(trace(), path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    first = {table: db.execute(f"SELECT coalesce(max({key}), 0) + 1 FROM {table}").fetchone()[0] for table, key in (
        ("module", "module"), ("source_file", "file"), ("function", "function"), ("frame", "frame"), ("stack", "stack"), ("account", "account"),
        ("thread", "thread"), ("snapshot", "snapshot"), ("note", "note"))}
    root = db.execute("SELECT stack FROM stack WHERE parent = 0").fetchone()[0]
    for i, text in enumerate(texts):
        n = {table: start + i for table, start in first.items()}
        db.execute("INSERT INTO module VALUES (?1, CAST(?2 AS TEXT), NULL, CAST(?2 AS TEXT))", (n["module"], text))
        db.execute("INSERT INTO source_file VALUES (?1, CAST(?2 AS TEXT))", (n["source_file"], b"/" + text))
        db.execute("INSERT INTO function VALUES (?1, CAST(?2 AS TEXT), NULL, 0)", (n["function"], text))
        db.execute("INSERT INTO frame VALUES (?1, ?2, ?3, 7, ?4, 16, 0, 0, NULL)", (n["frame"], n["function"], n["source_file"], n["module"]))
        db.execute("INSERT INTO stack VALUES (?1, ?2, ?3, 2)", (n["stack"], root, n["frame"]))
        db.execute("INSERT INTO thread VALUES (?1, 1, ?1, CAST(?2 AS TEXT), 0, NULL)", (n["thread"], text))
        db.execute("INSERT INTO account VALUES (?1, 1, ?2, 0, ?3, ?4, 64, 1, 64, 1, 0, 0, 64, 1, NULL)",
                   (n["account"], n["thread"], n["stack"], n["frame"]))
        db.execute("INSERT INTO snapshot VALUES (?1, ?1, ?1, 'mark', CAST(?2 AS TEXT), 1, 1, 1, NULL)", (n["snapshot"], text))
        db.execute("INSERT INTO note VALUES (?1, 1, 0, CAST(?2 AS TEXT))", (n["note"], text))
    db.execute("UPDATE recording SET program = CAST(?1 AS TEXT), peak_bytes = peak_bytes + 64 * ?2, allocated_bytes = allocated_bytes + 64 * ?2",
               (texts[-1], len(texts)))
    db.execute("COMMIT")
    db.close()


class Strings(Case):
    @classmethod
    def setUpClass(cls):
        cls.texts = strings()
        cls.path = os.path.join(FOLDER, "strings.cairn")
        forge(cls.path, cls.texts)

    def run_one(self, *words, steers=STEERS, **more):
        done = cairn(words[0], self.path, *words[1:], **more)
        self.assertIn(done.status, (0, 1), (words, done.err))
        for name, raw in (("output", done.raw), ("errors", done.raw_err)):
            text = raw.decode("utf-8")  # all of it is UTF-8
            found = (steers if name == "output" else STEERS).search(text)
            self.assertIsNone(found, f"{words}: {name}: {text[max(0, found.start() - 40):found.end() + 40]!r}" if found else "")
        return done.out

    def test_tables(self):
        for width in (None, "80", "200"):
            for by in ("function", "line", "file", "module", "stack", "thread"):
                text = self.run_one("top", "--metric", "allocated", "--by", by, "--limit", "0", env={"COLUMNS": width})
                self.assertGreaterEqual(len(text.splitlines()), COUNT if by in ("function", "line", "stack") else 1000)
        for words in (("tree", "--limit", "0", "--metric", "allocated"), ("leaks", "--limit", "0", "--frames", "3"), ("info",), ("snapshots", "--limit", "0"),
                      ("growth",), ("rss",), ("timeline",), ("sizes",), ("check", "--max-leaked", "1"), ("diff", "start", "end"),
                      ("sql", "SELECT name, CAST(name AS BLOB) FROM function; SELECT path FROM module; SELECT text FROM note; SELECT * FROM top_at_peak")):
            self.run_one(*words)

    def test_csv_cells_stay_cells(self):
        for words, count in ((("top", "--metric", "allocated"), COUNT), (("leaks",), 1), (("snapshots",), COUNT), (("tree", "--metric", "allocated"), COUNT),
                             (("export", "--format", "csv", "-o", "-"), COUNT), (("sql", "SELECT name, function FROM function"), COUNT)):
            rows = list(csv.reader(io.StringIO(self.run_one(*words, *(() if words[0] == "export" else ("--format", "csv"))), newline="")))
            self.assertEqual({len(row) for row in rows}, {len(rows[0])}, words)
            self.assertGreaterEqual(len(rows), count, words)

    def test_json_is_what_was_there(self):
        for words in (("top", "--metric", "allocated"), ("tree", "--metric", "allocated"), ("leaks",), ("snapshots",), ("info",), ("export", "--format", "json", "-o", "-"),
                      ("sql", "SELECT name FROM function"), ("check", "--max-leaked", "1")):
            answer = json.loads(self.run_one(*words, *(() if words[0] == "export" else ("--format", "json")), steers=CONTROLS))
            if words[0] == "top":
                names = {row["function"] for row in answer["rows"]}
                self.assertEqual({text.decode("utf-8", "replace") for text in self.texts} - names, set())

    def test_junit(self):
        text = self.run_one("check", "--max-leaked", "1", "--format", "junit", "--limit", "0")
        import xml.etree.ElementTree as tree
        tree.fromstring(text)

    def test_folded_lines_stay_lines(self):
        lines = self.run_one("export", "--format", "folded", "--metric", "allocated", "-o", "-").splitlines()
        self.assertGreaterEqual(len(lines), COUNT)
        for line in lines:
            self.assertRegex(line, r"^.* \d+$")
        self.assertEqual({line.rsplit(" ", 1)[0].count(";") for line in lines if line.endswith(" 64")}, {1})

    def test_pprof(self):
        path = os.path.join(FOLDER, "strings.pb")
        self.assertEqual(cairn("export", self.path, "--format", "pprof", "-o", path).status, 0)
        with open(path, "rb") as file:
            texts = fields(file.read())[6]
        self.assertGreaterEqual(len(texts), COUNT)
        for text in texts:
            self.assertIsNone(STEERS.search(text.decode()), text)

    def test_dot(self):
        text = self.run_one("export", "--format", "dot", "--metric", "allocated", "-o", "-")
        for line in text.splitlines():  # quotes are even, apart from escaped ones
            self.assertEqual(len(re.sub(r"\\.", "", line).split('"')) % 2, 1, line)
        if shutil.which("dot"):
            done = subprocess.run(["dot", "-Tcanon"], input=text.encode(), capture_output=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stderr[:500])

    def test_html(self):
        text = self.run_one("export", "--format", "html", "--metric", "allocated", "-o", "-")
        self.assertEqual((text.count("<script"), text.count("</script"), text.count("<!--"), text.count("-->"), text.count("]]>")), (2, 2, 0, 0, 0))
        self.assertNotIn("alert(1)<", text)

    @unittest.skipUnless(CHROMIUM, "skipped: chromium is not here")
    def test_a_browser_runs_nothing_of_it(self):
        path = os.path.join(FOLDER, "strings.html")
        self.assertEqual(cairn("export", self.path, "--format", "html", "--metric", "allocated", "-o", path).status, 0)
        page, console = rendered(path)
        self.assertEqual(console, [])
        self.assertEqual(re.findall(r"<(img|iframe|object|embed|link|base)\b", page), [])
        self.assertEqual(page.count("</script>"), 2)

    def test_massif(self):
        self.run_one("export", "--format", "massif", "-o", "-")

    def test_terminal_and_title(self):
        """The viewer's bytes: what ncurses sends, and no other sequence, no title, no control."""
        status, written = cairn_on_terminal("view", self.path, steps=[b"m", b"m", b"G", b"t", b"2", b"jj\n", b"3", b"4", b"6", b"7", b"8", b"G", b"Q"],
                                            columns=120, lines=40)
        self.assertEqual(status, 0, written[-300:])
        self.assertIn(b"\\x", written)  # some of them were there to be seen
        self.assertNotIn(b"\x1b]", written)
        self.assertNotIn(b"\x1bP", written)
        plain = re.sub(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78DEM])", b"", written).decode("utf-8")
        plain = re.sub("[\r\n\b\x0e\x0f\t]", "", plain)
        found = STEERS.search(plain)
        self.assertIsNone(found, plain[max(0, found.start() - 40):found.end() + 40] if found else "")

    def test_errors(self):
        """Each in a place of the command line where it is wrong."""
        places = (lambda text: [text], lambda text: ["top", b"./" + text + b".cairn"], lambda text: ["top", trace(), b"--at=" + text], lambda text: ["top", trace(), b"--by=" + text],
                  lambda text: ["top", trace(), b"--" + text], lambda text: ["sql", trace(), b"SELECT '" + text], lambda text: ["top", trace(), b"--filter=(" + text],
                  lambda text: ["check", trace(), b"--max-peak=" + text], lambda text: ["import", b"./" + text, "-o", "x.cairn"], lambda text: ["help", text],
                  lambda text: ["export", trace(), "--format", "csv", "-o", b"/nonexistent/" + text], lambda text: ["leaks", trace(), b"--suppressions=./" + text])
        chosen = [text for text in self.texts if text.strip() and not text.startswith(b"-")]
        for i, text in enumerate(chosen if LONG else chosen[: len(NASTY) - 40]):
            run = subprocess.run([CAIRN.encode(), *(os.fsencode(word) for word in places[i % len(places)](text))], cwd=FOLDER, env=ENVIRONMENT, capture_output=True, check=False,
                                 stdin=subprocess.DEVNULL, timeout=60)
            if places[i % len(places)](text)[0] != "help":
                self.assertIn(run.returncode, (0, 1, 2), text)
            for raw in (run.stdout, run.stderr):
                found = STEERS.search(raw.decode("utf-8"))
                self.assertIsNone(found, (places[i % len(places)](text), raw))


main()
