"""The Nth write to a trace, read of one, or allocation fails, once or from then on (programs/faults.c). The recorded program never
notices. The recording is whole, or says in one sentence that it is not; what is left of it is readable and tells the truth.
CAIRN_LONG=1: every N up to 400."""

import json
import os
import shutil
import subprocess
import unittest

from support import BUILD, CAIRN, CC, ENVIRONMENT, FOLDER, HERE, Case, cairn, main

LONG = bool(os.environ.get("CAIRN_LONG"))
EVERY = range(1, 401)
FEW_WRITES = EVERY if LONG else (1, 2, 5, 20, 60, 90, 110, 135, 150)
FEW_READS = EVERY if LONG else (1, 2, 3, 7, 15)
# The viewer asks for a quarter of a million blocks on its way through all screens.
VIEWER_BLOCKS = EVERY if LONG else (1, 10, 40, 150, 400, 1000, 3000, 10000, 40000)
SCREENS = "keys jj\nkey Enter\nkey Esc\nkeys 2jj3455jj\nkey Enter\nkey Esc\nkeys 678?\nkey Esc\nkeys 1\nsave-screen out\n"
FEW_BLOCKS = EVERY if LONG else (1, 3, 10, 30, 75, 130, 200, 300, 390)
PROGRAM = os.path.join(BUILD, "tests", "targets", "forty", "calls")
LIBRARY = os.path.join(FOLDER, "faults.so")


def setUpModule():
    source = os.path.join(HERE, "programs", "faults.c")
    subprocess.run([CC, "-O1", "-g", "-fno-builtin", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", LIBRARY, source], check=True)


class Faults(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id().rsplit(".", 1)[-1])
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def fault(self, kind, at, stays, *words, command=None):
        """cairn with such a fault; also whether one came up."""
        log = self.path("failed")
        if os.path.exists(log):
            os.unlink(log)
        env = {"LD_PRELOAD": LIBRARY, "FAULT_KIND": kind, "FAULT_AT": str(at), "FAULT_LOG": log}
        if stays:
            env["FAULT_STAYS"] = "1"
        done = cairn(*words, cwd=self.folder, env=env, timeout=120, command=command)
        return done, os.path.exists(log)

    def assert_says_why(self, done):
        """One sentence, and no death by a signal."""
        self.assertGreater(done.status, 0, done.err)
        self.assertLess(done.status, 128, done.err)
        lines = done.err.strip().splitlines()
        self.assertTrue(lines and lines[0].startswith("cairn: "), done.err)
        self.assertLessEqual(len(lines), 3, done.err)

    def record_with(self, kind, at, stays):
        books = self.path("books")
        shutil.rmtree(books, ignore_errors=True)
        for name in os.listdir(self.folder):
            os.unlink(self.path(name))
        os.mkdir(books)
        done, failed = self.fault(kind, at, stays, "record", "-q", "-o", "t.cairn", "--", PROGRAM, books, "plain")
        self.assertEqual(done.out, "")
        kept = os.listdir(books)
        if kept:
            with open(os.path.join(books, kept[0])) as file:
                book = dict(line.split() for line in file)
            self.assertEqual((book["allocations"], book["frees"]), ("10000", "10000"))
        if not failed:
            self.assertEqual((done.status, done.err), (0, ""))
        if done.status == 0:
            self.assertEqual(done.err, "")
            self.assertTrue(kept, "the program did not run")
        else:
            self.assert_says_why(done)
            self.assertIn(done.status, (125,) if kept else (125, 2))
        self.check_trace(done)

    def check_trace(self, done):
        """Absent after a failure, or readable; complete only with everything in it."""
        if not os.path.exists(self.path("t.cairn")):
            self.assertNotEqual(done.status, 0)
            return
        info = cairn("info", "t.cairn", "--format", "json", cwd=self.folder)
        if info.status != 0:
            self.assertNotEqual(done.status, 0)
            self.assert_says_why(info)
            return
        answer = json.loads(info.out)
        if done.status == 0:
            self.assertIs(answer["complete"], True)
        if answer["complete"]:
            self.assertEqual((answer["events"]["alloc"], answer["events"]["free"], answer["lost_events"]), (10000, 10000, 0))
            if done.status != 0 and os.path.exists(self.path("t.cairn-wal")):  # only the step to one file failed
                self.assertIn("t.cairn-wal: keep both", done.err)
                self.assertEqual(cairn("info", "--repair", "t.cairn", cwd=self.folder).status, 0)
                self.assertFalse(os.path.exists(self.path("t.cairn-wal")))
        top = cairn("top", "t.cairn", cwd=self.folder)
        self.assertEqual(top.status, 0, top.err)
        if not answer["complete"]:
            self.assertIn("incomplete", cairn("info", "t.cairn", cwd=self.folder).out)

    def each(self, kind, numbers, check, *words):
        for stays in (False, True):
            for at in numbers:
                with self.subTest(kind=kind, at=at, stays=stays):
                    check(kind, at, stays, *words)

    def test_writes_of_a_recording(self):
        self.each("write", FEW_WRITES, self.record_with)

    def test_memory_of_a_recording(self):
        self.each("memory", FEW_BLOCKS, self.record_with)

    def test_memory_for_names(self):
        """libdw would end the recorder: a file is left with the names of its symbol table, and the trace says why."""
        limited = ["prlimit", f"--as={1 << 40}", CAIRN]
        for kind, at in (("names", 1), ("names", 2), ("names", 3), ("names", 5), ("tables", 1), ("tables", 2), ("tables", 5)):
            with self.subTest(kind=kind, at=at):
                done, failed = self.fault(kind, at, False, "record", "-f", "-q", "-o", "t.cairn", "--", PROGRAM, "", "chain", command=limited)
                self.assertTrue(failed)
                self.assertEqual((done.status, done.err), (0, ""))
                modules = cairn("sql", "t.cairn", "SELECT symbols FROM module", cwd=self.folder).out
                self.assertIn("symtab: the recorder had too little memory", modules)
                self.assertIn("main", cairn("top", "t.cairn", "--by", "stack", "--format", "csv", cwd=self.folder).out)

    def test_little_address_space(self):
        """A limit is the recorder's, too (ulimit -v): it records with fewer names, or says that it had no memory."""
        for megabytes in range(80, 128, 3):
            with self.subTest(megabytes):
                done = cairn("record", "-f", "-o", "t.cairn", "--", "ls", "/", cwd=self.folder,
                             command=["prlimit", f"--as={megabytes << 20}", CAIRN])
                self.assertIn(done.status, (0, 125), done.err)
                self.assertTrue(done.err.startswith("cairn: "), done.err)
                self.assertNotIn("there is no event", done.err)

    def answer_with(self, kind, at, stays, *words):
        done, failed = self.fault(kind, at, stays, *words)
        if done.status == 0:
            self.assertEqual((done.out, done.err), self.whole[words], f"another answer without a word (failed: {failed})")
        else:
            self.assertTrue(failed)
            self.assert_says_why(done)

    def test_answers(self):
        self.assertEqual(cairn("record", "-q", "-o", "t.cairn", "--", PROGRAM, "", "chain", cwd=self.folder).status, 0)
        self.whole = {}
        for words in (("info", "t.cairn"), ("top", "t.cairn"), ("top", "t.cairn", "--format", "json")):
            done = cairn(*words, cwd=self.folder)
            self.whole[words] = (done.out, done.err)
            self.each("read", FEW_READS, self.answer_with, *words)
            self.each("memory", FEW_BLOCKS, self.answer_with, *words)

    def view_with(self, kind, at, stays, *words):
        """One block that is missing may be done without; what is not shown is said."""
        done, failed = self.fault(kind, at, stays, *words)
        if done.status != 0:
            self.assertTrue(failed)
            self.assertEqual(done.status, 2)
            self.assert_says_why(done)

    def test_viewer(self):
        self.assertEqual(cairn("record", "-q", "-o", "t.cairn", "--", PROGRAM, "", "chain", cwd=self.folder).status, 0)
        with open(self.path("all.script"), "w") as file:
            file.write(SCREENS)
        words = ("view", "t.cairn", "--script", "all.script", "--size", "100x30")
        self.assertEqual(cairn(*words, cwd=self.folder).status, 0)
        self.each("memory", VIEWER_BLOCKS, self.view_with, *words)


main()
