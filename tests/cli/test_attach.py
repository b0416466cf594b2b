"""attach and stop: a running program is joined, recorded and left, and notices nothing of it."""
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import support
from support import CAIRN, FOLDER, Case, ask, build, cairn

CYCLES = int(os.environ.get("CAIRN_ATTACH_CYCLES", "10"))


def may_trace():
    """Whether this system lets us join a process that is no child of the recorder."""
    program = subprocess.Popen(["sleep", "60"])
    try:
        done = cairn("attach", str(program.pid), "--duration", "10ms", "-q", "-f", "-o", "trial.cairn")
    finally:
        program.kill()
        program.wait()
    return done.status == 0 or "forbids" not in done.err and "does not let" not in done.err


class Recording:
    """`cairn attach` in the background; ready when the program is joined."""

    def __init__(self, pid, name):
        self.trace = os.path.join(FOLDER, name)
        self.process = subprocess.Popen(
            [CAIRN, "attach", str(pid), "-f", "-o", self.trace],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=support.ENVIRONMENT, cwd=FOLDER, text=True)
        self.first = self.process.stderr.readline()

    def end(self):
        """Waits; (status, the rest of what it said)."""
        rest = self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(), rest


def wait_until_loaded(pid):
    """A process that has only just begun has no C library yet."""
    while True:
        with open(f"/proc/{pid}/maps") as maps:
            if "libc.so" in maps.read():
                return
        time.sleep(0.01)


class Joined:
    """programs/joined.c, and what it says."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command or [build("joined", flags=("-g", "-O1", "-fno-builtin", "-pthread"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return [int(number) for number in self.process.stdout.readline().split()]

    def quit(self):
        out, err = self.process.communicate("quit\n")
        return self.process.returncode, out, err


@unittest.skipUnless(may_trace(), "this system does not let a running program be joined")
class Attach(Case):
    def joined(self):
        program = Joined()
        self.addCleanup(program.process.kill)
        return program

    def test_ledger(self):
        program = self.joined()
        program.tell("hold 1000")
        program.tell("work 100")
        for turn in range(3):
            recording = Recording(program.pid, f"ledger{turn}.cairn")
            self.assertIn(str(program.pid), recording.first)
            work = program.tell("work 5000")
            drop = program.tell("drop 100")
            self.assertEqual(cairn("stop", str(program.pid)).status, 0)
            program.tell("work 100")
            self.assertEqual(recording.end()[0], 0)
            info = ask("info", recording.trace)
            self.assertTrue(info["complete"])
            self.assertEqual(info["lost_events"], 0)
            self.assertEqual(info["events"], {
                "alloc": work[0], "realloc": work[1] + drop[1], "free": work[2],
                "unknown_free": 200})  # a realloc that fails gives nothing back
            total = ask("top", recording.trace, "--at", "end")["total"]
            self.assertEqual((total["allocations"], total["reallocs"]), (work[0] + work[1] + drop[1], work[1] + drop[1]))
            self.assertEqual(info["allocated_bytes"], work[3] + drop[3])
            self.assertEqual(info["end"], {"bytes": 100 * 1000, "blocks": 100})
            self.assertEqual(info["stopped_why"], "stopped")
            self.assertIsNone(info["exit_status"])
            self.assertEqual(info["pid"], program.pid)
            self.assertEqual(info["threads"], 5)  # the one that lent a hand is one of them, and no second one
        program.tell("free")
        self.assertEqual(program.quit(), (7, "", ""))

    def test_names_and_places(self):
        program = self.joined()
        recording = Recording(program.pid, "names.cairn")
        program.tell("work 100")
        program.tell("hold 10")
        self.assertEqual(cairn("stop", str(program.pid)).status, 0)
        recording.end()
        rows = ask("top", recording.trace, "--metric", "live", "--at", "end")["rows"]
        self.assertEqual((rows[0]["function"], rows[0]["live_blocks"]), ("obey", 10))
        self.assertEqual([frame["function"] for frame in rows[0]["stack"]][:2], ["obey", "main"])
        program.quit()

    def test_leaves_no_trace_in_the_program(self):
        program = self.joined()
        program.tell("work 1")  # it has begun
        descriptors = sorted(os.listdir(f"/proc/{program.pid}/fd"))
        for _ in range(CYCLES):
            done = cairn("attach", str(program.pid), "-q", "-f", "-o", "again.cairn", "--duration", "1ms")
            self.assertEqual(done.status, 0, done.err)
            self.assertEqual(sorted(os.listdir(f"/proc/{program.pid}/fd")), descriptors)
            program.tell("work 50")
        with open(f"/proc/{program.pid}/maps") as maps:
            self.assertNotIn("memfd:", maps.read())
        self.assertEqual(program.quit(), (7, "", ""))

    def test_locked_memory(self):
        """The kernel does not take pages back from such a program: what an earlier recording left is gone all the same."""
        program = self.joined()
        if program.tell("lock")[0] != 0:
            self.skipTest("this user may not lock so much memory")
        for turn in range(3):
            recording = Recording(program.pid, f"locked{turn}.cairn")
            work = program.tell("work 100")
            self.assertEqual(cairn("stop", str(program.pid)).status, 0)
            self.assertEqual(recording.end()[0], 0)
            events = ask("info", recording.trace)["events"]
            self.assertEqual((events["alloc"], events["realloc"], events["free"]), tuple(work[:3]))
        self.assertEqual(program.quit(), (7, "", ""))

    def comings(self, *words):
        program = subprocess.Popen([build("comings", flags=("-g", "-O1", "-fno-builtin", "-pthread")), *words],
                                   stdout=subprocess.PIPE)
        self.addCleanup(program.kill)
        self.assertEqual(program.stdout.readline(), b"begun\n")
        time.sleep(0.1)
        done = cairn("attach", str(program.pid), "-q", "-f", "-o", "comings.cairn", "--duration", "10ms")
        program.terminate()
        program.communicate(timeout=60)
        self.assertEqual(program.returncode, -signal.SIGTERM)
        return done.err

    def test_threads_that_end(self):
        """The kernel forbids to trace one that is about to: that says nothing about the others."""
        self.assertNotIn("ptrace", self.comings())

    def test_first_thread_has_ended(self):
        self.assertIn("its first thread has ended", self.comings("ends"))

    def test_program_ends_first(self):
        program = self.joined()
        recording = Recording(program.pid, "ends.cairn")
        work = program.tell("work 10")
        self.assertEqual(program.quit(), (7, "", ""))
        status, _ = recording.end()
        self.assertEqual(status, 0)
        info = ask("info", recording.trace)
        self.assertEqual(info["stopped_why"], "exited")
        self.assertIsNone(info["exit_status"])
        self.assertEqual(info["events"]["alloc"], work[0])
        self.assertTrue(info["complete"])

    def test_interrupt_ends_the_recording_only(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            program = self.joined()
            recording = Recording(program.pid, "interrupt.cairn")
            program.tell("work 10")
            recording.process.send_signal(number)
            self.assertEqual(recording.end()[0], 0)
            self.assertTrue(ask("info", recording.trace)["complete"])
            program.tell("work 10")
            self.assertEqual(program.quit(), (7, "", ""))

    def test_recorder_killed(self):
        program = self.joined()
        recording = Recording(program.pid, "killed.cairn")
        program.tell("work 10")
        recording.process.kill()
        recording.end()
        program.tell("work 20000")
        again = Recording(program.pid, "after.cairn")
        work = program.tell("work 1000")
        self.assertEqual(cairn("stop", str(program.pid)).status, 0)
        self.assertEqual(again.end()[0], 0)
        self.assertEqual(ask("info", again.trace)["events"]["alloc"], work[0])
        self.assertEqual(program.quit(), (7, "", ""))

    def test_recorded_already(self):
        program = Joined()
        self.addCleanup(program.process.kill)
        recording = Recording(program.pid, "first.cairn")
        self.assert_sentence(cairn("attach", str(program.pid), "-f", "-o", recording.trace), 2, "being recorded already")
        self.assertEqual(cairn("stop", str(program.pid)).status, 0)
        self.assertEqual(recording.end()[0], 0)
        self.assertTrue(ask("info", recording.trace)["complete"])
        program.quit()

    def test_stop_of_a_program_that_record_started(self):
        """The second recording has every block, whatever the first one sampled."""
        for options in ((), ("--sample", "4K")):
            with self.subTest(options=options):
                self.check_second_recording(options)

    def check_second_recording(self, options):
        trace = os.path.join(FOLDER, "started.cairn")
        program = Joined(CAIRN, "record", "-q", "-f", "-o", trace, *options, "--",
                         build("joined", flags=("-g", "-O1", "-fno-builtin", "-pthread")))
        self.addCleanup(program.process.kill)
        first = program.tell("work 10")
        with open(f"/proc/{program.pid}/task/{program.pid}/children") as children:
            pid = int(children.read().split()[0])
        self.assertEqual(cairn("stop", str(pid)).status, 0)
        self.assertEqual(program.process.wait(), 0)
        if not options:
            self.assertGreaterEqual(ask("info", trace)["events"]["alloc"], first[0])
        program.tell("work 10")
        again = Recording(pid, "started-again.cairn")
        work = program.tell("work 1000")
        self.assertEqual(cairn("stop", str(pid)).status, 0)
        self.assertEqual(again.end()[0], 0)
        events = ask("info", again.trace)["events"]
        self.assertEqual((events["alloc"], events["realloc"], events["free"]), tuple(work[:3]))
        program.process.stdin.close()
        program.process.stdout.close()
        program.process.stderr.close()

    def test_waiting_calls(self):
        patient = build("patient", flags=("-g", "-O1", "-fno-builtin", "-pthread"))
        for kind in ("epoll_wait", "poll", "select", "recv", "read", "sem_wait", "cond_wait", "sigsuspend", "sigtimedwait",
                     "nanosleep"):
            with self.subTest(kind):
                program = subprocess.Popen([patient, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.addCleanup(program.kill)
                wait_until_loaded(program.pid)
                done = cairn("attach", str(program.pid), "-q", "-f", "-o", "patient.cairn", "--duration", "1ms")
                out, _ = program.communicate("go\n", timeout=60)
                self.assertEqual(done.status, 0, done.err)
                self.assertEqual((program.returncode, out), (0, kind + " as told\n"))

    def test_python(self):
        script = """
import sys
def make(count):
    return [bytearray(5000) for i in range(count)]
for line in sys.stdin:
    keep = make(int(line))
    print(len(keep), flush=True)
"""
        program = Joined(sys.executable, "-c", script)
        self.addCleanup(program.process.kill)
        program.tell("10")
        for turn in range(2):
            recording = Recording(program.pid, f"python{turn}.cairn")
            program.tell("1")  # its main thread runs Python code: from here on its stacks are known
            program.tell("1")
            program.tell("100")
            self.assertEqual(cairn("stop", str(program.pid)).status, 0)
            self.assertEqual(recording.end()[0], 0)
            self.assertEqual(program.tell("50"), [50])
            rows = ask("top", recording.trace, "--metric", "allocated")["rows"]
            self.assertGreaterEqual(rows[0]["allocated_bytes"], 100 * 5000)
            if ask("info", recording.trace)["python"]:
                self.assertEqual((rows[0]["lang"], rows[0]["function"].split(".")[0]), ("python", "make"))
        self.assertEqual(program.process.communicate("3\n"), ("3\n", ""))
        self.assertEqual(program.process.returncode, 0)


    def test_graph_that_cannot_be_taken(self):
        """The reason is told, and the trace that was to hold it does not stay."""
        program = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"], stdout=subprocess.PIPE)
        self.addCleanup(program.communicate)
        self.addCleanup(program.kill)
        program.stdout.readline()
        trace = os.path.join(FOLDER, "no-graph.cairn")
        visit = subprocess.Popen([CAIRN, "snapshot", str(program.pid), "--graph", "-o", trace], stderr=subprocess.PIPE,
                                 env=support.ENVIRONMENT, cwd=FOLDER, text=True)
        end = time.monotonic() + 60
        while cairn("snapshot", str(program.pid)).status != 0 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(os.path.exists(trace))
        time.sleep(0.5)  # the graph is asked for as soon as the program is joined
        program.kill()
        said = visit.communicate(timeout=60)[1]
        self.assertEqual((visit.returncode, said), (2, "cairn: snapshot: no graph could be taken: the program ended before\n"))
        self.assertEqual([name for name in os.listdir(FOLDER) if name.startswith("no-graph")], [])
        self.assert_sentence(cairn("snapshot", str(os.getpid()), "--graph", "-o", ""), 2, "name is empty")

    def test_graph_of_small_objects_only(self):
        """They lie in memory that Python has: no hook is called. That is said, the program goes on, and no trace is left behind."""
        script = """
import time
print(flush=True)
end, count = time.monotonic() + 60, 0
while time.monotonic() < end and count < 1 << 40:
    kept = [object() for number in range(50)]
    count += 1
"""
        program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        self.addCleanup(program.communicate)
        self.addCleanup(program.kill)
        program.stdout.readline()
        done = cairn("snapshot", str(program.pid), "--graph", "-o", os.path.join(FOLDER, "small.cairn"))
        self.assertEqual(done.status, 2, done.err)
        self.assertIn("took no memory from the C library", done.err)
        self.assertIn("start it with cairn record", done.err)
        self.assertIsNone(program.poll())
        self.assertEqual([name for name in os.listdir(FOLDER) if name.startswith("small")], [])

    def test_graph_of_a_program_that_nobody_records(self):
        script = """
import sys
class Thing:
    pass
things = [Thing() for i in range(123)]
for line in sys.stdin:
    print(sum(1 for i in range(200000)), flush=True)
"""
        program = Joined(sys.executable, "-c", script)
        self.addCleanup(program.process.kill)
        trace = os.path.join(FOLDER, "visit.cairn")
        program.tell("1")
        visit = subprocess.Popen([CAIRN, "snapshot", str(program.pid), "--graph", "--name", "now", "-f", "-o", trace],
                                 stderr=subprocess.PIPE, env=support.ENVIRONMENT, cwd=FOLDER, text=True)
        while visit.poll() is None:
            self.assertEqual(program.tell("1"), [200000])
        self.assertEqual((visit.returncode, "graph 1 taken" in visit.stderr.read()), (0, True))
        visit.stderr.close()
        if ask("info", trace)["python"] is None:
            self.skipTest("this Python's objects are not known")
        rows = ask("graph", trace, "types")["rows"]
        self.assertEqual([row["count"] for row in rows if row["type"].split(".")[-1] == "Thing"], [123])
        self.assertEqual(program.process.communicate(""), ("", ""))
        self.assertEqual(program.process.returncode, 0)


@unittest.skipUnless(shutil.which("redis-server") and shutil.which("redis-benchmark"), "redis is not installed")
@unittest.skipUnless(may_trace(), "this system does not let a running program be joined")
class Redis(Case):
    def start(self):
        """The server, and the way to its socket."""
        folder = os.path.join(FOLDER, "redis")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "socket")
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder,
                                   "--enable-debug-command", "local"], stdout=subprocess.DEVNULL)
        self.addCleanup(server.kill)
        end = time.monotonic() + 60
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.02)
        return server, path

    def test_blocks_that_hang_on_unknown_ones(self):
        """Keys that came in the recording hang in a table from before it: they are not leaked."""
        server, path = self.start()

        def tell(*words):
            subprocess.run(["redis-cli", "-s", path, *words], check=True, stdout=subprocess.DEVNULL, timeout=60)

        tell("debug", "populate", "20000", "before", "100")
        recording = Recording(server.pid, "hanging.cairn")
        tell("debug", "populate", "9000", "within", "100")
        tell("shutdown", "nosave")
        self.assertEqual(recording.end()[0], 0)
        self.assertEqual(server.wait(timeout=60), 0)
        leaks = ask("leaks", recording.trace)
        self.assertGreater(leaks["reachable"]["blocks"], 18000)
        self.assertLess(leaks["definite"]["blocks"] + leaks["indirect"]["blocks"], 200)

    def test_under_load(self):
        server, path = self.start()
        load = subprocess.Popen(["redis-benchmark", "-s", path, "-c", "8", "-r", "10000", "-l", "-q", "-t", "set,get,lpush,lpop"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(load.kill)
        trace = os.path.join(FOLDER, "redis.cairn")
        for _ in range(CYCLES):
            done = cairn("attach", str(server.pid), "-q", "-f", "-o", trace, "--duration", "100ms")
            self.assertEqual(done.status, 0, done.err)
            info = ask("info", trace)
            self.assertTrue(info["complete"])
            self.assertEqual(info["lost_events"], 0)
        self.assertIsNone(load.poll(), "the load ended by itself")
        load.kill()
        _, err = load.communicate()
        self.assertEqual(err, b"")
        server.terminate()
        self.assertEqual(server.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main()
