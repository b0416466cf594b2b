"""Whatever file it is given, every command answers or refuses in a sentence: soon, in little memory, without a byte that steers a
terminal, and without touching another file. CAIRN_LONG=1: every case of hostile.py with every command; else a share of them."""

import os
import re
import shutil
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import hostile
from support import BUILD, CAIRN, ENVIRONMENT, FOLDER, Case, cairn, main, trace

LONG = bool(os.environ.get("CAIRN_LONG"))
CHECKED = bool(os.environ.get("CAIRN_SANITIZE"))
SECONDS = 20.0 if CHECKED else 2.0
MEMORY_BYTES = 512 << 20
EVERY = 1 if LONG else 4  # one case in so many is taken …
SHARE = 1 if LONG else 5  # … of which one in so many runs with every command, all others with the first few
MAKER = os.path.join(BUILD, "tests", "unit", "graph", "make_graph_trace")
SCRIPT = os.path.join(FOLDER, "look.script")
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")
STEERS_JSON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FIRST = (("info",), ("top",), ("top", "--at", "peak", "--by", "stack", "--format", "json"))
COMMANDS = FIRST + (
    ("tree",), ("diff", "30%", "70%"), ("leaks",), ("timeline",), ("snapshots",), ("sizes",), ("growth",), ("rss",), ("top", "--by", "type"),
    ("graph", "types"), ("graph", "objects", "list"), ("graph", "show", "3"), ("graph", "path", "5"), ("graph", "dominators"),
    ("graph", "referents", "2"), ("graph", "referrers", "2"), ("graph", "unreachable"), ("graph", "diff", "1", "2"), ("graph", "dot", "1"),
    ("info", "--format", "json"), ("leaks", "--format", "csv"), ("graph", "types", "--format", "csv"), ("snapshots", "--format", "csv"),
    *(("export", "--format", name, "-o", "-") for name in ("folded", "massif", "csv", "json", "dot", "html")),
    ("export", "--format", "pprof", "-o", "OUTPUT"), ("check", "--max-peak", "1K"), ("slim", "-f", "-o", "OUTPUT"),
    ("redact", "-f", "-o", "OUTPUT"), ("sql", "SELECT count(*), sum(size) FROM events"),
    ("sql", "SELECT * FROM heap_diff('30%', 'end') LIMIT 3"), ("sql", "SELECT * FROM stack_text LIMIT 3"),
    ("view", "--script", SCRIPT, "--size", "80x24"), ("view", "TRACE", "--script", SCRIPT, "--size", "80x24"), ("diff", "TRACE"),
    ("check", "--baseline", "TRACE"), ("check", "--max-leaked", "0", "--format", "junit"), ("graph", "sites"), ("import", "-f", "-o", "OUTPUT"),
    ("sql", "SELECT * FROM heap_at('50%')"), ("info", "--repair"),
)
WATCHED = 6  # commands a hostile file is watched with
WATCH_ALL = bool(os.environ.get("CAIRN_WATCH_ALL"))  # all of them, which takes an hour
STARTS = ("fork", "vfork", "clone", "clone3", "execve", "execveat")
REACHES = ("socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "accept", "accept4", "listen")
WRITES = ("open", "openat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "link", "linkat", "newfstatat", "stat", "lstat", "access", "faccessat2", "statx",
          "readlink")
# The loader's, the C library's, ncurses', and what SQLite asks of a file system.
OWN_FILES = re.compile(r"^(/lib|/usr/lib|/etc/ld\.so\.|/etc/localtime$|/usr/share/(zoneinfo|terminfo|locale)|/etc/terminfo|/proc/(self|sys/vm)/|/dev/(null|tty|urandom)$"
                       r"|/sys/devices/system/cpu|[^\"]*/\.terminfo|/usr/(local/)?lib)")
SCRATCH = re.compile(r"^/(var/|usr/)?tmp(/etilqs_[0-9a-f]+)?$")  # where SQLite sorts what is too large for its memory: made with O_EXCL, gone at once
KEYS = "keys 1jj2jj3jj4jj5jj6jj7\nkey Enter\nkey Tab\n"

def words_for(command, path, output):
    """TRACE stands behind the command's name, behind the verb it is the first word of graph."""
    return [command[0], path, *({"OUTPUT": output, "TRACE": path}.get(word, word) for word in command[1:])]


def run(words, seconds, cwd=FOLDER):
    """(status, out, err, seconds of the processor, largest resident set)"""
    process = subprocess.Popen([CAIRN, *words], cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    pieces = [b""]
    reader = threading.Thread(target=lambda: pieces.__setitem__(0, process.stderr.read()))
    reader.start()
    out = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for already
    timer.cancel()
    process.stdout.close()
    process.stderr.close()
    return os.waitstatus_to_exitcode(status), out, pieces[0], usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def faults(command, result):
    """What is wrong with this answer, in words."""
    status, out, err, seconds, resident = result
    text = err.decode("utf-8", "replace")
    found = []
    if status not in (0, 1, 2):
        found.append(f"ended with {status}: {text[-300:]}")
    if status == 2 and (not text.startswith("cairn: ") or len(text) > 1500 or text.count("\n") > 12):
        found.append(f"no sentence: {text[:300]!r}")
    if status == 0 and "Sanitizer" in text:
        found.append(text[:300])
    if seconds > SECONDS * (3 if command[0] == "view" else 1):  # a script looks at seven screens
        found.append(f"took {seconds:.1f} s")
    if resident > MEMORY_BYTES and not CHECKED:
        found.append(f"took {resident >> 20} MiB")
    exempt = command[0] == "export" and "pprof" in command
    json = "json" in command or "html" in command
    for name, data in (("output", out), ("error", err)):
        try:
            steered = (STEERS_JSON if json and name == "output" else STEERS).search(data.decode("utf-8")) if not exempt else None
        except UnicodeDecodeError as error:
            found.append(f"{name} is not UTF-8: {error}")
            continue
        if steered:
            at = steered.start()
            found.append(f"{name} has {steered.group()!r}: {data.decode('utf-8')[max(0, at - 40):at + 40]!r}")
    if "html" in command and out.count(b"<script") != out.count(b"</script"):
        found.append("a script of the trace's own got into the page")
    return found


class Hostile(Case):
    @classmethod
    def setUpClass(cls):
        cls.graphs = os.path.join(FOLDER, "graphs.cairn")
        subprocess.run([MAKER, cls.graphs, "300"], check=True)
        cls.slim = os.path.join(FOLDER, "slim.cairn")
        assert cairn("slim", trace(), "-o", cls.slim).status == 0
        with open(SCRIPT, "w", encoding="utf-8") as file:
            file.write(KEYS)

    def judge(self, number, name, make):
        path = os.path.join(FOLDER, f"hostile-{name[:120]}.cairn")
        output = path + ".out"
        make(path)
        every = LONG or number % SHARE == 0
        found = []
        for command in COMMANDS if every else FIRST:
            for fault in faults(command, run(words_for(command, path, output), SECONDS * 5)):
                found.append(f"{name}: {' '.join(command)}: {fault}")
            if os.path.exists(output):
                os.unlink(output)
        os.unlink(path)
        return found

    def test_every_command_answers_or_refuses(self):
        cases = hostile.cases(trace(), self.graphs, self.slim)
        self.assertEqual(len({name for name, _ in cases}), len(cases))
        cases = cases[::EVERY]
        self.assertGreaterEqual(len(cases), 200)
        wanted = os.environ.get("CAIRN_HOSTILE")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(self.judge, i, name, make) for i, (name, make) in enumerate(cases) if not wanted or re.search(wanted, name)]
            found = [fault for job in jobs for fault in job.result()]
        self.assertEqual(found, [], "\n".join(found))

    def test_a_folder_of_them(self):
        """`cairn` alone looks into every trace of the folder."""
        cases = hostile.cases(trace(), self.graphs, self.slim)[::EVERY]
        for begin in range(0, len(cases), 20):
            folder = os.path.join(FOLDER, f"folder-{begin}")
            os.mkdir(folder)
            for i, (_, make) in enumerate(cases[begin:begin + 20]):
                make(os.path.join(folder, f"{i}.cairn"))
            for words in ((), ("--format", "json"), ("--format", "csv")):
                result = run(words, SECONDS * 20, folder)
                self.assertEqual(faults(("list", *words), (*result[:3], result[3] / 20, result[4])), [], [name for name, _ in cases[begin:begin + 20]])
            shutil.rmtree(folder)

    def test_honest_traces_answer(self):
        for path in (trace(), self.graphs):
            for command in COMMANDS:
                if path != self.graphs and ("graph" in command or "type" in command):
                    continue
                result = run(words_for(command, path, os.path.join(FOLDER, "honest.out")), 60)
                if os.path.exists(os.path.join(FOLDER, "honest.out")):
                    os.unlink(os.path.join(FOLDER, "honest.out"))
                self.assertIn(result[0], (2,) if command[0] == "import" else (0, 1), (command, result[2]))
                self.assertEqual(faults(command, result), [], command)

    def watch(self, command, path):
        """What is wrong with the system calls of this command on that file, in words."""
        output = path + ".out"
        log = path + ".strace"
        if os.path.exists(output):
            os.unlink(output)
        subprocess.run(["strace", "-f", "-qq", "-s", "256", "-e", "signal=none", "-e", "trace=%file,%process,%network,fork,vfork,clone,clone3", "-o", log, CAIRN,
                        *words_for(command, path, output)], cwd=FOLDER, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120, check=False)
        with open(log, encoding="utf-8", errors="replace") as file:
            calls = [match.groups() for match in map(re.compile(r"^\d+ +(\w+)\((.*)").match, file) if match]
        os.unlink(log)
        found = []
        for name, arguments in calls[1:]:  # the first is our own execve
            if name in STARTS and "CLONE_THREAD" not in arguments:
                found.append(f"a process: {name}({arguments}")
            elif name in REACHES:
                found.append(f"a socket: {name}({arguments}")
            for named in re.findall(r'"((?:[^"\\]|\\.)*)"', arguments) if name not in REACHES else ():
                if not OWN_FILES.search(named) and not named.startswith((path, FOLDER + "/config/cairn", SCRIPT)) and not (
                        name in WRITES and named.startswith(output)) and not (
                        command[0] == "sql" and SCRATCH.match(named)) and named not in ("", ".", "/") and not path.startswith(named + "/"):
                    found.append(f"another file: {name}({arguments}")
        return [f"{os.path.basename(path)}: {' '.join(command)}: {fault}" for fault in found]

    @unittest.skipUnless(shutil.which("strace") and not CHECKED, "needs strace")
    def test_no_other_file_is_touched(self):
        """By an honest trace that names files of this machine, with every command, and by hostile ones with some."""
        named = os.path.join(FOLDER, "touch.cairn")
        hostile.edit(named, trace(), "UPDATE source_file SET path = '/etc/passwd' WHERE file = 1", "UPDATE OR IGNORE module SET path = '/bin/ls'",
                     "UPDATE recording SET program = '/bin/true'", "DELETE FROM source")
        cases = hostile.cases(trace(), self.graphs, self.slim)[:: 1 if LONG else 17]

        def watch_some(number, name, make):
            path = os.path.join(FOLDER, f"watched-{name[:120]}.cairn")
            make(path)
            found = []
            for i in range(len(COMMANDS) if WATCH_ALL else WATCHED):
                found += self.watch(COMMANDS[(number * WATCHED + i) % len(COMMANDS)], path)
            for left in (path, path + ".out"):
                if os.path.exists(left):
                    os.unlink(left)
            return found

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(watch_some, i, name, make) for i, (name, make) in enumerate(cases)]
            found = [fault for command in COMMANDS for path in (named, self.graphs) for fault in self.watch(command, path)]
            found += [fault for job in jobs for fault in job.result()]
        self.assertEqual(found, [], "\n".join(found[:50]))


main()
