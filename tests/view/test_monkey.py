"""Random keys and resizes on a real pty: no crash, no finding of a sanitizer, no hang, and the terminal as it was.

CAIRN_MONKEY_SECONDS (6 a trace) and CAIRN_MONKEY_SEED choose how long and which keys; a failure prints the seed and the last keys.

test_monkey.py BUILD [--minutes 30] [--seed S] [--traces native,python,…]   on recordings of real programs, in turns, until time is up"""

import argparse
import contextlib
import fcntl
import os
import pty
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import recordings

CAIRN = os.environ.get("CAIRN", "")
TRACES = [os.environ.get(name, "") for name in ("CAIRN_TRACE", "CAIRN_GRAPH_TRACE", "CAIRN_FIXED_TRACE")]
SECONDS = float(os.environ.get("CAIRN_MONKEY_SECONDS", "6"))
SEED = int(os.environ.get("CAIRN_MONKEY_SEED", str(random.randrange(1 << 32))))
PATIENCE = 60  # to answer a key, on a machine that has much else to do

LETTERS = [chr(c) for c in range(33, 127) if chr(c) not in "qQ"]
SPECIAL = ["\r", "\r", "\r", "\x1b", "\x7f", "\t", " ", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F",
           "\x1b[Z", "\x1b[1;2C", "\x1b[1;2D", "\x1b[1;5C", "\x1bOP", "\x1bOQ", "\x04", "\x15", "\x0c", "\x03"]
WORDS = ["@40%\r", "@peak\r", "@end\r", "@nonsense\r", "/parse\r", "/[\r", "&load\r", "&\r", ":theme mono\r", ":theme default\r", ":set ascii\r",
         ":set noascii\r", ":by type\r", ":by function\r", ":graph 1\r", ":sort name\r", ":screen Flame\r", ":lang python\r", ":lang all\r",
         ":memory mapped\r", ":memory heap\r", ":process all\r", "55H\r\r", "5D\r\r", "5U\r", "3*\r\r", "jjjjjjjj", "\u00e9\u4e16", "\x1b[99;99~", "12345678"]
SIZES = [(80, 24), (200, 60), (30, 8), (40, 10), (1, 1), (500, 200), (81, 25), (120, 11)]


class Pane:
    """The viewer on a pty of its own. What it writes lands in a folder of its own, its editor is true."""

    def __init__(self, traces, folder):
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": folder, "XDG_CONFIG_HOME": folder,
                       "XDG_STATE_HOME": folder, "EDITOR": "true", "VISUAL": "true", "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1"}
        environment.pop("NO_COLOR", None)
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.resize(80, 24)
        self.errors = open(os.path.join(folder, "errors"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen([CAIRN, "view", *traces], stdin=slave, stdout=slave, stderr=self.errors, cwd=folder, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.tail = b""

    def resize(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self, patience):
        ready, _, _ = select.select([self.master], [], [], patience)
        data = os.read(self.master, 1 << 16) if ready else b""
        self.tail = (self.tail + data)[-4096:]
        return data

    def write(self, text):
        os.write(self.master, text.encode())

    def escape(self):
        """Out of whatever prompt or list is open. Esc and a key right behind it would be one key, Alt-x: waits until all is quiet."""
        for _ in range(2):
            self.write("\x1b")
            while self.read(0.15):
                pass

    def answers(self, patience):
        """It draws the whole screen when asked to."""
        self.escape()
        self.write("\x0c")
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.read(0.2) or self.process.poll() is not None:
                return True
        return False

    def opens(self, patience):
        """The first screen is there."""
        end = time.monotonic() + patience
        while time.monotonic() < end and b"help" not in self.tail and self.process.poll() is None:
            self.read(0.2)
        return b"help" in self.tail

    def ended(self, patience):
        end = time.monotonic() + patience
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.02)
        return self.process.poll() is not None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        os.close(self.master)
        os.close(self.slave)


def stroke(dice):
    roll = dice.random()
    if roll < 0.55:
        return dice.choice(LETTERS)
    return dice.choice(SPECIAL) if roll < 0.88 else dice.choice(WORDS)


def play(traces, seed, seconds, check):
    """Returns the number of strokes; `check(holds, story)` fails where something does not hold."""
    with tempfile.TemporaryDirectory(prefix="cairn-monkey-") as folder, contextlib.ExitStack() as stack:
        pane = Pane(traces, folder)
        stack.callback(pane.close)
        dice, keys = random.Random(seed), []

        def holds(what, word):
            if not what:
                pane.errors.seek(0)
                names = " ".join(os.path.basename(trace) for trace in traces)
                check(False, f"{word}: seed {seed}, {names}, {len(keys)} strokes, the last: {keys[-40:]!r}\n{pane.errors.read()[-6000:]}")

        holds(pane.opens(PATIENCE), "it does not open")  # until then Ctrl-C means to leave
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if dice.random() < 0.05:
                keys.append(dice.choice(SIZES))
                pane.resize(*keys[-1])
            else:
                keys.append(stroke(dice))
                pane.write(keys[-1])
            pane.read(0.004 if dice.random() < 0.9 else 0.05)
            holds(pane.process.poll() is None, "it ended")
            if len(keys) % 200 == 0:
                pane.resize(80, 24)
                holds(pane.answers(PATIENCE), "it hangs")
        pane.resize(80, 24)
        holds(pane.answers(PATIENCE), "it hangs")
        pane.write("Q")
        holds(pane.ended(PATIENCE), "it does not end")
        while pane.read(0.05):
            pass
        holds(pane.process.returncode == 0, f"status {pane.process.returncode}")
        holds(termios.tcgetattr(pane.slave) == pane.before, "the terminal is another one")
        holds(b"\x1b[?1049l" in pane.tail, "the screen was not given back")
        return len(keys)


class Monkey(unittest.TestCase):
    def test_no_keys_bring_it_down(self):
        for number, traces in enumerate([[trace] for trace in TRACES] + [[TRACES[0], TRACES[2]]]):
            name = " ".join(os.path.basename(trace) for trace in traces)
            with self.subTest(traces=name, seed=SEED + number), tempfile.TemporaryDirectory() as folder:
                copies = [shutil.copy(trace, folder) for trace in traces]
                count = play(copies, SEED + number, SECONDS, self.assertTrue)
                print(f"{name}: seed {SEED + number}, {count} strokes", file=sys.stderr)


# --- Recordings of real programs, for hours. ---


def main():
    parser = argparse.ArgumentParser(description="Random keys on recordings of real programs.")
    parser.add_argument("build", help="folder of a build, a sanitized one at best")
    parser.add_argument("--minutes", type=float, default=30, help="of all traces together")
    parser.add_argument("--turn", type=float, default=60, help="seconds one viewer is played with")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--traces", default="native,python,two,massif,sampled,running")
    arguments = parser.parse_args()
    globals()["CAIRN"] = cairn = os.path.join(os.path.abspath(arguments.build), "cairn")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        at = lambda name: os.path.join(folder, name + ".cairn")
        makers = {
            "native": lambda: [recordings.record(cairn, at("native"), recordings.SQLITE)],
            "python": lambda: [recordings.record(cairn, at("python"), recordings.PYTHON)],
            "two": lambda: [recordings.record(cairn, at(name), recordings.PYTHON) for name in ("old", "new")],
            "massif": lambda: [recordings.import_massif(cairn, at("massif"))],
            "sampled": lambda: [recordings.record(cairn, at("sampled"), recordings.PYTHON, "--sample", "4K")],
            "running": lambda: [recordings.keep_recording(cairn, at("running"), stack)],
        }
        traces = {name: makers[name]() for name in arguments.traces.split(",")}
        end, seed, strokes = time.monotonic() + arguments.minutes * 60, arguments.seed, dict.fromkeys(traces, 0)

        def check(holds, story):
            if not holds:
                sys.exit(story)

        while time.monotonic() < end:
            for name, paths in traces.items():
                strokes[name] += play(paths, seed, min(arguments.turn, max(1.0, end - time.monotonic())), check)
                seed += 1
        print(f"seeds {arguments.seed} to {seed - 1}, strokes: " + ", ".join(f"{name} {count}" for name, count in strokes.items()))


if __name__ == "__main__":
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        main()
    else:
        unittest.main()
