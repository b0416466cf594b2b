"""Every command answers a slim copy's questions as it answers those of the trace, but for what single events tell: traces of threads, of
forked processes, of Python and a sampled one, each with more periodic snapshots than stay as rows."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import slim_questions
from support import CC, FOLDER, HERE, INCLUDE, Case, ask, cairn, main

PROGRAM = os.path.join(HERE, "programs", "crowd")
LEAST_BYTES = 256 << 10  # of rows that stay in any case
SITE_BYTES = 20
ASKED = 9  # snapshots of each trace, and those with names


def record(name, *words, options=(), interval=2):
    """(trace, slim copy)"""
    full, slim = (os.path.join(FOLDER, f"{name}.{kind}.cairn") for kind in ("full", "slim"))
    done = cairn("record", "-q", "--interval", str(interval), "--no-source", *options, "-o", full, "--", *words, timeout=300)
    assert done.status == 0, done.err
    done = cairn("slim", full, "-o", slim)
    assert (done.status, done.err) == (0, ""), done.err
    return full, slim


def crowd():
    program = os.path.join(FOLDER, "crowd")
    if not os.path.exists(program):
        subprocess.run([CC, "-g", "-O1", "-pthread", "-I", INCLUDE, "-o", program, PROGRAM + ".c", "-ldl"], check=True)
    return program


def ask_sql(path, text):
    db = sqlite3.connect(path)
    rows = db.execute(text).fetchall()
    db.close()
    return rows


class Same(Case):
    def check(self, name, *words, options=()):
        full, slim = record(name, *words, options=options)
        self.assertEqual(ask_sql(slim, "PRAGMA integrity_check"), [("ok",)])
        rows, snapshots = ask_sql(full, "SELECT count(*), count(DISTINCT snapshot) FROM snapshot_site")[0]
        kept = ask_sql(slim, "SELECT count(DISTINCT snapshot) FROM snapshot_site")[0][0]
        if rows * SITE_BYTES > 2 * LEAST_BYTES:
            self.assertLess(kept, snapshots, rows)
        asked = slim_questions.questions(full, max(1, snapshots // ASKED))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda question: slim_questions.difference(full, slim, question), asked))
        neither = [" ".join(question) for question, why in zip(asked, found) if why and why[0] == "neither"]
        self.assertLess(len(neither), len(asked) / 10, neither)
        found = [why if why and why[0] != "neither" else None for why in found]
        wrong = [f"{name}: {' '.join(question)}: {why[1]}" for question, why in zip(asked, found) if why and why[0] == "different"]
        self.assertEqual(wrong, [], "\n".join(wrong))
        for question, why in zip(asked, found):
            if why and why[0] in ("refused", "marked"):
                self.assertTrue("--from" in question and question[0] in ("check", "growth"), (question, why))
            elif why and why[0] == "wider":
                self.assertTrue("--sample" in options and question[0] in ("diff", "growth"), (question, why))
            elif why:
                self.assertTrue("--from" in question or question[0] in ("diff", "leaks"), (question, why))
        return full, slim, [word for why in found if why for word in why[:1]], asked

    def test_threads(self):
        full, slim, found, asked = self.check("threads", crowd(), "threads")
        self.assertLess(len(found), len(asked) / 3)  # diffs, whose survivors are not known
        self.assertLess(os.path.getsize(slim), os.path.getsize(full))

    def test_forked_processes(self):
        full, slim, *_ = self.check("forks", crowd(), "forks")
        for process, at in ((1, "end"), (2, "50%"), (5, "@done"), (3, "s1")):
            question = ("top", "--process", str(process), "--at", at, "--from", "start", "--to", at)
            found = slim_questions.difference(full, slim, question)
            self.assertTrue(found is None or found[0] == "unknown", (question, found))

    def test_a_sampled_recording(self):
        self.check("sampled", crowd(), "threads", options=("--sample", "2K"))

    def test_growth_of_a_sampled_recording(self):
        """Whether a heap that is replaced all the time grows is a matter of chance. Where one does, the copy knows by how much, but not which
        blocks of the beginning live at the end: its error is that of both."""
        full, slim = record("growing", crowd(), "growing", options=("--sample", "2K"))
        (row, *_), (copied, *_) = (ask("growth", path)["rows"] for path in (full, slim))
        self.assertEqual({**copied, "error_bytes": row["error_bytes"]}, row)
        self.assertGreater(copied["error_bytes"], row["error_bytes"])
        self.assertEqual(slim_questions.difference(full, slim, ("growth",))[0], "wider")

    def test_python(self):
        self.check("python", sys.executable, "-I", "-S", PROGRAM + ".py")

    def test_a_copy_of_a_copy_and_a_redacted_one(self):
        _, slim = record("copied", "sh", "-c", f"for i in 1 2 3; do {crowd()} threads; done", interval=1)
        again, hidden = (os.path.join(FOLDER, name) for name in ("again.cairn", "hidden.cairn"))
        self.assertEqual(cairn("slim", slim, "-o", again).status, 0)
        self.assertEqual(cairn("redact", slim, "-o", hidden).status, 0)
        for table in ("event_chunk", "chunk_delta", "keyframe", "snapshot_site"):
            rows = [ask_sql(path, f"SELECT * FROM {table}") for path in (slim, again, hidden)]
            self.assertEqual(rows[0], rows[1], table)
            self.assertEqual(rows[0], rows[2], table)
        for path in (again, hidden):
            done = cairn("top", path, "--at", "s3", "--format", "json")
            self.assertEqual((done.status, done.err), (0, ""))

    def test_a_moment_in_between(self):
        """SQL has no place to say that rows are those of another moment: it refuses, and names the nearest snapshot."""
        _, slim = record("between", crowd(), "threads", interval=1000)
        at = next(f"{percent}.5%" for percent in range(1, 99) if cairn("top", slim, "--at", f"{percent}.5%", "--format", "json").err)
        for text in (f"SELECT count(*) FROM heap_at('{at}')", f"SELECT count(*) FROM heap_diff('start', '{at}')"):
            self.assert_sentence(cairn("sql", slim, text), 2, at, "nearest snapshot", "slim")
        nanoseconds = ask_sql(slim, f"SELECT duration_ns * {at[:-1]} / 100 FROM recording")[0][0]
        self.assert_sentence(cairn("sql", slim, f"SELECT count(*) FROM heap_at({int(nanoseconds)})"), 2, "slim")

    def test_the_largest_heap_of_a_part(self):
        """What was live then is not known, where it is at no border: not that of the border before."""
        full, slim = record("part", crowd(), "threads", interval=1000)
        spans = [("--from", f"{percent}%", "--to", f"{percent + step}%", "--at", f"{percent}%") for step in (5, 2) for percent in range(20, 95, step)]
        answers = {span: [ask("top", path, *span)["total"]["peak_bytes"] for path in (full, slim)] for span in spans}
        self.assertEqual([found for found in answers.values() if found[1] not in (found[0], None)], [])
        unknown = [span for span, found in answers.items() if found[1] is None]
        self.assertTrue(unknown)
        self.assert_sentence(cairn("top", slim, *unknown[0], "--metric", "peak"), 2, "peak of that span", "slim")
        self.assert_sentence(cairn("top", slim, *unknown[0], "--sort", "peak_bytes"), 2, "peak of that span", "slim")
        self.assertEqual(cairn("top", slim, *unknown[0]).status, 0)


main()
