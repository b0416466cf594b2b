"""When graphs of native programs are taken, and that the program cannot tell that they are."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)) if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir() else Path(os.environ["CAIRN_BUILD"])
CAIRN, GUEST = BUILD / "cairn", BUILD / "tests" / "targets" / "graph" / "native_guest"


class Capture(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace = Path(folder.name) / "trace.cairn"

    def command(self, *words, options=()):
        return [CAIRN, "record", "-q", "-f", *options, "-o", self.trace, *words]

    def record(self, *words, options=(), status=0):
        done = subprocess.run(self.command(*words, options=options), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def start(self, *words, options=()):
        """The recorder, and the recorded program's number once it has begun."""
        recorder = subprocess.Popen(self.command(*words, options=options), stdout=subprocess.PIPE, text=True)
        self.addCleanup(recorder.stdout.close)
        self.addCleanup(recorder.kill)
        children = Path(f"/proc/{recorder.pid}/task/{recorder.pid}/children")
        until = time.monotonic() + 20
        while time.monotonic() < until:
            numbers = children.read_text().split()
            if numbers and b"cairn" not in Path(f"/proc/{numbers[0]}/cmdline").read_bytes().split(b"\0")[0].rsplit(b"/")[-1]:
                time.sleep(0.3)
                return recorder, int(numbers[0])
            time.sleep(0.02)
        self.fail("the program did not begin")

    def ask(self, query):
        connection = sqlite3.connect(self.trace)
        self.addCleanup(connection.close)
        return connection.execute(query).fetchall()

    def graphs(self):
        return self.ask("SELECT name, objects, pause_ns FROM graph ORDER BY graph")

    def notes(self):
        return " ".join(text for text, in self.ask("SELECT text FROM note"))

    def test_frames(self):
        """What a stack holds is held by a function of a thread. A frame that came later may hold it, too: what it has not written yet
        is what calls before it left there."""
        self.record(GUEST.with_name("native_stacks"))
        threads = {number for number, in self.ask("SELECT DISTINCT tid FROM thread")}
        named = {}
        for size in (1016, 1032, 2024, 3016):
            answer = json.loads(subprocess.run([CAIRN, "graph", self.trace, "objects", f"{size} B", "--format", "json"],
                                               capture_output=True, check=True).stdout)
            held, = answer["rows"]
            for name, in self.ask(f"SELECT name FROM graph_root WHERE kind = 'stack' AND object = {held['id']}"):
                function, _, thread = name.rpartition(" of thread ")
                self.assertIn(int(thread), threads, name)
                named.setdefault(size, set()).add(function.split("(")[0])
        self.assertLessEqual({"worker"}, named[1016])
        self.assertLessEqual({"worker"}, named[1032])
        self.assertLessEqual({"main"}, named[3016])
        self.assertLessEqual({"park::Keeper::finish"}, named[2024])

    # Who looks

    def test_unseen(self):
        said = self.record(GUEST, "waits")
        self.assertEqual(said, "strays 0 signals 0 handlers 0 own 1 own_signals 1\n")
        graphs = self.graphs()
        self.assertEqual([name for name, _, _ in graphs], ["asked"] * 20 + ["with a child", "exit"])
        self.assertEqual([objects for _, objects, _ in graphs[:20]], [1000 + 100 * (i + 1) for i in range(20)])
        self.assertTrue(all(pause > 0 for _, _, pause in graphs))

    def test_storm(self):
        """Eight threads allocate, and one forks, while graphs are taken."""
        self.assertEqual(self.record(GUEST, "storms"), "failed 0\n")
        names = [name for name, _, _ in self.graphs()]
        self.assertEqual((names.count("storm"), names.count("child"), names[-1]), (20, 20, "exit"))

    def test_calls(self):
        """No call ends early because of a graph. Threads in calls that would are not held, and the trace says so."""
        self.assertEqual(self.record(GUEST, "calls"), "early 0\n")
        self.assertRegex(self.notes(), "the stacks of [12] other threads count from end to end")

    # When

    def test_off(self):
        self.record(GUEST, "waits", options=("--graph", "off"))
        self.assertEqual(self.graphs(), [])

    def test_every(self):
        self.record("/bin/sh", "-c", f"exec {GUEST} storms", options=("--graph", "100ms"))
        unnamed = [name for name, _, _ in self.graphs() if name is None]
        self.assertGreaterEqual(len(unnamed), 1)

    def test_peak(self):
        self.record(GUEST, "large", options=("--graph", "peak"))
        graphs = self.graphs()
        sizes = [objects for name, objects, _ in graphs if name is None]
        self.assertGreaterEqual(len(sizes), 1)  # how many depends on how fast the program is
        for smaller, larger in zip(sizes, sizes[1:]):
            self.assertGreater(larger, smaller * 1.2)
        # One that was asked for at the very end may be answered behind the exit's.
        self.assertEqual([name for name, _, _ in graphs if name], ["large", "exit"])

    def test_command_idle(self):
        """A program that does nothing is looked at in place; it goes on, and knows nothing of it."""
        recorder, pid = self.start(GUEST, "nothing")
        taken = subprocess.run([CAIRN, "snapshot", str(pid), "--graph", "--name", "now"], capture_output=True, text=True, timeout=60)
        self.assertEqual((taken.returncode, taken.stderr), (0, "cairn: graph 1 taken\n"))
        self.assertEqual(recorder.communicate(timeout=60)[0], "done\n")
        self.assertEqual([(name, objects > 999) for name, objects, _ in self.graphs()], [("now", True), ("exit", True)])
        self.assertIn("was held still while it was looked at", self.notes())

    def test_command_busy(self):
        recorder, pid = self.start(GUEST, "storms")
        taken = subprocess.run([CAIRN, "snapshot", str(recorder.pid), "--graph"], capture_output=True, text=True, timeout=60)
        self.assertEqual(taken.returncode, 0, taken.stderr)
        self.assertRegex(taken.stderr, r"cairn: graph \d+ taken")
        self.assertEqual(recorder.communicate(timeout=60)[0], "failed 0\n")

    def test_command_refused(self):
        recorder, pid = self.start(GUEST, "nothing", options=("--graph", "off"))
        refused = subprocess.run([CAIRN, "snapshot", str(pid), "--graph"], capture_output=True, text=True, timeout=60)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--graph off", refused.stderr)
        stranger = subprocess.run([CAIRN, "snapshot", str(os.getpid())], capture_output=True, text=True, timeout=60)
        self.assertEqual(stranger.returncode, 2)
        self.assertRegex(stranger.stderr, "not being recorded")
        self.assertEqual(recorder.communicate(timeout=60)[0], "done\n")

    def test_terminated(self):
        """SIGTERM sent to the recorder is passed on after a graph."""
        recorder, _ = self.start(GUEST, "nothing")
        recorder.send_signal(signal.SIGTERM)
        self.assertEqual(recorder.wait(timeout=60), 128 + signal.SIGTERM)
        (name, objects, _), = self.graphs()
        self.assertEqual((name, objects > 999), ("SIGTERM", True))

    # What goes wrong

    def test_killed(self):
        """A program that is killed while its image is looked at leaves its graph, and the recording its end."""
        recorder, pid = self.start(GUEST, "large")
        time.sleep(0.2)
        with contextlib.suppress(ProcessLookupError):  # a fast machine is done by now
            os.kill(pid, signal.SIGKILL)
        recorder.wait(timeout=60)
        self.assertTrue(self.ask("SELECT count(*) FROM process"))
        self.assertTrue(all(objects > 1000 for _, objects, _ in self.graphs()))

    def test_recorder_killed(self):
        """The program goes on when its recorder dies while it looks."""
        recorder, pid = self.start(GUEST, "large", options=("--graph", "50ms"))
        recorder.kill()
        until = time.monotonic() + 30
        while time.monotonic() < until and Path(f"/proc/{pid}").exists() and self.state(pid) not in "ZX":
            time.sleep(0.05)
        self.assertTrue(not Path(f"/proc/{pid}").exists() or self.state(pid) in "ZX")

    @staticmethod
    def state(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[-1][0]
        except OSError:
            return "X"

    def test_short_of_memory(self):
        """A limit on address space leaves the image as little room as the program."""
        self.record("/bin/sh", "-c", f"ulimit -v 200000; exec {GUEST} large")
        self.assertEqual([name for name, _, _ in self.graphs()], ["large", "exit"])

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_no_image(self):
        """Where the system gives no process the program stands still instead, and the trace says so."""
        folder = self.trace.parent
        os.chmod(folder, 0o777)
        for file in (CAIRN, BUILD / "libcairn.so", GUEST):  # root's folders are closed to others
            shutil.copy(file, folder)
        stranger = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
        words = [folder / "cairn", *self.command("prlimit", "--nproc=1", folder / GUEST.name, "large")[1:]]
        done = subprocess.run([*stranger, *words], capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"), done.stderr)
        self.assertIn("there was no memory for a still image, so the program stood still", self.notes())
        self.assertEqual([name for name, objects, _ in self.graphs() if objects > 1000000], ["large", "exit"])


if __name__ == "__main__":
    unittest.main()
