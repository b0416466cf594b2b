"""Text for people: it fits, its colours obey, nothing of a trace reaches the terminal raw, and broken pipes are quiet."""

import os
import re
import shutil
import subprocess
import unicodedata

from support import CAIRN, ENVIRONMENT, FOLDER, Case, build, cairn, cairn_on_terminal, main, trace

READERS = [
    ["info"],
    ["top"],
    ["top", "--frames", "3"],
    ["top", "--by", "line", "--metric", "allocated"],
    ["tree"],
    ["tree", "--bottom-up"],
    ["leaks"],
    ["growth"],
    ["rss"],
    ["timeline"],
    ["snapshots"],
    ["sizes"],
]


def columns(line):
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Text(Case):
    def commands(self):
        for words in READERS:
            yield [words[0], trace("deep"), *words[1:]]
            yield [words[0], trace(), *words[1:]]
        yield ["diff", trace(), "@kept", "@done"]
        yield ["diff", trace(), trace("deep")]
        yield []

    def test_fits(self):
        for width in (40, 60, 80, 132, 200):
            for words in self.commands():
                done = cairn(*words, env={"COLUMNS": str(width)})
                self.assertEqual(done.status, 0, f"{words}: {done.err}")
                for line in done.out.splitlines():
                    if not line.startswith("  cairn "):  # what to type next is never cut
                        self.assertLessEqual(columns(line), width, f"{words} at {width}: {line!r}")

    def test_terminal_width_counts(self):
        status, written = cairn_on_terminal("top", trace(), columns=50)
        self.assertEqual(status, 0)
        for line in written.decode().splitlines():
            self.assertLessEqual(columns(line.rstrip("\r")), 50)

    def test_names_are_whole_without_a_width(self):
        self.assertIn("keep", cairn("top", trace()).out)
        self.assertNotIn("…", cairn("top", trace()).out)

    def test_no_trailing_blanks(self):
        for words in self.commands():
            for line in cairn(*words).out.splitlines():
                self.assertEqual(line, line.rstrip(), words)

    def test_a_row_is_not_the_first_of_its_own_callers(self):
        """Also where nothing names the function."""
        nameless = os.path.join(FOLDER, "nameless")
        done = cairn("record", "-q", "-f", "-o", nameless + ".cairn", "--", build("short", flags=("-O1", "-s"), output=nameless))
        self.assertEqual(done.status, 0, done.err)
        for by in ("function", "stack"):
            lines = [line.split() for line in cairn("top", nameless + ".cairn", "--by", by, "--frames", "2").out.splitlines()]
            rows = [(row[-1], caller[1]) for row, caller in zip(lines, lines[1:]) if row[:1] != ["←"] and caller[:1] == ["←"]]
            self.assertTrue([name for name, _ in rows if name.startswith("nameless+0x")], rows)
            self.assertEqual([name for name, caller in rows if name == caller], [])

    def test_colour(self):
        self.assertNotIn("\x1b", cairn("top", trace()).out)
        self.assertIn("\x1b[", cairn("top", trace(), "--color").out)
        self.assertIn("\x1b[", cairn("top", trace(), "--color=always", env={"NO_COLOR": "1"}).out)
        self.assertIn(b"\x1b[", cairn_on_terminal("top", trace())[1])
        self.assertNotIn(b"\x1b", cairn_on_terminal("top", trace(), env={"NO_COLOR": "1"})[1])
        self.assertNotIn(b"\x1b", cairn_on_terminal("top", trace(), "--color=never")[1])
        self.assertNotIn(b"\x1b", cairn_on_terminal("top", trace(), env={"TERM": "dumb"})[1])
        self.assertIn(b"\x1b[", cairn_on_terminal("top", trace(), env={"NO_COLOR": ""})[1])

    def test_ascii_locale(self):
        for words in self.commands():
            done = cairn(*words, env={"LC_ALL": "C"})
            self.assertTrue(done.raw.isascii(), words)
        self.assertIn("├─", cairn("tree", trace("deep"), "--at", "end").out)
        self.assertIn("|- ", cairn("tree", trace("deep"), "--at", "end", env={"LC_ALL": "C"}).out)

    def test_locale_of_numbers_does_not_reach_json(self):
        done = cairn("top", trace(), "--format", "json", env={"LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"})
        self.assertEqual(done.status, 0)

    def test_hostile_names(self):
        """A program's name with escape sequences, newlines, bidi controls and bad UTF-8 in it."""
        raw = os.fsencode(FOLDER) + b"/na\x1b]0;own\x07\n\r\xe2\x80\xae\xff\xc2\x9b31mme"
        shutil.copy(build("deep"), raw)
        path = os.path.join(FOLDER, "hostile.trace.cairn")
        done = cairn("record", "-o", path, "--", os.fsdecode(raw))
        self.assertEqual(done.status, 0, done.err)
        outputs = [done.raw_err]
        for words in READERS:
            for more in ([], ["--format", "csv"]):
                outputs.append(cairn(words[0], path, *words[1:], *more).raw)
        outputs.append(cairn("record", "-q", "-o", path, "--", os.fsdecode(raw)).raw_err)
        for text in outputs:
            for byte in (b"\x1b", b"\x07", b"\r", b"\xe2\x80\xae", b"\xc2\x9b", b"\xff"):
                self.assertNotIn(byte, text)
        info = cairn("info", path, "--format", "json")
        info.raw.decode("utf-8")
        self.assertIn("\ufffd", info.out)
        self.assertIn("\\u001b]0;own", info.out)

    def test_hostile_function_names(self):
        """Symbols may hold any byte."""
        program = build("deep", flags=("-O1",), output=os.path.join(FOLDER, "symbol"))
        subprocess.run(["objcopy", "--redefine-sym", b"left=le\x1b]0;ft\x07\xff\xe2\x80\xae", program], check=True)
        path = os.path.join(FOLDER, "symbol.trace.cairn")
        self.assertEqual(cairn("record", "-q", "-o", path, "--", program).status, 0)
        for words in (["top", "--frames", "3"], ["tree"], ["leaks"]):
            for more in ([], ["--format", "csv"], ["--format", "json"]):
                done = cairn(words[0], path, *words[1:], *more)
                self.assertRegex(done.out, r"le(\\e|\\u001b)\]0[;,]ft", words)
                for byte in (b"\x1b", b"\x07", b"\xff"):
                    self.assertNotIn(byte, done.raw, words)
                done.raw.decode("utf-8")

    def test_reader_goes_away(self):
        for words in (["top", trace()], ["timeline", trace(), "--format", "json"], ["--help"]):
            reader, writer = os.pipe()
            os.close(reader)
            done = cairn(*words, stdout=writer)
            os.close(writer)
            self.assertEqual((done.status, done.err), (0, ""), words)
        shell = f"'{CAIRN}' timeline '{trace()}' --format csv | head -n 1"
        run = subprocess.run(
            ["bash", "-o", "pipefail", "-c", shell], capture_output=True, env=ENVIRONMENT, check=False
        )
        self.assertEqual((run.returncode, run.stderr), (0, b""))

    def test_no_stdout(self):
        run = subprocess.run(
            ["sh", "-c", f"'{CAIRN}' top '{trace()}' >&-"], capture_output=True, env=ENVIRONMENT, check=False
        )
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertEqual(cairn("info", trace()).status, 0)

    def test_full_disk(self):
        for words in (["top", trace()], ["top", trace(), "--format", "json"], ["top", trace(), "--format", "csv"]):
            with open("/dev/full", "wb") as full:
                done = cairn(*words, stdout=full)
            self.assert_sentence(done, 2, "standard output", "No space left")

    def test_timeline_draws(self):
        done = cairn("timeline", trace(), env={"COLUMNS": "80"})
        self.assertIn("█", done.out)
        self.assertIn("ALLOCS/S", done.out)
        self.assertLessEqual(len(done.out.splitlines()), 40)

    def test_tree_says_what_it_leaves_out(self):
        done = cairn("tree", trace("deep"), "--at", "end", "--bottom-up", "--limit", "2")
        self.assertRegex(done.out, r"\d+ more")


main()
