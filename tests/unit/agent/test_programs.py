"""Programs under the agent, with ring_dump for a collector: the same output and status as without it, every rule of the wire
kept, and the program's own books met exactly."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ["CAIRN_BUILD"])
TARGETS = BUILD / "tests" / "targets"
DUMP = [str(BUILD / "tests" / "unit" / "agent" / "ring_dump"), "--agent", str(BUILD / "libcairn.so")]
POOL = str(TARGETS / "pool_malloc.so")


def target(name):
    return str(TARGETS / name)


class Run:
    """One program, recorded."""

    def __init__(self, argv, options=(), preload=None, ledger=None, books=True, timeout=120):
        self.folder = tempfile.mkdtemp()
        argv = [part.replace("FOLDER", self.folder) for part in argv]
        compare = ["--ledger", ledger.replace("FOLDER", self.folder)] if ledger else ["--ledgers", self.folder] if books else []
        compare += ["--preload", preload] if preload else []
        done = subprocess.run([*DUMP, *compare, *options, "--", *argv], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        self.stdout, self.stderr, self.status = done.stdout, done.stderr, done.returncode
        self.ledgers = len(os.listdir(self.folder))
        shutil.rmtree(self.folder)
        words = self.stdout.splitlines()[-1].split() if self.stdout else [""] * 8
        self.processes, self.events, self.end = words[0], words[2], " ".join(words[-2:])

    def figure(self, name, process=1):
        """What ring_dump printed behind `name` for a process."""
        at = self.stdout.index(f"process {process} pid")
        text = self.stdout[at:].split("\nprocess ")[0].split()
        return text[text.index(name) + 1]


class Programs(unittest.TestCase):
    def record(self, argv, *, status=0, signalled=None, **more):
        run = Run(argv, **more)
        self.assertEqual(run.status, 0, f"{argv}: {run.stderr}\n{run.stdout[-2000:]}")
        self.assertEqual(run.end, f"signal {signalled}" if signalled else f"status {status}", f"{argv}: {run.stderr}")
        return run

    def test_ledger(self):
        for threads, more in [("1", []), ("2", []), ("8", []), ("4", ["ordered"])]:
            for clock in ([], ["--monotonic"], ["--slow", "3000"]):
                self.record([target("ledger"), "11", threads, "60000", "FOLDER/book", *more], options=clock, ledger="FOLDER/book")

    def test_other_allocators(self):
        own = self.record([target("cxx")])
        found = [str(path) for name in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2.0")
                 for path in Path("/usr/lib/x86_64-linux-gnu").glob(name)]
        for library in [POOL, *found]:
            self.record([target("ledger"), "3", "2", "30000", "FOLDER/book", "portable"], preload=library, ledger="FOLDER/book")
            run = self.record([target("cxx")], preload=library)
            for sum in ("allocations", "frees", "unknown"):
                self.assertEqual(run.figure(sum), own.figure(sum), f"{sum} of new and delete with {library}")

    def test_signal_handlers(self):
        self.assertEqual(self.record([target("signal_malloc"), "FOLDER"], preload=POOL).ledgers, 1)
        self.record([target("signal_malloc"), "FOLDER", "jump"], preload=POOL)
        self.assertGreater(int(self.record([target("signal_malloc"), "FOLDER", "fork"], preload=POOL).processes), 1)

    def test_forks(self):
        run = self.record([target("forks"), "FOLDER", "200"])
        self.assertEqual((run.processes, run.ledgers), ("201", 201))
        self.assertEqual(run.figure("fork"), "200/200")
        run = self.record([target("forks"), "FOLDER", "20", "raw"])
        self.assertEqual((run.processes, run.ledgers), ("21", 1))
        run = self.record([target("forks"), "FOLDER", "20"], options=["--no-follow"], books=False)
        self.assertEqual(run.processes, "1")

    def test_spawns(self):
        self.assertEqual(self.record([target("spawns"), "FOLDER", "10", "/bin/true"]).processes, "31")
        self.assertEqual(self.record([target("spawns"), "FOLDER", "10", "/bin/true"], options=["--no-follow"]).processes, "1")

    def test_threads(self):
        run = self.record([target("short_threads"), "FOLDER", "4000"])
        self.assertFalse("grew" in run.stdout, "memory grew with the number of threads")
        self.assertLessEqual(int(run.figure("segments")), 4)
        self.assertEqual(run.figure("threads").split("/")[0], run.figure("tenancies"))

    def test_endings(self):
        for how, status in [("return", 11), ("exit", 7), ("_exit", 8), ("_Exit", 9), ("quick_exit", 10), ("thread", 5),
                            ("main", 6), ("atexit", 4)]:
            run = self.record([target("endings"), "FOLDER", how], status=status)
            self.assertEqual(run.figure("exit"), "1", how)
        self.record([target("endings"), "FOLDER", "abort"], signalled=int(signal.SIGABRT))
        self.record([target("endings"), "FOLDER", "segv"], signalled=int(signal.SIGSEGV))
        self.assertEqual(self.record([target("endings"), "FOLDER", "exec"], status=11).processes, "2")

    def test_kills(self):
        for after in (10, 30, 60):
            self.record([target("ledger"), "5", "4", "2000000", "FOLDER/book"], options=["--kill-after", str(after)],
                        signalled=int(signal.SIGKILL))

    def test_collector_that_goes(self):
        for how in ("--die-after", "--stop-after"):
            self.record([target("ledger"), "5", "2", "300000", "FOLDER.book"], options=[how, "30"], timeout=30)

    def test_sandboxes(self):
        for how in ("closefds", "memory", "names", "scrub", "strict"):
            self.record([target("sandbox"), "FOLDER", how])
        if os.geteuid() == 0:
            self.record([target("sandbox"), "FOLDER", "chroot"])
        self.assertIn("0 1 2 are open\n", self.record([target("sandbox"), "FOLDER", "list"]).stdout)
        run = self.record([target("sandbox"), "FOLDER", "names"])
        self.assertIn("thread name: by prctl\n", run.stdout)
        self.assertIn("thread name: by itself\n", run.stdout)

    def test_modules(self):
        run = self.record([target("dlopens"), "FOLDER", target("plugin_a.so"), target("plugin_b.so"), "50"])
        self.assertGreaterEqual(int(run.figure("gone")), 100)

    def test_cxx(self):
        plain = subprocess.run([target("cxx")], capture_output=True, text=True, check=True).stdout
        run = self.record([target("cxx")])
        self.assertIn(plain, run.stdout)
        self.assertIn("snapshot: end\n", run.stdout)
        self.assertEqual(run.figure("pause"), "2")

    def test_unwinding(self):
        self.record([target("unwinding")])

    def test_own_malloc(self):
        self.assertIn("has a malloc of its own", self.record([target("own_malloc")]).stdout)


if __name__ == "__main__":
    unittest.main()
