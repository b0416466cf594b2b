"""Replays the scripts in scripts/ without a terminal and compares the screens they save with those in screens/.

A script's first lines may say how it is run: `#: size 80x24`, `#: args --ascii`, `#: env LC_ALL=C`, `#: traces 2`, or
`#: traces boxes` (or list; graphs: both).
With --update (and names of scripts, or none for all) the screens are written anew: look at the difference."""

import contextlib
import difflib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
CAIRN = os.environ["CAIRN"]
TRACES = [os.environ[name] for name in ("CAIRN_TRACE", "CAIRN_FIXED_TRACE", "CAIRN_GRAPH_TRACE", "CAIRN_LIST_TRACE")]
NAMES = ["shop.cairn", "fixed.cairn", "boxes.cairn", "list.cairn"]
WANTED = {"1": NAMES[:1], "2": NAMES[:2], "boxes": NAMES[2:3], "list": NAMES[3:], "graphs": NAMES[2:]}


def directives(script):
    found = {"size": "80x24", "args": "", "env": "", "traces": "1"}
    for line in script.read_text(encoding="utf-8").splitlines():
        match = re.match(r"#: (\w+) (.*)", line)
        if match:
            found[match[1]] = match[2]
    return found


def run(script, folder):
    """The finished process; what the script saved lies in `folder`."""
    wanted = directives(script)
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LANG", "LC_CTYPE", "VISUAL", "EDITOR")}
    environment.update(LC_ALL="C.UTF-8", TERM="dumb", HOME=folder, XDG_CONFIG_HOME=folder, XDG_STATE_HOME=folder)
    environment.update(pair.split("=", 1) for pair in wanted["env"].split())
    for trace, name in zip(TRACES, NAMES):
        shutil.copy(trace, os.path.join(folder, name))
    command = [CAIRN, "view", *WANTED[wanted["traces"]], "--script", str(script), "--size", wanted["size"]]
    return subprocess.run([*command, *wanted["args"].split()], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)


def kept_as(path):
    """Screens end in .screen here: words that are cut at their edge are no mistakes of spelling."""
    return HERE / "screens" / (path.stem + ".screen" if path.suffix == ".txt" else path.name)


def saved(folder):
    return sorted(p for p in Path(folder).iterdir() if p.suffix in (".txt", ".pens", ".csv", ".json"))


class Scripts(unittest.TestCase):
    maxDiff = None

    def replay(self, script):
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            done = run(script, folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, "")
            for path in saved(folder):
                kept = kept_as(path)
                now = path.read_text(encoding="utf-8")
                before = kept.read_text(encoding="utf-8") if kept.exists() else ""
                if now != before:
                    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), f"screens/{kept.name}", "now", lineterm="")
                    self.fail("\n".join(lines))

    def test_every_screen_kept_is_saved_by_some_script(self):
        text = "\n".join(p.read_text(encoding="utf-8") for p in (HERE / "scripts").glob("*.script"))
        for path in (HERE / "screens").iterdir():
            self.assertRegex(text, rf"\b{re.escape(path.stem)}\b")

    def test_a_failing_script_says_where(self):
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            for line, reason in {
                "expect no such thing": '"no such thing" is not on the screen',
                "expect-not Overview": '"Overview" is on the screen',
                "key Hyper-X": "there is no key Hyper-X",
                "jump": "there is no script command jump",
                "resize 10": "resize needs a size",
                "save-screen ../x": "a name without folders",
                "keys Qj": "the viewer was left already",
            }.items():
                script = Path(folder, "failing.script")
                script.write_text(f"# one\n{line}\n", encoding="utf-8")
                done = run(script, folder)
                self.assertEqual(done.returncode, 2, line)
                self.assertIn("line 2: " + reason, done.stderr)
            done = run(Path(folder, "failing.script"), folder)

    def test_what_the_title_leaves_out(self):
        """A wider terminal shows all that a narrower one does: least of all what is misread without the rest."""
        pieces = ["shop", "peak 12.490s", "heap 62.5M", "A 4.000s", "B 12.000s", "rss 67.3M", "all 2 processes", "22:13:32", "exact"]
        widths = range(40, 201)
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            script = Path(folder, "title.script")
            lines = ["keys @", "text 4s", "key Enter", "keys a", "keys @", "text 12s", "key Enter", "keys bp"]
            lines += [line for width in widths for line in (f"resize {width}x24", f"save-screen at-{width}")]
            script.write_text("\n".join(lines) + "\n", encoding="utf-8")
            done = run(script, folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            shown = {width: [piece for piece in pieces if f" {piece} " in Path(folder, f"at-{width}.txt").read_text(encoding="utf-8").split("\n")[0]]
                     for width in widths}
        for width in widths:
            self.assertEqual(shown[width], pieces[: len(shown[width])], width)
            self.assertGreaterEqual(len(shown[width]), len(shown.get(width - 1, [])), width)
        self.assertEqual({width: len(shown[width]) for width in (40, 80, 100, 120, 200)}, {40: 2, 80: 6, 100: 7, 120: 9, 200: 9})

    def test_every_size_has_its_frame(self):
        """However small the terminal: the title ends in the screen's name, the last line tells the keys, and nothing lies on them."""
        names = ["Overview", "Tree", "Flame", "Diff", "Objects", "Leaks", "Sizes", "Info"]
        sizes = [(40, 10), (40, 11), (40, 24), (60, 13), (80, 10), (80, 16), (80, 24), (119, 30), (120, 31), (200, 11), (200, 60)]
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            script = Path(folder, "sizes.script")
            lines = ["#: traces boxes"]
            for digit in range(1, 9):
                lines.append(f"keys {digit}")
                for width, height in sizes:
                    lines += [f"resize {width}x{height}", f"save-screen {digit}-{width}x{height}", "key Tab", f"save-screen {digit}-{width}x{height}-tab"]
            script.write_text("\n".join(lines) + "\n", encoding="utf-8")
            self.assertEqual(run(script, folder).returncode, 0)
            for digit, name in enumerate(names, 1):
                for width, height in sizes:
                    for tab in ("", "-tab"):
                        file = f"{digit}-{width}x{height}{tab}.txt"
                        screen = Path(folder, file).read_text(encoding="utf-8").split("\n")
                        self.assertRegex(screen[0], rf"^ program .* {name}$", file)
                        self.assertRegex(screen[height - 1], r"\? help$", file)
                        self.assertLessEqual(max(map(len, screen)), width, file)

    def test_a_diff_is_as_exact_as_the_worse_trace(self):
        for column, word in (("lost_events", "not exact"), ("sample_bytes", "estimated")):
            with self.subTest(column), tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
                other, script = os.path.join(folder, "other.cairn"), Path(folder, "other.script")
                shutil.copy(TRACES[1], other)
                with contextlib.closing(sqlite3.connect(other)) as connection:
                    connection.execute(f"UPDATE recording SET {column} = 4096")
                    connection.commit()
                script.write_text(f"expect {word}\n", encoding="utf-8")
                done = subprocess.run([CAIRN, "view", TRACES[0], other, "--script", str(script), "--size", "160x40"], cwd=folder,
                                      env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": folder, "XDG_CONFIG_HOME": folder,
                                           "XDG_STATE_HOME": folder},
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def replay_slim(self, lines):
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            small, script = os.path.join(folder, "small.cairn"), Path(folder, "small.script")
            subprocess.run([CAIRN, "slim", TRACES[0], "-o", small], capture_output=True, check=True)
            script.write_text(lines, encoding="utf-8")
            done = subprocess.run([CAIRN, "view", small, "--script", str(script), "--size", "160x40"], cwd=folder, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_STATE_HOME": folder},
                                  capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_how_exact_a_slim_copy_is(self):
        """The moments that it keeps are exact in the viewer, too; another one is not."""
        self.replay_slim("expect-not to the chunk\nexpect exact\n"
                         "keys @\ntext 50%\nkey Enter\nexpect-not to the chunk\nexpect exact\n"
                         "keys @\ntext 50.3%\nkey Enter\nexpect to the chunk, exact from\n"
                         "keys a\nkeys @\ntext end\nkey Enter\nkeys b4\nexpect to the chunk\n")

    def test_a_pane_says_why_it_is_empty(self):
        """As long as it is: what the panes beside it show does not take the reason away, and it is not their reason."""
        self.replay_slim("keys 6j\nexpect single events of that time were dropped\nexpect parse_line lex.c:88 grew in\n"
                         "key Tab\nexpect-not single events\nkey Shift-Tab\nexpect single events\n")


def make_test(script):
    def test(self):
        self.replay(script)

    return test


for path in sorted((HERE / "scripts").glob("*.script")):
    setattr(Scripts, "test_" + path.stem, make_test(path))


def update(names):
    for path in sorted((HERE / "scripts").glob("*.script")):
        if names and path.stem not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="cairn-view-") as folder:
            done = run(path, folder)
            if done.returncode != 0:
                sys.exit(done.stderr)
            for screen in saved(folder):
                shutil.copy(screen, kept_as(screen))


if __name__ == "__main__":
    if "--update" in sys.argv:
        update(sys.argv[sys.argv.index("--update") + 1 :])
    else:
        unittest.main()
