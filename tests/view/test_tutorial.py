"""Does docs/tutorial.md for real: records its programs, types its keys, looks for what it says one sees.

`**Open** `cairn TRACE`` starts the viewer; `**Keys** `j` `Enter` → `TEXT` `TEXT`` types keys (words are typed as they are) until the
texts stand on the screen. Headings count the keys of their part. With --update the screens below such lines are written anew."""

import os
import re
import shutil
import subprocess
import sys
import unittest

from terminal import CAIRN, Terminal, wait_until

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TUTORIAL = os.path.join(SOURCE, "docs", "tutorial.md")
NAMED = {"Enter", "Escape", "Tab", "Space"}
COUNTS = {"no key": 0, "one key": 1}


class Step:
    """One line of the tutorial: what is typed, what is seen, and the lines of the screen below it."""

    def __init__(self, line, number):
        keys, _, texts = line.partition("→")
        self.number = number
        self.keys = re.findall(r"`([^`]+)`", keys)
        self.texts = re.findall(r"`([^`]+)`", texts)

    def count(self):
        return sum(1 if key in NAMED else len(key) for key in self.keys)


def record_leaky(folder):
    return [CAIRN, "demo", "-o", os.path.join(folder, "leaky.cairn"), "--report"]


def record_webshop(folder):
    return [CAIRN, "record", "-o", os.path.join(folder, "webshop.cairn"), "--", sys.executable,
            os.path.join(SOURCE, "assets", "demo", "webshop.py")]


def record_redis(folder):
    return [CAIRN, "record", "-o", os.path.join(folder, "redis.cairn"), "--", "redis-server", "--port", "0", "--unixsocket",
            os.path.join(folder, "redis.sock"), "--save", "", "--enable-debug-command", "local"]


def fill_redis(folder):
    client = ["redis-cli", "-s", os.path.join(folder, "redis.sock")]

    def answers(*words):
        return subprocess.run([*client, *words], capture_output=True, text=True, timeout=120, check=False).stdout.strip()

    wait_until(lambda: answers("ping") == "PONG", "redis to answer")
    assert answers("debug", "populate", "200000", "session", "200") == "OK"
    answers("shutdown", "nosave")


PROGRAMS = {"leaky.cairn": (record_leaky, None), "webshop.cairn": (record_webshop, None), "redis.cairn": (record_redis, fill_redis)}


def make_trace(name, folder):
    command, fill = PROGRAMS[name]
    with subprocess.Popen(command(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          cwd=folder, text=True) as process:
        try:
            if fill:
                fill(folder)
            _, err = process.communicate(timeout=200)
        finally:
            process.kill()
        assert process.returncode == 0, err


def parts(lines):
    """(trace, its steps and headings) in the order of the page."""
    found = []
    for number, line in enumerate(lines):
        if line.startswith("**Open** "):
            found.append((re.search(r"`cairn (\S+)`", line).group(1), []))
        elif line.startswith("**Keys** ") and found:
            found[-1][1].append(Step(line, number))
    return found


def headings(lines):
    """(the keys that a heading promises, those below it)"""
    promised, below = None, 0
    for number, line in [*enumerate(lines), (len(lines), "## end")]:
        if line.startswith("##"):
            if promised is not None:
                yield promised, below
            match = re.search(r"\((no key|one key|(\d+) keys)\)$", line)
            promised = None if not match else int(match.group(2)) if match.group(2) else COUNTS[match.group(1)]
            below = 0
        elif line.startswith("**Keys** ") and "`Q`" not in line:
            below += Step(line, number).count()


class Tutorial(unittest.TestCase):
    def walk(self, trace, steps):
        """Does the steps; the screen after each."""
        terminal = Terminal(80, 24)
        self.addCleanup(terminal.close)
        make_trace(trace, terminal.folder)
        terminal.type("clear", "Enter")
        terminal.open(trace, first=r"\? help")
        screens = {}
        for step in steps:
            for key in step.keys:
                if key in NAMED:
                    terminal.press(key)
                else:
                    terminal.type(key)
            if step.keys == ["Q"]:
                wait_until(terminal.is_sane, "the shell to come back")
                continue
            wait_until(lambda: all(text in terminal.screen() for text in step.texts),
                       lambda: f"{step.texts} after {step.keys} (line {step.number + 1}) on:\n{terminal.screen()}")
            wait_until(lambda: "Ctrl-C cancels" not in terminal.screen(), "the answers")
            screens[step.number] = terminal.screen()
        return screens

    def test_headings_count_their_keys(self):
        with open(TUTORIAL, encoding="utf-8") as file:
            counts = list(headings(file.read().splitlines()))
        self.assertGreater(len(counts), 5)
        for promised, typed in counts:
            self.assertEqual(promised, typed)

    @unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
    def test_every_key_leads_where_it_says(self):
        with open(TUTORIAL, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for trace, steps in parts(lines):
            if trace == "redis.cairn" and not (shutil.which("redis-server") and shutil.which("redis-cli")):
                continue
            with self.subTest(trace=trace):
                self.walk(trace, steps)


def update():
    """Puts the screen of each step below it."""
    with open(TUTORIAL, encoding="utf-8") as file:
        lines = file.read().splitlines()
    test = Tutorial()
    screens = {}
    for trace, steps in parts(lines):
        screens.update(test.walk(trace, steps))
    made, skip = [], False
    for number, line in enumerate(lines):
        if skip and (line.startswith("    ") or line == ""):
            continue
        if skip:
            made.append("")
        skip = False
        made.append(line)
        if number in screens:
            made.append("")
            # Empty rows are told once.
            rows = re.sub(r"\n{3,}", "\n\n", screens[number].rstrip("\n")).split("\n")
            made.extend(("    " + text).rstrip() for text in rows)
            skip = True
    with open(TUTORIAL, "w", encoding="utf-8") as file:
        file.write("\n".join(made) + "\n")
    test.doCleanups()


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        unittest.main()
