"""Whole recordings, from the program to rows that plain sqlite3 reads, held against what the programs know of themselves."""
import os
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(os.environ["CAIRN_BUILD"])
TARGETS = BUILD / "tests" / "targets"
RECORD = str(BUILD / "tests" / "unit" / "collector" / "record_main")
ENVIRONMENT = dict(os.environ, CAIRN_AGENT=str(BUILD / "libcairn.so"))
SEEDS = int(os.environ.get("CAIRN_SEEDS", "4"))
REQUEST = "<IIII iiii Q 256s"  # struct cairn_session_request: reason is one of the ints


class Trace:
    """A finished trace, through plain SQL."""

    def __init__(self, path):
        self.path = path
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.db.row_factory = sqlite3.Row

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def row(self, query, *values):
        rows = self.rows(query, *values)
        assert len(rows) == 1, f"{query}: {len(rows)} rows"
        return rows[0]

    @property
    def recording(self):
        return self.row("SELECT * FROM recording")

    def function_of_account(self, wanted):
        """Account → the innermost frame whose function `wanted` accepts."""
        names = {row["frame"]: row["function"] for row in self.rows("SELECT frame, function FROM frame_text")}
        outer = {row["frame"]: row["inlined_into"] for row in self.rows("SELECT frame, inlined_into FROM frame")}
        stacks = {row["stack"]: (row["parent"], row["frame"]) for row in self.rows("SELECT * FROM stack")}
        found = {}
        for row in self.rows("SELECT account, stack FROM account"):
            stack = row["stack"]
            while stack and row["account"] not in found:
                parent, frame = stacks[stack]
                while frame:
                    if wanted(names[frame]):
                        found.setdefault(row["account"], names[frame])
                    frame = outer[frame]
                stack = parent
        return found


def read_books(path):
    books = {}
    for line in Path(path).read_text().splitlines():
        name, value = line.rsplit(" ", 1)
        books[name] = int(value)
    return books


class Recordings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cairn-record-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, argv, name="t.cairn", **more):
        env = dict(ENVIRONMENT, CAIRN_OUTPUT=self.path(name), **more)
        return subprocess.Popen([RECORD, *argv], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def record(self, argv, status=0, name="t.cairn", **more):
        process = self.start(argv, name, **more)
        out, err = process.communicate(timeout=200)
        self.assertEqual(process.returncode, status, f"{argv}: {err}")
        self.stdout, self.stderr = out, err
        return Trace(self.path(name)) if os.path.exists(self.path(name)) else None

    def wait_for_events(self, name, count):
        """Reads the trace while it is being written, and lets go of it (a connection that is only forgotten waits for Python's collector
        of cycles, and the recorder for it)."""
        for _ in range(400):
            time.sleep(0.05)
            if os.path.exists(self.path(name)):
                trace = Trace(self.path(name))
                try:
                    if trace.row("SELECT coalesce(max(events), 0) FROM recording")[0] >= count:
                        return
                except sqlite3.OperationalError:
                    pass  # its schema is being made
                finally:
                    trace.db.close()
        self.fail("no events")

    def check_whole(self, trace):
        """What holds of every finished trace."""
        recording = trace.recording
        self.assertEqual(trace.row("PRAGMA integrity_check")[0], "ok")
        self.assertEqual(trace.rows("PRAGMA foreign_key_check"), [])
        self.assertEqual(recording["complete"], 1)
        self.assertEqual(trace.row("SELECT coalesce(sum(events), 0) FROM event_chunk")[0], recording["events"])
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(set(os.listdir(self.folder)) - {"t.cairn-wal", "t.cairn-shm"}))
        self.assertEqual(os.stat(trace.path).st_mode & 0o777, 0o600)
        heap = "SELECT coalesce(sum({}), 0) FROM account WHERE domain <= 3"
        self.assertEqual(trace.row(heap.format("peak_bytes"))[0], recording["peak_bytes"])
        self.assertEqual(trace.row(heap.format("peak_blocks"))[0], recording["peak_blocks"])
        self.assertEqual(trace.row(heap.format("allocated_bytes"))[0], recording["allocated_bytes"])
        self.assertEqual(trace.row(heap.format("allocations"))[0], recording["alloc_events"] + recording["realloc_events"])
        peak = trace.row("SELECT * FROM snapshot WHERE kind = 'peak'")
        self.assertEqual(peak["bytes"], recording["peak_bytes"])
        for snapshot in trace.rows("SELECT * FROM snapshot"):
            live = trace.row("SELECT coalesce(sum(live_bytes), 0), coalesce(sum(live_blocks), 0) FROM snapshot_site JOIN account "
                             "USING (account) WHERE snapshot = ? AND domain <= 3".replace("live_bytes", "snapshot_site.live_bytes")
                             .replace("live_blocks", "snapshot_site.live_blocks"), snapshot["snapshot"])
            self.assertEqual(tuple(live), (snapshot["bytes"], snapshot["blocks"]))
        self.assertEqual(trace.rows("SELECT * FROM stack WHERE parent >= stack"), [])
        self.assertEqual(trace.row("SELECT count(*), coalesce(max(account), 0) FROM account")[0],
                         trace.row("SELECT coalesce(max(account), 0) FROM account")[0])
        return recording

    def check_ledger(self, seed, threads, operations, *words):
        book = self.path("book")
        trace = self.record([str(TARGETS / "ledger"), str(seed), str(threads), str(operations), book, *words])
        books = read_books(book)
        recording = self.check_whole(trace)
        self.assertEqual(recording["lost_events"], 0)
        functions = {name.split(".")[1] for name in books if name.startswith("end.")}
        self.assertEqual(len(functions), 4)
        sites = trace.function_of_account(lambda name: name in functions)
        for site in functions:
            accounts = [account for account, name in sites.items() if name == site]
            marks = ",".join(map(str, accounts))
            sums = trace.row(f"SELECT sum(allocated_bytes), sum(allocations) FROM account WHERE account IN ({marks})")
            self.assertEqual(sums[0], books[f"end.{site}.allocated_bytes"], site)
            self.assertEqual(sums[1], books[f"end.{site}.allocations"], site)
            for moment in ("a", "b", "end"):
                live = trace.row(f"SELECT coalesce(sum(ss.live_bytes), 0), coalesce(sum(ss.live_blocks), 0) FROM snapshot s JOIN "
                                 f"snapshot_site ss USING (snapshot) WHERE s.name = ? AND ss.account IN ({marks})",
                                 f"ledger-{moment}")
                self.assertEqual(live[0], books[f"{moment}.{site}.live_bytes"], f"{moment} {site}")
                self.assertEqual(live[1], books[f"{moment}.{site}.live_blocks"], f"{moment} {site}")
        all_sites = ",".join(map(str, sites))
        totals = trace.row(f"SELECT sum(allocations), sum(reallocs), sum(allocated_bytes) FROM account WHERE account IN ({all_sites})")
        self.assertEqual(totals[0] - totals[1], books["allocations"])
        self.assertEqual(totals[1], books["reallocs"])
        self.assertEqual(totals[2], books["allocated_bytes"])
        if books["peak_bytes"]:
            self.assertEqual(trace.row(f"SELECT sum(peak_bytes) FROM account WHERE account IN ({all_sites})")[0], books["peak_bytes"])

    def test_ledgers(self):
        for seed in range(1, SEEDS + 1):
            for threads, words in ((1, ()), (2, ()), (8, ()), (4, ("ordered",))):
                with self.subTest(seed=seed, threads=threads, words=words):
                    self.check_ledger(seed, threads, 40000, *words)

    def test_status_and_output_pass_through(self):
        self.record(["sh", "-c", "echo out; echo err >&2; exit 3"], status=3)
        self.assertEqual(self.stdout, "out\n")
        self.assertEqual(self.stderr, "err\n")
        trace = self.record(["sh", "-c", "kill -SEGV $$"], status=128 + signal.SIGSEGV)
        self.assertEqual(self.check_whole(trace)["signal"], signal.SIGSEGV)

    def test_nothing_stays_of_what_was_not_recorded(self):
        static = self.path("static")
        source = self.path("static.c")
        Path(source).write_text("int main(void) { return 0; }")
        subprocess.run(["cc", "-static", "-o", static, source], check=True)
        setuid = self.path("setuid")
        shutil.copy("/bin/true", setuid)
        os.chmod(setuid, 0o4755)
        plain = self.path("plain")
        Path(plain).write_text("no program")
        script = self.path("script")
        Path(script).write_text("#!/no/such/interpreter\n")
        os.chmod(script, 0o755)
        for sanitizer in ("address", "thread"):
            subprocess.run(["cc", f"-fsanitize={sanitizer}", "-o", self.path(sanitizer), source], check=True)
        for program, status, why in ((self.path("address"), 126, "AddressSanitizer"), (self.path("thread"), 126, "ThreadSanitizer"),
                                     (static, 126, "statically linked"), (setuid, 126, "setuid"), (plain, 126, "not executable"),
                                     (script, 126, "interpreter"), (self.path("nothing"), 127, "no such file"),
                                     ("no-such-program", 127, "PATH"), (self.folder, 126, "folder")):
            with self.subTest(program=program):
                began = time.monotonic()
                self.assertIsNone(self.record([program], status=status))
                self.assertLess(time.monotonic() - began, 1)
                self.assertIn(why, self.stderr)

    def test_shell_script_without_a_first_line(self):
        script = self.path("script")
        Path(script).write_text("echo $0 $1\n")
        os.chmod(script, 0o755)
        self.check_whole(self.record([script, "word"]))
        self.assertEqual(self.stdout, f"{script} word\n")

    def test_children_are_processes_of_the_trace(self):
        trace = self.record(["sh", "-c", "(true; /bin/echo a); /bin/echo b; exec /bin/echo c"])
        self.check_whole(trace)
        self.assertEqual(sorted(self.stdout.split()), ["a", "b", "c"])
        processes = trace.rows("SELECT * FROM process ORDER BY process")
        origins = [row["origin"] for row in processes]
        self.assertEqual(origins[0], "start")
        self.assertIn("fork", origins)
        root_pid = processes[0]["pid"]
        last = [row for row in processes if row["pid"] == root_pid][-1]
        self.assertEqual((last["origin"], os.path.basename(last["program"])), ("exec", "echo"))
        for row in processes:
            self.assertIsNotNone(row["ended_ns"])

    def check_books(self, trace, folder):
        """Every process that wrote its books into the folder, against its accounts. Returns how many there were."""
        sites = trace.function_of_account(lambda name: name == "books_malloc")
        accounts = ",".join(map(str, sites))
        query = (f"SELECT sum(allocations), sum(reallocs), sum(allocated_bytes), sum(live_bytes), sum(live_blocks) FROM account "
                 f"WHERE account IN ({accounts}) AND process = ?")
        count = 0
        for name in os.listdir(folder):
            if not name.isdigit():
                continue
            books = read_books(os.path.join(folder, name))
            process = trace.rows("SELECT max(process) FROM process WHERE pid = ?", books["pid"])[0][0]
            self.assertIsNotNone(process, f"pid {books['pid']}")
            got = trace.row(query, process)
            self.assertEqual(tuple(got), (books["allocations"], books["reallocs"], books["allocated_bytes"], books["live_bytes"],
                                          books["live_blocks"]), f"process {process}")
            count += 1
        return count

    def test_a_program_is_called_what_it_was_started_as(self):
        """redis-server is a link to redis-check-rdb; a link that only leaves a version out is resolved."""
        for link, name in (("server", "server"), ("burst", "burst-2.1")):
            real = self.path("ledger" if link == "server" else "burst-2.1")
            shutil.copy(TARGETS / "ledger", real)
            os.symlink(real, self.path(link))
            trace = self.record([self.path(link), "1", "1", "100", self.path("book")], name=link + ".cairn")
            self.assertEqual(trace.row("SELECT program FROM process")[0], self.path(name))
            modules = [row["path"] for row in trace.rows("SELECT path FROM module")]
            self.assertIn(self.path(name), modules)
            self.assertEqual([path for path in modules if path.startswith(self.folder)], [self.path(name)])

    def test_forked_children_keep_their_own_books(self):
        books = self.path("books")
        os.mkdir(books)
        trace = self.record([str(TARGETS / "forks"), books, "200"])
        self.assertEqual(self.check_whole(trace)["lost_events"], 0)
        self.assertEqual(self.check_books(trace, books), 201)
        self.assertEqual(trace.row("SELECT count(*) FROM process WHERE origin = 'fork' AND parent = 1")[0], 200)
        self.assertEqual(trace.row("SELECT unknown_free_events FROM recording")[0], 0)

    def test_raw_clones_stay_out(self):
        books = self.path("books")
        os.mkdir(books)
        trace = self.record([str(TARGETS / "forks"), books, "30", "raw"])
        self.check_whole(trace)
        self.assertEqual(self.check_books(trace, books), 1)

    def test_every_way_to_end(self):
        for how, status in (("return", None), ("exit", None), ("_exit", None), ("_Exit", None), ("quick_exit", None),
                            ("thread", 5), ("main", 6), ("abort", 134), ("segv", 139), ("atexit", None), ("exec", None)):
            with self.subTest(how=how):
                books = self.path(f"books-{how}")
                os.mkdir(books)
                argv = [str(TARGETS / "endings"), books, how]
                plain = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                shutil.rmtree(books)
                os.mkdir(books)
                trace = self.record(argv, status=status or (plain.returncode if plain.returncode >= 0 else 128 - plain.returncode))
                self.check_whole(trace)
                self.check_books(trace, books)

    def test_thousands_of_threads(self):
        trace = self.record([str(TARGETS / "short_threads"), self.folder, "1000"])
        recording = self.check_whole(trace)
        self.assertEqual(recording["lost_events"], 0)
        self.assertGreaterEqual(trace.row("SELECT count(*) FROM thread")[0], 1000)
        self.assertEqual(trace.rows("SELECT * FROM thread WHERE ended_ns IS NULL"), [])

    def test_recording_lasts_until_the_last_child(self):
        began = time.monotonic()
        trace = self.record(["sh", "-c", "(sleep 0.7; echo late) & echo early"])
        self.assertGreater(time.monotonic() - began, 0.7)
        self.assertEqual(self.stdout, "early\nlate\n")
        self.check_whole(trace)

    def test_killed_at_random_moments(self):
        for i in range(5):
            process = self.start([str(TARGETS / "short_threads"), self.folder, "100000000"] if i % 2 else
                                 [str(TARGETS / "ledger"), "5", "4", "100000000", self.path("book")], f"{i}.cairn")
            self.wait_for_events(f"{i}.cairn", 1)
            time.sleep(0.07 * i)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
            err = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 137, err)
            recording = self.check_whole(Trace(self.path(f"{i}.cairn")))
            self.assertEqual(recording["lost_events"], 0)

    def test_killed_in_a_burst_nothing_committed_is_lost(self):
        """The program counts what returned; at most one more a thread may have been recorded. CAIRN_LONG: 500 moments."""
        threads = 4
        for i in range(500 if os.environ.get("CAIRN_LONG") else 5):
            process = self.start([str(TARGETS / "burst"), self.path("counters"), str(threads)])
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not (os.path.exists(self.path("counters")) and any(Path(self.path("counters")).read_bytes())):
                time.sleep(0.01)
            time.sleep(random.uniform(0.005, 0.5))
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
            err = process.communicate(timeout=100)[1]
            self.assertEqual(process.returncode, 137, err)
            counted = sum(struct.unpack(f"<{threads * 8}Q", Path(self.path("counters")).read_bytes()))
            trace = Trace(self.path("t.cairn"))
            recording = self.check_whole(trace)
            self.assertEqual(recording["lost_events"], 0)
            self.assertEqual(trace.row("SELECT signal FROM process")[0], 9)
            sites = trace.function_of_account(lambda name: name == "burst_site")
            found = trace.row(f"SELECT sum(allocations) FROM account WHERE account IN ({','.join(map(str, sites))})")[0]
            self.assertTrue(counted <= found <= counted + threads, f"{found} recorded, {counted} counted")
            for name in os.listdir(self.folder):
                os.unlink(self.path(name))

    def test_target_outlives_a_killed_recorder(self):
        book = self.path("book")
        process = self.start([str(TARGETS / "ledger"), "9", "2", "1000000", book])
        self.wait_for_events("t.cairn", 100000)
        pid = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        process.kill()
        process.communicate()
        for _ in range(600):
            if not os.path.exists(f"/proc/{pid}"):
                break
            time.sleep(0.1)
        self.assertGreater(read_books(book)["allocations"], 100000)
        trace = Trace(self.path("t.cairn"))
        self.assertEqual(trace.recording["complete"], 0)
        self.assertEqual(trace.row("SELECT coalesce(sum(events), 0) FROM event_chunk")[0], trace.recording["events"])
        self.assertGreater(trace.recording["events"], 0)

    def test_term_is_passed_on_and_a_second_one_ends_the_recording(self):
        script = "trap 'echo got' TERM; i=0; while [ $i -lt 12 ]; do sleep 0.1; i=$((i+1)); done; echo done"
        process = self.start(["sh", "-c", script])
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)  # a terminal's Ctrl-C goes to the program, not to us
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=5), 0)
        self.assertEqual(process.stdout.read(), "got\ndone\n")
        process.stdout.close()
        process.stderr.close()
        trace = Trace(self.path("t.cairn"))
        self.assertEqual(self.check_whole(trace)["stopped_why"], "stopped")

    def ask(self, pid, verb, name=b""):
        """One command over the session's socket, as `cairn snapshot` and `cairn stop` do it."""
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        path = next(entry for entry in environment if entry.startswith(b"CAIRN_SESSION=")).split(b"=", 1)[1].decode()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(path)
            connection.send(struct.pack(REQUEST, 0x4e524943, 1, verb, 0, os.getpid(), 0, 0, 0, 0, name))
            return struct.unpack("<IIiI", connection.recv(64))

    def test_commands(self):
        process = self.start(["sleep", "20"])
        time.sleep(0.3)
        pid = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        self.assertEqual(self.ask(pid, 3, b"now")[2], 0)
        self.assertEqual(self.ask(pid, 99)[2], 1)
        self.assertEqual(self.ask(pid, 5)[2], 0)
        self.assertEqual(process.wait(timeout=5), 0)
        os.kill(pid, signal.SIGTERM)  # it ran on
        process.stdout.close()
        process.stderr.close()
        trace = Trace(self.path("t.cairn"))
        self.check_whole(trace)
        self.assertEqual(trace.row("SELECT kind FROM snapshot WHERE name = 'now'")["kind"], "asked")

    def test_an_idle_program_costs_nothing(self):
        self.record(["sleep", "3"], CAIRN_USAGE="1")
        seconds = float(self.stderr.split(" s user, ")[0].split()[-1]) + float(self.stderr.split(" s user, ")[1].split()[0])
        self.assertLess(seconds, 0.3)

    def test_a_bounded_trace_keeps_its_sums(self):
        """The oldest single events go, and nothing else does; the file stays below its limit."""
        limit = 2 << 20
        argv = [str(TARGETS / "ledger"), "2", "1", "900000", self.path("book")]
        trace = self.record(argv, CAIRN_MAX_SIZE=str(limit))
        recording = self.check_whole(trace)
        self.assertEqual(trace.rows("SELECT text FROM note"), [])
        self.assertLessEqual(os.path.getsize(trace.path), limit)
        dropped, last_dropped = trace.row("SELECT count(*), max(chunk) FROM event_chunk WHERE data IS NULL")
        chunks, first_kept = trace.row("SELECT (SELECT count(*) FROM event_chunk), min(chunk) FROM event_chunk WHERE data IS NOT NULL")
        self.assertGreater(dropped, 0)
        self.assertGreater(chunks - dropped, 1)
        self.assertEqual((dropped, first_kept), (last_dropped + 1, last_dropped + 1))
        border = trace.row("SELECT last_t_ns FROM event_chunk WHERE chunk = ?", last_dropped)[0]
        self.assertEqual(recording["exact_from_ns"], border + 1)
        self.assertEqual(trace.row("SELECT count(*) FROM chunk_delta")[0], chunks)
        whole = self.record(argv, name="whole.cairn")
        sums = ("SELECT count(*), sum(allocated_bytes), sum(allocations), sum(reallocs), sum(peak_bytes), sum(live_bytes), sum(live_blocks) "
                "FROM account WHERE domain <= 3")
        self.assertEqual(tuple(trace.row(sums)), tuple(whole.row(sums)))
        self.assertGreater(os.path.getsize(whole.path), limit)

    def test_a_limit_that_is_too_small_is_told(self):
        trace = self.record([str(TARGETS / "ledger"), "2", "1", "400000", self.path("book")], CAIRN_MAX_SIZE="1000")
        self.assertGreater(self.check_whole(trace)["exact_from_ns"], 0)
        self.assertRegex(trace.row("SELECT text FROM note")["text"], "the trace takes .*, more than --max-size 1000 B")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
