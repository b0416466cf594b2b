"""Random keys and resizes on a real pty: no crash, no finding of a sanitizer, no hang, and the terminal as it was.

CAIRN_MONKEY_SECONDS (6 a trace) and CAIRN_MONKEY_SEED choose how long and which keys; a failure prints the seed and the last keys."""

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

CAIRN = os.environ["CAIRN"]
TRACES = [os.environ["CAIRN_TRACE"], os.environ["CAIRN_GRAPH_TRACE"], os.environ["CAIRN_FIXED_TRACE"]]
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

    def __init__(self, trace, folder):
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": folder, "XDG_CONFIG_HOME": folder,
                       "XDG_STATE_HOME": folder, "EDITOR": "true", "VISUAL": "true", "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1"}
        environment.pop("NO_COLOR", None)
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.resize(80, 24)
        self.errors = open(os.path.join(folder, "errors"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen([CAIRN, "view", trace], stdin=slave, stdout=slave, stderr=self.errors, cwd=folder, env=environment,
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
        while time.monotonic() < end and b"Overview" not in self.tail:
            self.read(0.2)
        return b"Overview" in self.tail

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


class Monkey(unittest.TestCase):
    def play(self, trace, seed):
        folder = tempfile.mkdtemp(prefix="cairn-monkey-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(trace, folder)
        pane = Pane(os.path.join(folder, os.path.basename(trace)), folder)
        self.addCleanup(pane.close)
        dice, keys = random.Random(seed), []

        def story():
            pane.errors.seek(0)
            return f"seed {seed}, {os.path.basename(trace)}, {len(keys)} strokes, the last: {keys[-40:]!r}\n{pane.errors.read()[-6000:]}"

        self.assertTrue(pane.opens(PATIENCE), story())  # until then Ctrl-C means to leave
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if dice.random() < 0.05:
                keys.append(dice.choice(SIZES))
                pane.resize(*keys[-1])
            else:
                keys.append(stroke(dice))
                pane.write(keys[-1])
            pane.read(0.004 if dice.random() < 0.9 else 0.05)
            self.assertIsNone(pane.process.poll(), story())
            if len(keys) % 200 == 0:
                pane.resize(80, 24)
                self.assertTrue(pane.answers(PATIENCE), "it hangs: " + story())
        pane.resize(80, 24)
        self.assertTrue(pane.answers(PATIENCE), "it hangs: " + story())
        pane.write("Q")
        self.assertTrue(pane.ended(PATIENCE), "it does not end: " + story())
        while pane.read(0.05):
            pass
        self.assertEqual(pane.process.returncode, 0, story())
        self.assertEqual(termios.tcgetattr(pane.slave), pane.before, story())
        self.assertIn(b"\x1b[?1049l", pane.tail, story())
        return len(keys)

    def test_no_keys_bring_it_down(self):
        for number, trace in enumerate(TRACES):
            with self.subTest(trace=os.path.basename(trace), seed=SEED + number):
                count = self.play(trace, SEED + number)
                print(f"{os.path.basename(trace)}: seed {SEED + number}, {count} strokes", file=sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    unittest.main()
