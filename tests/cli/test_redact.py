"""cairn redact: what a trace tells by contract, and that nothing of it is left once it was redacted."""

import os
import shutil
import sqlite3
import subprocess
import sys

from hostile import Zstd
from support import FOLDER, HERE, Case, ask, build, cairn, main, trace

CANARY = b"canary"
PLACE = os.path.join(FOLDER, "CANARYfolder")
C_PROGRAM = """
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
static char *kept[100];
static char data[] = "CANARYdata";
static void *work(void *unused)
{
    prctl(PR_SET_NAME, "CANARYthread");
    for (int i = 0; i < 100; i++) { kept[i] = malloc(64); strcpy(kept[i], "CANARY heap"); }
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t t;
    pthread_create(&t, 0, work, 0);
    pthread_join(t, 0);
    kept[0] = strdup(data);
    kept[1] = strdup(getenv("CANARY") ? getenv("CANARY") : "");
    setenv("CANARYput", "CANARYenvironment put", 1);
    if (argc == 2 && fork() == 0) { execl("/proc/self/exe", argv[0], "CANARYargument of a child", "x", (char *)0); _exit(1); }
    wait(0);
    return 0;
}
"""


def record(output, *words, options=()):
    done = cairn("record", "-q", "-f", *options, "-o", output, "--", *words, env={"CANARY": "CANARYenvironment"})
    assert done.status == 0, done.err
    return output


def recording(language):
    """A recording full of canaries, made once, with everything kept that can be."""
    output = os.path.join(FOLDER, language + ".full.cairn")
    if os.path.exists(output):
        return output
    os.makedirs(PLACE, exist_ok=True)
    if language == "python":
        script = os.path.join(PLACE, "CANARYscript.py")
        shutil.copy(os.path.join(HERE, "programs", "canary.py"), script)
        return record(output, sys.executable, script, "CANARYargument", options=("--args",))
    source = os.path.join(PLACE, "CANARYsource.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(C_PROGRAM)
    program = os.path.join(PLACE, "CANARYprogram")
    subprocess.run([os.environ.get("CC", "cc"), "-g", "-pthread", "-o", program, source], check=True)
    return record(output, program, "CANARYargument", options=("--args",))


def redact(source, *options):
    output = os.path.join(FOLDER, "clean.cairn")
    done = cairn("redact", source, "-f", "-o", output, *options)
    assert (done.status, done.err) == (0, ""), done.err
    return output, done


def texts(path, table, column):
    db = sqlite3.connect(path)
    rows = [row[0] for row in db.execute(f"SELECT {column} FROM {table} ORDER BY rowid")]
    db.close()
    return rows


def raw(path):
    with open(path, "rb") as file:
        return file.read().lower()


def unpacked(path):
    """Every BLOB's frames, decompressed: what is not to be found must not be in there either."""
    zstd, found = Zstd(), []
    db = sqlite3.connect(path)
    for table, column in db.execute("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'BLOB'").fetchall():
        for (blob,) in db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
            at = blob.find(b"\x28\xb5\x2f\xfd")
            if at >= 0 and table.startswith("graph"):
                found.append(zstd.first_frame(blob[at:], 1 << 20))
    db.close()
    return b"\n".join(found).lower()


def holders(path):
    """table.column of every text with a canary in it, and "BLOB" for graphs' names."""
    db, found = sqlite3.connect(path), set()
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    for table, column in db.execute("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'TEXT'").fetchall():
        if any("canary" in (text or "").lower() for (text,) in db.execute(f"SELECT {column} FROM {table}")):
            found.add(f"{table}.{column}")
    db.close()
    return found | ({"BLOB"} if CANARY in unpacked(path) else set())


# Names and paths, of files, programs, threads, marks, types, attributes and identifiers used as keys; lines around sites.
BY_CONTRACT = {"recording.program", "process.program", "module.path", "source_file.path", "function.name", "thread.name", "snapshot.name", "source.text",
               "residency.name", "graph_root.name", "BLOB"}
SECRETS = (b"canaryargument", b"canaryenvironment", b"canary heap", b"canary value", b"canarydata", b"canaryput")


class Redact(Case):
    def test_what_no_trace_has(self):
        """By default: no argument, no environment, nothing from memory; neither as it is nor compressed."""
        for language, program in (("python", [sys.executable, os.path.join(PLACE, "CANARYscript.py")]), ("native", [os.path.join(PLACE, "CANARYprogram")])):
            recording(language)
            path = record(os.path.join(FOLDER, "default.cairn"), *program, "CANARYargument")
            self.assertEqual(holders(path) - BY_CONTRACT, set(), language)
            if ask("info", path)["graphs"]:
                self.assertGreater(len(unpacked(path)), 0)
            for secret in SECRETS:
                self.assertNotIn(secret, unpacked(path), (language, secret))
            # Lines of source hold what their author wrote: the secrets' own text is among them.
            bare = record(path, *program, "CANARYargument", options=("--no-source",))
            self.assertNotIn("source.text", holders(bare))
            for secret in SECRETS:
                self.assertNotIn(secret, raw(bare) + unpacked(bare), (language, secret))

    def test_a_trace_tells_what_its_contract_says(self):
        for language, program in (("python", [sys.executable, os.path.join(PLACE, "CANARYscript.py")]),
                                  ("native", [os.path.join(PLACE, "CANARYprogram")])):
            recording(language)
            path = record(os.path.join(FOLDER, "default.cairn"), *program, "CANARYargument", options=("--no-source",))
            bytes_ = raw(path)
            for secret in (b"canaryargument", b"canaryenvironment", b"canary heap", b"canary value"):
                self.assertNotIn(secret, bytes_, language)

    def test_all_leaves_nothing(self):
        for language in ("python", "native"):
            source = recording(language)
            self.assertIn(CANARY, raw(source))
            path, done = redact(source, "--all")
            self.assertNotIn(CANARY, raw(path), language)
            self.assertEqual(holders(path), set(), language)
            if language == "python":
                self.assertIn("BLOB", holders(source) if ask("info", source)["graphs"] else {"BLOB"})
            self.assertNotIn(CANARY.decode("utf-8").encode("utf-16-le"), raw(path))
            self.assertIn("was", done.out)
            for verb in (("info",), ("top", "--limit", "0"), ("leaks",), ("snapshots",), ("tree",)):
                self.assertNotIn("canary", cairn(verb[0], path, *verb[1:], "--format", "json").out.lower(), verb)

    def test_names_in_graphs(self):
        source = recording("python")
        if not ask("info", source)["graphs"]:
            self.skipTest("no graph of this interpreter")
        words = ("graph", "objects", "Holder", "--format", "json")
        before = cairn("graph", source, *words[1:]).out
        path, _ = redact(source, "--all", "--names", "Holder")
        types = [row["type"] for row in ask("graph", path, "types")["rows"]]
        self.assertNotIn("Holder", types)
        self.assertIn("Holder", before)
        path, _ = redact(source, "--labels")
        first = ask("graph", path, "objects", "Holder")["rows"][0]["id"]
        answer = cairn("graph", path, "path", str(first), "--format", "json").out
        for secret in ("CANARYkey", "canary_attribute", '"kept'):
            self.assertFalse(secret in answer, secret)

    def test_numbers_stay(self):
        source = recording("python")
        path, _ = redact(source, "--all", "--names", ".")
        a, b = (ask("top", name, "--by", "stack", "--limit", "0") for name in (source, path))
        self.assertEqual(a["total"], b["total"])
        self.assertEqual(sorted(row["live_bytes"] for row in a["rows"]), sorted(row["live_bytes"] for row in b["rows"]))
        self.assertEqual(set(name.rstrip("0123456789") for name in texts(path, "function", "name")), {"function"})

    def test_each_choice(self):
        source = recording("python")
        program = os.path.realpath(sys.executable)
        path, _ = redact(source, "--args")
        self.assertEqual(texts(path, "recording", "args"), [None])
        self.assertEqual(texts(path, "source_file", "path"), texts(source, "source_file", "path"))
        path, _ = redact(source, "--hosts")
        self.assertEqual(texts(path, "recording", "host"), [None])
        self.assertNotEqual(texts(path, "recording", "args"), [None])
        path, _ = redact(source, "--source")
        db = sqlite3.connect(path)
        self.assertEqual(db.execute("SELECT count(*) FROM source WHERE text <> ''").fetchone(), (0,))
        db.close()
        path, _ = redact(source, "--paths")
        files = texts(path, "source_file", "path")
        self.assertTrue(all(name.startswith("folder") for name in files if "/" in name), files)
        self.assertIn("CANARYscript.py", [os.path.basename(name) for name in files])
        self.assertIn(os.path.basename(program), [os.path.basename(name) for name in texts(path, "process", "program")])
        path, _ = redact(source, "--names", "CANARY")
        self.assertEqual([name for name in texts(path, "source_file", "path") + texts(path, "snapshot", "name") if name and "CANARY" in name], [])
        self.assertEqual(len(set(texts(path, "source_file", "path"))), len(files))

    def test_the_usual_parts_and_the_report(self):
        source = recording("native")
        path, done = redact(source)
        self.assertEqual(texts(path, "recording", "args") + texts(path, "recording", "host"), [None, None])
        self.assertIn("CANARYthread", texts(path, "thread", "name"))
        self.assertIn("What stays", done.out)
        report = ask("redact", source, "-f", "-o", path)
        rows = {row["what"]: row for row in report["rows"]}
        self.assertEqual(rows["folders"]["left"], 0)
        self.assertGreater(rows["folders"]["gone"], 0)
        self.assertGreater(rows["function names"]["left"], 0)
        self.assertEqual(report["bytes_after"], os.path.getsize(path))
        self.assertEqual(report["bytes_before"], os.path.getsize(source))
        db = sqlite3.connect(path)
        self.assertEqual(db.execute("PRAGMA freelist_count").fetchone(), (0,))
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        db.close()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_what_is_wrong(self):
        self.assert_sentence(cairn("redact", trace()), 2, "-o")
        self.assert_sentence(cairn("redact", trace(), "-o", os.path.join(FOLDER, "z.cairn"), "--names", "("), 2, "regular expression")
        self.assert_sentence(cairn("redact", trace(), "-o", build("ledger")), 2, "-f")
        self.assertFalse(os.path.exists(os.path.join(FOLDER, "z.cairn")))


main()
