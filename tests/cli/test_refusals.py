"""Programs that cannot be joined, and some that cannot be recorded: one sentence that says why, no trace, and the program goes on
as if nobody had asked."""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import support
from support import CAIRN, FOLDER, Case, build, cairn

NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}  # of a sanitized cairn: it takes ptrace
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
AS_NOBODY = unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, who can be somebody else")


def as_nobody():
    """Somebody else, and a cairn that they can reach: the build may lie in the home of root."""
    folder = os.path.join(FOLDER, "everybodys")
    if not os.path.exists(folder):
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        for path in (CAIRN, os.path.join(os.path.dirname(CAIRN), "libcairn.so")):
            shutil.copy(path, folder)
    return [*NOBODY, os.path.join(folder, os.path.basename(CAIRN))]


def status_of(pid):
    """What /proc says of the process that a visit could have changed."""
    with open(f"/proc/{pid}/status") as file:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {key: facts.get(key) for key in ("State", "TracerPid", "Threads", "SigBlk", "SigIgn", "SigCgt", "VmSize")}


def wait_for_state(pid, state):
    while not (status_of(pid)["State"] or "").startswith(state):
        time.sleep(0.005)


class Refusals(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id())
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)

    def running(self, *command, **more):
        """A program that waits."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def sleeping(self, *before, **more):
        """`sleep`, when it sleeps."""
        process = self.running(*before, "sleep", "1000", **more)
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
            if process.poll() is not None:
                self.skipTest(f"{before[0]} cannot do that here")
            time.sleep(0.005)
        wait_for_state(process.pid, "S")
        return process

    def refused(self, pid, *words, command=(CAIRN,), also=(["snapshot", "--graph"],)):
        before = status_of(pid)
        for verb, *options in ["attach"], *also:
            done = cairn(verb, str(pid), *options, cwd=self.folder, env=NO_LEAK_CHECK, command=command)
            self.assert_sentence(done, 2, *words)
            if not os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):
                self.assertNotIn("yama", done.err)
            self.assertEqual(os.listdir(self.folder), [])
            self.assertEqual(status_of(pid), before)

    def test_no_process(self):
        for word in ("x", "0", "-1", "", "1 1"):
            self.assert_sentence(cairn("attach", "--", word), 2, "no process")
        self.assert_sentence(cairn("attach", "2147483646"), 2, "no process 2147483646")
        self.assert_sentence(cairn("stop", "2147483646"), 2, "there is no process 2147483646")
        self.assert_sentence(cairn("stop", str(os.getpid())), 2, "not being recorded")

    def test_itself(self):
        itself = "import os, sys; os.execv(sys.argv[1], [sys.argv[1], 'attach', str(os.getpid())])"
        self.assert_sentence(cairn(command=[sys.executable, "-c", itself, CAIRN]), 2, "this cairn itself")

    def test_thread_of_the_kernel(self):
        with open("/proc/2/comm") as file:
            if file.read() != "kthreadd\n":
                self.skipTest("threads of the kernel are not seen here")
        if os.geteuid() != 0:
            self.skipTest("threads of the kernel belong to root")
        self.refused(2, "thread of the kernel")

    def test_thread(self):
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        self.addCleanup(done.set)
        self.assert_sentence(cairn("attach", str(thread.native_id)), 2, "is a thread", f"cairn attach {os.getpid()}")

    def test_ended(self):
        process = subprocess.Popen(["true"])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.refused(process.pid, "it has ended", also=())
        self.assertEqual(process.wait(), 0)

    def test_stopped(self):
        process = self.sleeping()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        self.refused(process.pid, f"kill -CONT {process.pid}")

    @AS_NOBODY
    def test_another_user(self):
        self.refused(os.getpid(), "another user", "attach as that user", command=as_nobody())
        self.refused(self.sleeping(*NOBODY).pid, "another user")
        self.assert_sentence(cairn("stop", str(os.getpid()), command=as_nobody()), 2, "another user")

    @AS_NOBODY
    def test_not_dumpable(self):
        process = self.running(*NOBODY, build("closed"))
        self.assertEqual(process.stdout.readline(), "ready\n")
        wait_for_state(process.pid, "S")
        self.refused(process.pid, "does not let itself be traced", "cairn record", command=as_nobody())
        process.communicate("")
        self.assertEqual(process.returncode, 7)

    def test_traced_already(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        # strace begins with children of its own that try what the kernel can: the program is the one that says a word.
        strace = self.running("strace", "-o", "/dev/null", "sh", "-c", "echo $$; exec cat")
        pid = int(strace.stdout.readline())
        wait_for_state(pid, "S")
        self.refused(pid, "traces it already", f"process {strace.pid}")
        self.assertEqual(strace.communicate("on it goes\n")[0], "on it goes\n")
        self.assertEqual(strace.returncode, 0)

    def behind_a_filter(self, what):
        command = [build("no_ptrace"), what]
        if subprocess.run([*command, "true"], check=False).returncode == 77:
            self.skipTest("no seccomp filter can be set here")
        return command

    def test_ptrace_is_forbidden_here(self):
        for what in ("ptrace", "all"):
            behind = self.behind_a_filter(what)
            process = self.sleeping()
            words = ("seccomp filter forbids ptrace", "--cap-add SYS_PTRACE", "cairn record")
            self.refused(process.pid, *words, command=[*behind, CAIRN])
            doctor = cairn("doctor", env=NO_LEAK_CHECK, command=[*behind, CAIRN]).out
            self.assertRegex(doctor, r"note +ptrace +forbidden")
            self.assertIn("--cap-add SYS_PTRACE", doctor)

    @AS_NOBODY
    def test_yama(self):
        """A kernel without yama gets its file by a mount, and a filter does the forbidding."""
        nobody, forbid = " ".join(NOBODY), " ".join(self.behind_a_filter("ptrace"))
        reachable = as_nobody()[-1]
        for scope, users, words in (("1", nobody, ["ptrace_scope is 1", "sysctl kernel.yama.ptrace_scope=0"]),
                                    ("2", nobody, ["ptrace_scope is 2", "sysctl kernel.yama.ptrace_scope=0"]),
                                    ("3", "", ["ptrace_scope is 3", "until the next boot"]), ("1", "", ["seccomp filter"])):
            script = f"""mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama || exit 77
                echo {scope} >/proc/sys/kernel/yama/ptrace_scope
                {users} sleep 1000 & pid=$!
                until grep -q libc /proc/$pid/maps && read name </proc/$pid/comm && [ "$name" = sleep ]; do sleep 0.01; done
                {users} {forbid} {reachable} doctor >doctor.txt
                {users} {forbid} {reachable} attach $pid; status=$?
                kill $pid; exit $status"""
            done = cairn(command=["unshare", "-m", "sh", "-c", script], cwd=self.folder, env=NO_LEAK_CHECK)
            if done.status not in (0, 2):
                self.skipTest("nothing can be mounted here")
            self.assert_sentence(done, 2, *words)
            doctor = Path(self.folder, "doctor.txt").read_text()
            self.assertIn("SYS_PTRACE" if scope == "1" else f"forbidden (ptrace_scope {scope})", doctor)
            self.assertIn("until the next boot" if scope == "3" else "", doctor)

    def test_filter_of_its_own(self):
        self.refused(self.sleeping(*self.behind_a_filter("ptrace")).pid, "seccomp filter of its own", "cairn record")

    def test_ignored_signals(self):
        process = self.sleeping("env", "--ignore-signal=SEGV")
        self.refused(process.pid, "ignores SIGSEGV", "cairn record")

    def test_other_root(self):
        self.refused(self.sleeping("unshare", "-m").pid, "container", "run cairn in there")

    def test_static(self):
        program = os.path.join(FOLDER, "static")
        source = "#include <unistd.h>\nint main(void) { return (int)pause(); }\n"
        if subprocess.run([support.CC, "-x", "c", "-static", "-o", program, "-"], input=source, text=True, check=False).returncode != 0:
            self.skipTest("no static C library")
        process = self.running(program)
        wait_for_state(process.pid, "S")
        self.refused(process.pid, "statically", "-static")

    def test_32_bits(self):
        """Put together by hand, as there may be no 32-bit C library: it pauses."""
        program, object_file = os.path.join(FOLDER, "narrow"), os.path.join(FOLDER, "narrow.o")
        source = ".globl _start\n_start: mov $29, %eax\nint $0x80\njmp _start\n"
        if not shutil.which("as") or not shutil.which("ld"):
            self.skipTest("binutils are not installed")
        subprocess.run(["as", "--32", "-o", object_file, "-"], input=source, text=True, check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-o", program, object_file], check=True)
        self.assert_sentence(cairn("record", program, cwd=self.folder), 126, "32-bit", "-m32")
        self.assertEqual(os.listdir(self.folder), [])
        try:
            process = self.running(program)
        except OSError:
            self.skipTest("this system runs no 32-bit programs")
        wait_for_state(process.pid, "S")
        self.refused(process.pid, "32-bit", "-m32")

    @AS_NOBODY
    def test_raised_and_unreadable(self):
        """A program that may be run, but not read, is set uid all the same."""
        program = shutil.copy(shutil.which("true"), os.path.join(FOLDER, "unreadable"))
        os.chmod(program, 0o4711)
        self.assert_sentence(cairn("record", program, cwd=self.folder, command=as_nobody()), 126, "setuid")
        self.assertEqual(os.listdir(self.folder), [])

    def test_library_in_a_path_that_cannot_be_preloaded(self):
        for name in ("a folder", "a:folder"):
            with self.subTest(name):
                elsewhere = os.path.join(FOLDER, name)
                os.mkdir(elsewhere)
                for path in (CAIRN, os.path.join(os.path.dirname(CAIRN), "libcairn.so")):
                    shutil.copy(path, elsewhere)
                done = cairn("record", "true", cwd=self.folder, command=[os.path.join(elsewhere, os.path.basename(CAIRN))])
                self.assert_sentence(done, 125, "a blank or a colon")
                self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
