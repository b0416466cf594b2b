"""What the tests of the command line share: programs compiled once, traces recorded once, and ways to run cairn."""

import atexit
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time
import unittest

CAIRN = os.environ["CAIRN"]
BUILD = os.environ.get("CAIRN_BUILD", os.path.dirname(CAIRN))
CC = os.environ.get("CC", "cc")
HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.environ.get("CAIRN_INCLUDE", os.path.join(HERE, "..", "..", "include"))

FOLDER = tempfile.mkdtemp(prefix="cairn-cli-")
os.chmod(FOLDER, 0o755)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

SITE = "site_id function file line module lang inlined percent".split()
FRAME = "function file line module lang inlined build_id offset".split()
COUNTS = "live_bytes live_blocks allocated_bytes allocations reallocs temporary peak_bytes".split()
ENVELOPE = "schema trace complete lost_events sampled".split()

# A clean environment, so that answers do not depend on who runs the tests.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LANG", "LC_CTYPE", "TERM")}
ENVIRONMENT.update(LC_ALL="C.UTF-8", TERM="xterm-256color", HOME=FOLDER, XDG_CONFIG_HOME=os.path.join(FOLDER, "config"))


class Done:
    """A finished run: status, out and err as bytes and as text."""

    def __init__(self, status, out, err, seconds):
        self.status, self.raw, self.raw_err, self.seconds = status, out, err, seconds
        self.out, self.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def cairn(*args, cwd=None, env=None, timeout=120, stdin=subprocess.DEVNULL, command=None, **more):
    """Runs cairn with these words. `env` adds to the environment; a value of None takes a variable away."""
    environment = dict(ENVIRONMENT)
    for key, value in (env or {}).items():
        if value is None:
            environment.pop(key, None)
        else:
            environment[key] = value
    begin = time.monotonic()
    run = subprocess.run(
        [*(command or [CAIRN]), *map(os.fspath, args)],
        cwd=cwd or FOLDER,
        env=environment,
        stdin=stdin,
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=more.pop("stderr", subprocess.PIPE),
        timeout=timeout,
        check=False,
        **more,
    )
    return Done(run.returncode, run.stdout or b"", run.stderr or b"", time.monotonic() - begin)


def cairn_on_terminal(*args, columns=80, lines=24, env=None, keys=b"", steps=(), timeout=60):
    """Runs cairn on a terminal of its own; (status, everything it wrote). `keys` are there from the beginning, each of
    `steps` is typed when nothing more comes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(FOLDER)
        os.execve(CAIRN, [CAIRN, *map(os.fspath, args)], {**ENVIRONMENT, **(env or {})})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    written, end, steps = b"", time.monotonic() + timeout, list(steps)
    if keys:
        os.write(terminal, keys)
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            written += piece
        elif written and steps:
            os.write(terminal, steps.pop(0))
    else:
        os.kill(pid, 9)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), written


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def rendered(path):
    """(what a browser without a window makes of a page, what its console says)"""
    run = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
         "--user-data-dir=" + os.path.join(FOLDER, "chromium"), "--virtual-time-budget=10000", "--dump-dom", "file://" + path],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=True)
    console = [line for line in run.stderr.decode("utf-8", "replace").splitlines() if ":CONSOLE" in line]
    return run.stdout.decode("utf-8"), console


def ask(*args, **more):
    """The JSON answer of a command that must succeed."""
    done = cairn(*args, "--format", "json", **more)
    if done.status != 0:
        raise AssertionError(f"cairn {' '.join(map(str, args))}: status {done.status}: {done.err}")
    return json.loads(done.raw.decode("utf-8"))


def build(name, flags=("-g", "-O1"), output=None):
    """Compiles programs/NAME.c and returns the program's path."""
    program = output or os.path.join(FOLDER, name)
    if not os.path.exists(program):
        source = os.path.join(HERE, "programs", name + ".c")
        subprocess.run([CC, *flags, "-I", INCLUDE, "-o", program, source, "-ldl"], check=True)
    return program


_traces = {}


def trace(name="ledger", *options):
    """A recording of programs/NAME.c with these options, made once."""
    key = "-".join([name, *options]).replace("--", "")
    if key not in _traces:
        path = os.path.join(FOLDER, key + ".trace.cairn")
        done = cairn("record", "-q", *options, "-o", path, "--", build(name))
        if done.status != 0:
            raise AssertionError(f"record {name}: status {done.status}: {done.err}")
        _traces[key] = path
    return _traces[key]


def without_graph():
    """Where live at the end is all that is known of leaks."""
    return trace("ledger", "--graph", "off")


class Case(unittest.TestCase):
    maxDiff = 2000

    def assert_sentence(self, done, status=2, *words):
        """One sentence `cairn: …` of at most three lines on stderr, nothing on stdout, and at once: it takes a tenth
        of a second, and what hangs takes longer than a crowded machine."""
        self.assertEqual(done.status, status, done.err)
        self.assertEqual(done.out, "")
        self.assertTrue(done.err.startswith("cairn: "), done.err)
        self.assertLessEqual(len(done.err.strip().splitlines()), 3, done.err)
        for word in words:
            self.assertIn(word, done.err)
        self.assertLess(done.seconds, 10, done.err)

    def assert_keys(self, what, keys):
        self.assertEqual([k for k in keys if k not in what], [])


def main():
    unittest.main(verbosity=2)
