"""What programs do that a recorder may stumble over (programs/odd.c): recorded, they print the same and end in the same way."""
import os
import shutil
import signal
import subprocess

from support import CAIRN, CC, FOLDER, HERE, Case, ask, cairn, main

# Their numbers on x86-64: all that the recorder's part in a program asks of the kernel.
CALLS = {"read": 0, "close": 3, "mmap": 9, "munmap": 11, "rt_sigprocmask": 14, "sched_yield": 24, "madvise": 28, "getpid": 39, "socket": 41,
         "connect": 42, "sendto": 44, "recvmsg": 47, "setsockopt": 54, "getsockopt": 55, "kill": 62, "getcwd": 79, "readlink": 89,
         "getppid": 110, "sigaltstack": 131, "prctl": 157, "gettid": 186, "futex": 202, "sched_getaffinity": 204, "tgkill": 234, "openat": 257}
EXECVE = 59

LIBRARY = "#include <stdlib.h>\nvoid *allocate_elsewhere(size_t size) { char *block = malloc(size); block[0] = 1; return block; }\n"

AUDITOR = """#include <link.h>
unsigned la_version(unsigned version) { (void)version; return LAV_CURRENT; }
unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{ (void)map, (void)space, (void)cookie; return LA_FLG_BINDTO | LA_FLG_BINDFROM; }
Elf64_Addr la_x86_64_gnu_pltenter(Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to, La_x86_64_regs *registers,
                                  unsigned *flags, const char *name, long *bytes)
{ (void)index, (void)from, (void)to, (void)registers, (void)flags, (void)name; *bytes = 100; return symbol->st_value; }
unsigned la_x86_64_gnu_pltexit(Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to, const La_x86_64_regs *in,
                               La_x86_64_retval *out, const char *name)
{ (void)symbol, (void)index, (void)from, (void)to, (void)in, (void)out, (void)name; return 0; }
"""


def setUpModule():
    subprocess.run([CC, "-O1", "-g", "-fno-builtin", "-D_GNU_SOURCE", "-o", os.path.join(FOLDER, "odd"), os.path.join(HERE, "programs", "odd.c"),
                    "-pthread", "-ldl"], check=True)


class OddPrograms(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id().rsplit(".", 1)[-1])
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)

    def same(self, *command):
        """Plain and recorded alike; what `info` says of the recording."""
        plain = cairn(command=list(command), cwd=self.folder)
        done = cairn("record", "-q", "-f", "-o", "t.cairn", "--", *command, cwd=self.folder)
        self.assertEqual((done.status, done.out, done.err), (plain.status if plain.status >= 0 else 128 - plain.status, plain.out, plain.err))
        info = ask("info", "t.cairn", cwd=self.folder)
        self.assertIs(info["complete"], True)
        return info

    def odd(self, *words):
        return self.same(os.path.join(FOLDER, "odd"), *words)

    def said(self, info):
        return [note["text"] for note in info["notes"]]

    def test_daemon_of_a_daemon(self):
        """Each is the child of the one before, also where that one allocated nothing."""
        info = self.odd("daemon")
        self.assertEqual([(row["process"], row["parent"]) for row in info["processes"]], [(1, None), (2, 1), (3, 2)])
        self.assertFalse([text for text in self.said(info) if "not known" in text])
        self.assertEqual(info["events"]["alloc"], info["events"]["free"])

    def test_pointers_to_nowhere(self):
        self.odd("nowhere")

    def test_longest_command_line(self):
        for how in ("exec", "spawn"):
            with self.subTest(how):
                self.assertTrue([text for text in self.said(self.odd(how)) if text.startswith("/bin/true was not recorded: its arguments")])

    def library(self):
        """One that is not among a program's from the start."""
        with open(os.path.join(self.folder, "elsewhere.c"), "w") as file:
            file.write(LIBRARY)
        library = os.path.join(self.folder, "elsewhere.so")
        subprocess.run([CC, "-O1", "-shared", "-fPIC", "-fno-builtin", "-o", library, file.name], check=True)
        return library

    def functions(self):
        rows = ask("top", "t.cairn", "--by", "stack", "--metric", "allocated", cwd=self.folder)["rows"]
        return [row["stack"][0]["function"] for row in rows if row["stack"]]

    def test_small_stacks(self):
        """Where the kernel saves much on a signal stack, or a coroutine has used most of its own, there is no room to walk."""
        for where, walks in (("handler", None), ("coroutine", True), ("tight", False)):
            with self.subTest(where):
                self.odd(where, self.library())
                walked = "allocate_elsewhere" in self.functions()
                self.assertEqual(walked, walked if walks is None else walks)
                self.assertEqual("[unwinding stopped]" in self.functions(), not walked)
                text = cairn("top", "t.cairn", "--by", "stack", "--metric", "allocated", cwd=self.folder).out
                self.assertNotRegex(text, r"\[unwinding stopped\]\n *← \[unwinding")  # where it is all there is, the row has said it

    def test_hidden_headers(self):
        self.odd("hidden", self.library())
        self.assertIn("allocate_elsewhere", self.functions())

    def test_auditor(self):
        """One that sees calls begin and end makes the loader bind them at the first call, and stand between caller and function."""
        auditor = os.path.join(self.folder, "auditor.so")
        subprocess.run([CC, "-x", "c", "-", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", auditor], input=AUDITOR, text=True, check=True)
        info = self.same("env", "LD_AUDIT=" + auditor, os.path.join(FOLDER, "odd"), "daemon")
        self.assertGreater(info["events"]["alloc"], 0)

    def test_crooked_stack(self):
        self.odd("crooked")

    def test_no_counter(self):
        self.assertEqual(len(self.odd("counter")["processes"]), 4)

    def test_threads_without_a_ring(self):
        """What they do is not recorded, but counted, and the reason is told."""
        info = self.odd("nofiles")
        work = [row for row in ask("top", "t.cairn", "--metric", "allocations", cwd=self.folder)["rows"] if row["function"] == "work"]
        self.assertEqual(2 * work[0]["allocations"] + info["lost_events"], 40 * 2 * 50 * 2)
        self.assertGreater(info["lost_events"], 0)
        self.assertTrue([text for text in self.said(info)
                         if text.startswith(f"{info['lost_events']} events were skipped: their threads could not reach")])

    def filtered(self, number, how):
        """What `info` says of a program behind that filter; None where it dies of it, as it does without us."""
        command = [os.path.join(FOLDER, "odd"), "filter", str(number), how]
        status = cairn(command=command, cwd=self.folder).status
        if status == 77:
            self.skipTest("no seccomp filter can be set here")
        info = self.same(*command)
        self.assertEqual([text for text in self.said(info) if "seccomp filter" in text] == [], how.startswith("errno") or number == EXECVE)
        return info if status == 6 else None

    def test_filters_that_end_it(self):
        """Whatever the recorder alone needs is left out; what that leaves unrecorded is counted."""
        ended = set()
        for name, number in CALLS.items():
            for how in ("kill", "trap everywhere"):
                with self.subTest(name, how=how):
                    info = self.filtered(number, how)
                    if not info:
                        ended.add(name)
                    elif name in ("gettid", "getpid", "prctl"):
                        self.assertGreater(info["lost_events"], 10 * 100)
                    elif name in ("sched_getaffinity", "sched_yield", "sigaltstack"):
                        self.assertEqual(info["lost_events"], 0)
                        self.assertEqual(info["threads"], 15)
        self.assertFalse(ended & {"gettid", "getpid", "prctl", "sched_getaffinity", "sched_yield", "tgkill", "socket", "connect", "sendto",
                                  "recvmsg", "setsockopt", "getsockopt", "kill", "sigaltstack", "readlink", "getcwd", "getppid"})

    def test_filters_that_let_little_through(self):
        for how in ("kill", "kill everywhere", "trap", "errno", "errno everywhere"):
            with self.subTest(how):
                self.assertGreater(self.filtered("few", how)["lost_events"], 0)

    def test_filters_that_forbid(self):
        for name in ("gettid", "socket", "prctl", "sched_getaffinity"):
            with self.subTest(name):
                self.filtered(CALLS[name], "errno")

    def test_filter_that_is_none_of_ours(self):
        self.assertEqual(self.filtered(EXECVE, "kill")["lost_events"], 0)

    def test_raw_calls(self):
        self.odd("raw")

    def test_signals_to_the_group(self):
        """The recorder is in it, lives on, and passes nothing on that the program has already."""
        plain = cairn(command=["setsid", "-w", os.path.join(FOLDER, "odd"), "group"], cwd=self.folder)
        done = cairn("record", "-q", "-o", "t.cairn", "--", os.path.join(FOLDER, "odd"), "group", cwd=self.folder,
                     command=["setsid", "-w", CAIRN])
        self.assertEqual((done.status, done.out, done.err), (plain.status, plain.out, plain.err))
        self.assertIs(ask("info", "t.cairn", cwd=self.folder)["complete"], True)

    def test_started_without_news_of_children(self):
        """By who ignores SIGCHLD: the recorder hears of the program's end, which finds the signal ignored as ever."""
        ignoring = ["env", "--ignore-signal=CHLD"]
        words = ["sh", "-c", "grep SigIgn /proc/self/status; exit 7"]
        if cairn(command=[*ignoring, "true"]).status != 0:
            self.skipTest("env cannot ignore signals here")
        plain = cairn(command=[*ignoring, *words])
        done = cairn("record", "-q", "-o", "t.cairn", "--", *words, cwd=self.folder, command=[*ignoring, CAIRN])
        self.assertEqual((done.status, done.out, done.err), (7, plain.out, plain.err))
        self.assertEqual(ask("info", "t.cairn", cwd=self.folder)["exit_status"], 7)

    def test_terminated_with_the_group(self):
        """As timeout does it: the recorder, and then everybody."""
        for everybody in (False, True):
            with self.subTest(everybody=everybody):
                command = [CAIRN, "record", "-q", "-f", "-o", "t.cairn", "--", os.path.join(FOLDER, "odd"), "terms"]
                process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(signal.SIGTERM)
                if everybody:
                    os.killpg(process.pid, signal.SIGTERM)
                self.assertEqual(process.communicate()[0], "1\n")
                self.assertEqual(process.returncode, 4)
                self.assertEqual(ask("info", "t.cairn", cwd=self.folder)["exit_status"], 4)

    def test_valgrind(self):
        if not shutil.which("valgrind"):
            self.skipTest("valgrind is not installed")
        info = self.same("valgrind", "-q", "--error-exitcode=9", "true")
        self.assertTrue([text for text in self.said(info) if "it runs under valgrind" in text])


main()
