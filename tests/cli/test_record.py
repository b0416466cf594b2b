"""`cairn record`: the program's status, where the trace goes, and what is written besides: nothing before the end."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

from support import CAIRN, ENVIRONMENT, FOLDER, Case, ask, build, cairn, cairn_on_terminal, main


def fresh(name):
    folder = os.path.join(FOLDER, name)
    os.mkdir(folder)
    return folder


def under_job_control(command, stop):
    """What comes of it in the foreground of a terminal, with a shell that says when it stops, and continues it. Ctrl-Z where it is
    to `stop`, then a word to read."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(FOLDER)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                os.tcsetpgrp(0, os.getpid())
                signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                os.execvp(command[0], command)
            while os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]):
                os.write(1, b"stopped\n")
                os.killpg(child, signal.SIGCONT)
        finally:
            os._exit(0)
    written = b""

    def read_until(word, seconds):
        nonlocal written
        end = time.monotonic() + seconds
        while word not in written and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                written += os.read(terminal, 4096)

    read_until(b"ready", 30)
    if stop:
        os.write(terminal, b"\x1a")
        read_until(b"stopped", 2)
    os.write(terminal, b"word\n")
    try:
        read_until(b"nothing more", 60)
    except OSError:
        pass  # the shell has ended
    os.close(terminal)
    os.waitpid(pid, 0)
    return [word for word in ("ready", "stopped", "got word") if word.encode() in written]


class Record(Case):
    def test_status_is_the_programs(self):
        folder = fresh("status")
        for status in (0, 1, 3, 125, 255):
            done = cairn("record", "-q", "--", build("ledger"), str(status), cwd=folder)
            self.assertEqual((done.status, done.out, done.err), (status, "", ""))
        done = cairn("record", "-q", "--", "sh", "-c", "kill -KILL $$", cwd=folder)
        self.assertEqual(done.status, 128 + 9)
        done = cairn("record", "-q", "-o", "term.cairn", "--", "sh", "-c", "kill -TERM $$", cwd=folder)
        self.assertEqual(done.status, 128 + 15)
        info = ask("info", "term.cairn", cwd=folder)
        self.assertEqual((info["signal"], info["exit_status"]), (15, None))

    def test_small_stack(self):
        """The limit is the program's; the recorder has room of its own."""
        folder = fresh("stack")
        for limit in (96 << 10, 160 << 10):
            with self.subTest(limit):
                done = cairn("record", "-q", "-f", "-o", "x.cairn", "--", "sh", "-c", f"{build('ledger')}; ulimit -s", cwd=folder,
                             command=["prlimit", f"--stack={limit}:{limit}", CAIRN])
                if "ASan" in done.err:
                    self.skipTest("AddressSanitizer complains of stacks that are not its own")
                self.assertEqual((done.status, done.out, done.err), (0, f"{limit >> 10}\n", ""))
                self.assertIs(ask("info", "x.cairn", cwd=folder)["complete"], True)
                rows = cairn("top", "x.cairn", cwd=folder, command=["prlimit", f"--stack={limit}:{limit}", CAIRN])
                self.assertIn("ledger.c", rows.out)

    def test_trace_that_goes_away(self):
        """Deleted or replaced, nothing is left of it; moved, it is whole."""
        folder = fresh("away")
        for what, status in (("rm x.cairn", 125), ("rm x.cairn x.cairn-wal x.cairn-shm", 125), ("echo other > y; mv y x.cairn", 125),
                             ("mv x.cairn y.cairn", 0), ("rm x.cairn; exit 3", 3)):
            with self.subTest(what):
                done = cairn("record", "-o", "x.cairn", "--", "sh", "-c", f"{build('ledger')}; {what}", cwd=folder)
                if status == 0:
                    self.assertEqual(done.status, 0)
                    self.assertIs(ask("info", "y.cairn", cwd=folder)["complete"], True)
                else:
                    self.assert_sentence(done, status, "x.cairn: was deleted or replaced")
                for name in os.listdir(folder):
                    os.remove(os.path.join(folder, name))

    def test_names(self):
        folder = fresh("names")
        program = build("ledger")
        with open(os.path.join(folder, "app.py"), "w") as file:
            file.write("x = [str(i) for i in range(1000)]\n")
        python = shutil.which("python3")
        for words, pattern in (
            ([program], r"ledger\.\d+\.cairn"),
            ([python, "-m", "this"], r"this\.\d+\.cairn"),
            ([python, "-u", "app.py"], r"app\.py\.\d+\.cairn"),
            ([python, "-c", "1"], r"python3?[\d.]*\.\d+\.cairn"),
        ):
            done = cairn("record", "-q", *words, cwd=folder)
            self.assertEqual(done.status, 0, done.err)
            made = [name for name in os.listdir(folder) if name.endswith(".cairn")]
            self.assertEqual(len(made), 1, made)
            self.assertRegex(made[0], f"^{pattern}$")
            self.assertEqual(os.stat(os.path.join(folder, made[0])).st_mode & 0o777, 0o600)
            os.remove(os.path.join(folder, made[0]))
        self.assertEqual(os.listdir(folder), ["app.py"])

    def test_output_pattern(self):
        folder = fresh("pattern")
        done = cairn("record", "-q", "-o", "deep/er/%n-%p-%h.cairn", "--", build("ledger"), cwd=folder)
        self.assertEqual(done.status, 0, done.err)
        made = os.listdir(os.path.join(folder, "deep", "er"))
        self.assertEqual(len(made), 1)
        self.assertRegex(made[0], rf"^ledger-\d+-{re.escape(os.uname().nodename)}\.cairn$")
        info = ask("info", os.path.join(folder, "deep", "er", made[0]))
        self.assertIn(f"-{info['pid']}-", made[0])

    def test_summary(self):
        folder = fresh("summary")
        done = cairn("record", "-o", "x.cairn", "--", build("ledger"), cwd=folder)
        self.assertEqual((done.status, done.out), (0, ""))
        lines = done.err.splitlines()
        self.assertTrue(lines[0].startswith("cairn: x.cairn"))
        self.assertIn("peak 8.", done.err)
        self.assertIn("live at exit", done.err)
        self.assertIn("burst", done.err)
        self.assertIn("keep", done.err)
        self.assertEqual(lines[-1].strip(), "next: cairn x.cairn")
        done = cairn("record", "-o", "with blank.cairn", "--", build("ledger"), cwd=folder)
        self.assertEqual(done.err.splitlines()[-1].strip(), "next: cairn 'with blank.cairn'")

    def test_missing_symbols_are_named(self):
        folder = fresh("stripped")
        program = build("ledger", output=os.path.join(folder, "stripped"))
        subprocess.run(["strip", program], check=True)
        done = cairn("record", "-o", "x.cairn", "--", program, cwd=folder)
        self.assertEqual(done.status, 0)
        self.assertIn("stripped+0x", done.err)
        self.assertIn("-g", done.err)

    def test_existing_file(self):
        folder = fresh("existing")
        path = os.path.join(folder, "x.cairn")
        with open(path, "w") as file:
            file.write("precious")
        done = cairn("record", "-o", "x.cairn", "--", build("ledger"), cwd=folder)
        self.assert_sentence(done, 125, "x.cairn", "-f")
        with open(path) as file:
            self.assertEqual(file.read(), "precious")
        self.assertEqual(cairn("record", "-q", "-f", "-o", "x.cairn", "--", build("ledger"), cwd=folder).status, 0)
        self.assertEqual(ask("info", path)["exit_status"], 0)
        self.assertEqual(os.listdir(folder), ["x.cairn"])

    def test_the_programs_streams_are_its_own(self):
        folder = fresh("streams")
        words = ["sh", "-c", "read a; echo out $a; echo err >&2; exit 4"]
        with open(os.path.join(folder, "in"), "w+") as file:
            file.write("hello\n")
            file.seek(0)
            done = cairn("record", "-q", "-o", "x.cairn", "--", *words, cwd=folder, stdin=file)
        self.assertEqual((done.status, done.out, done.err), (4, "out hello\n", "err\n"))

    def test_closed_descriptors_stay_closed(self):
        folder = fresh("closed")
        script = f"'{CAIRN}' record -q -o x.cairn -- sh -c 'ls -l /proc/$$/fd >fds; exit 0' <&- >&-"
        subprocess.run(["sh", "-c", script], cwd=folder, env=ENVIRONMENT, check=True)
        with open(os.path.join(folder, "fds")) as file:
            self.assertNotIn("/dev/null", file.read())

    def test_options_behind_the_program_are_its_own(self):
        folder = fresh("behind")
        done = cairn("record", "-q", "-o", "x.cairn", "echo", "--help", "-o", "y", cwd=folder)
        self.assertEqual((done.status, done.out), (0, "--help -o y\n"))

    def test_args_are_kept_on_request_only(self):
        folder = fresh("args")
        cairn("record", "-q", "-o", "with.cairn", "--args", "--", build("ledger"), "0", "se\"cr et", cwd=folder)
        cairn("record", "-q", "-o", "without.cairn", "--", build("ledger"), "0", "secret", cwd=folder)
        self.assertEqual(ask("info", "with.cairn", cwd=folder)["args"][-2:], ["0", 'se"cr et'])
        self.assertIsNone(ask("info", "without.cairn", cwd=folder)["args"])
        with open(os.path.join(folder, "without.cairn"), "rb") as file:
            self.assertNotIn(b"secret", file.read())

    def test_usage(self):
        folder = fresh("usage")
        program = build("ledger")
        for words, said in (
            ([], "missing"),
            (["--"], "missing"),
            (["--interval", "soon", program], "--interval"),
            (["--graph", "never", program], "--graph"),
            (["--max-depth", "0", program], "--max-depth"),
            (["--max-depth", "5000", program], "--max-depth"),
            (["--max-size", "many", program], "--max-size"),
            (["--python", "on", program], "--python"),
            (["-o", "", program], "-o"),
        ):
            self.assert_sentence(cairn("record", *words, cwd=folder), 2, said)
        self.assertEqual(os.listdir(folder), [])

    def test_live(self):
        folder = fresh("live")
        status, written = cairn_on_terminal(
            "record", "--live", "-o", os.path.join(folder, "x.cairn"), "--", "sleep", "1.2"
        )
        self.assertEqual(status, 0)
        self.assertIn(b"\rcairn: ", written)
        done = cairn("record", "--live", "-o", "y.cairn", "--", "sleep", "1.5", cwd=folder)
        self.assertNotIn("\r", done.err)
        self.assertRegex(done.err, r"cairn: [\d.]+ m?s  heap ")

    def test_interrupt_is_the_programs(self):
        folder = fresh("interrupt")
        record = subprocess.Popen(
            [CAIRN, "record", "-q", "-o", "x.cairn", "--", "sh", "-c", "trap 'exit 7' INT; echo go; while :; do sleep 0.1; done"],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.assertEqual(record.stdout.readline(), b"go\n")
        time.sleep(0.1)
        os.killpg(record.pid, signal.SIGINT)
        record.communicate(timeout=30)
        self.assertEqual(record.returncode, 7)
        self.assertEqual(ask("info", "x.cairn", cwd=folder)["exit_status"], 7)

    def test_stops_of_the_terminal(self):
        """Ctrl-Z is the program's: the recorder stops when the program has, and no sooner."""
        read = "read word; echo got $word"
        for name, script, stops in (("as usual", f"echo ready; {read}", True), ("ignored", f"trap '' TSTP; echo ready; {read}", False),
                                    ("by itself", f"kill -TSTP $$; echo ready; {read}", True)):
            with self.subTest(name):
                command = ["sh", "-c", script]
                plain = under_job_control(command, name != "by itself")
                recorded = under_job_control([CAIRN, "record", "-q", "-f", "-o", "stops.cairn", "--", *command], name != "by itself")
                self.assertEqual(("stopped" in plain, "got word" in plain), (stops, True))
                self.assertEqual(recorded, plain)

    @unittest.skipUnless(shutil.which("perl"), "perl is not installed")
    def test_programs_that_write_their_title(self):
        """Servers write it over the environment, which says who records them: they are found all the same, and so are their children."""
        program = """$| = 1; my $child = fork; $0 = "title" . "x" x 9000; print "$$\n"; $child or do { sleep 600 while 1 }; <STDIN>; kill 9, $child;"""
        trace = os.path.join(FOLDER, "title.cairn")
        with subprocess.Popen([CAIRN, "record", "-q", "-f", "-o", trace, "--", "perl", "-e", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as recording:
            pids = [recording.stdout.readline().strip() for _ in range(2)]
            for pid in pids:
                with open(f"/proc/{pid}/environ", "rb") as environment:
                    self.assertNotIn(b"CAIRN", environment.read())
                self.assertEqual(cairn("snapshot", pid, "--name", f"of {pid}").err, "cairn: snapshot taken\n")
                self.assert_sentence(cairn("attach", pid, "-f", "-o", os.path.join(FOLDER, "again.cairn")), 2, "being recorded already")
            self.assert_sentence(cairn("snapshot", str(os.getpid())), 2, "not being recorded")
            recording.stdin.close()
            self.assertEqual(recording.wait(timeout=60), 0)
        names = [row["name"] for row in ask("snapshots", trace)["rows"]]
        self.assertEqual([name for name in names if name and name.startswith("of ")], [f"of {pid}" for pid in pids])

    def test_killed_recorder_and_repair(self):
        folder = fresh("killed")
        record = subprocess.Popen(
            [CAIRN, "record", "-q", "-o", "x.cairn", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; done"],
            cwd=folder,
            env=ENVIRONMENT,
        )
        time.sleep(1.2)
        live = ask("info", "x.cairn", cwd=folder)
        self.assertIs(live["complete"], False)
        self.assert_sentence(cairn("info", "--repair", "x.cairn", cwd=folder), 2, "still being recorded")
        record.kill()
        record.wait()
        answer = ask("info", "x.cairn", cwd=folder)
        self.assertIs(answer["complete"], False)
        self.assertIsNone(answer["stopped_why"])
        self.assertIn("--repair", cairn("info", "x.cairn", cwd=folder).out)
        self.assertIn("incomplete", cairn("top", "x.cairn", cwd=folder).out)
        before = ask("top", "x.cairn", "--at", "end", cwd=folder)
        if os.geteuid() == 0:
            nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CAIRN]
            self.assert_sentence(cairn("info", "--repair", "x.cairn", cwd=folder, command=nobody), 2, "x.cairn")
        shutil.copy(os.path.join(folder, "x.cairn"), os.path.join(folder, "y.cairn"))
        self.assert_sentence(cairn("info", "y.cairn", cwd=folder), 2, "y.cairn-wal is missing")
        os.remove(os.path.join(folder, "y.cairn"))
        self.assertEqual(cairn("info", "--repair", "x.cairn", cwd=folder).status, 0)
        self.assertEqual(sorted(os.listdir(folder)), ["x.cairn"])
        after = ask("top", "x.cairn", "--at", "end", cwd=folder)
        self.assertEqual(after["total"], before["total"])
        self.assertIs(after["complete"], True)
        info = ask("info", "x.cairn", cwd=folder)
        self.assertEqual(info["stopped_why"], "recorder died")
        self.assertIn("recorder died", cairn("info", "x.cairn", cwd=folder).out)
        self.assertEqual(cairn("info", "--repair", "x.cairn", cwd=folder).status, 0)

    def test_view_after_recording_without_terminal(self):
        folder = fresh("viewless")
        done = cairn("record", "-q", "--view", "-o", "x.cairn", "--", build("ledger"), "3", cwd=folder)
        self.assertEqual(done.status, 3)
        self.assertIn("cairn top", done.err)


main()
