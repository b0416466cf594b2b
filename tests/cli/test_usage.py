"""Words on the command line: help, suggestions, ambiguities, exit statuses, and the documents made from the tables."""

import glob
import os
import re
import shutil
import subprocess

from support import BUILD, FOLDER, HERE, Case, cairn, main, trace

# The table of commands itself: what is not in help, manual or completions is found missing.
with open(os.path.join(HERE, "..", "..", "src", "cli", "commands.c"), encoding="utf-8") as table:
    COMMANDS = re.findall(r"(?m)^    &cairn_command_(\w+),$", table.read())


class Usage(Case):
    def test_help_of_every_command(self):
        overview = cairn("--help")
        self.assertEqual((overview.status, overview.err), (0, ""))
        self.assertEqual(overview.out, cairn("help").out)
        for command in COMMANDS:
            self.assertRegex(overview.out, rf"(?m)^  {command} ")
            done = cairn(command, "--help")
            self.assertEqual((done.status, done.err), (0, ""), command)
            self.assertIn(f"cairn {command}", done.out)
            self.assertEqual(done.out, cairn("help", command).out)
            self.assertEqual(done.out, cairn(command, "-h").out)
            self.assertLessEqual(max(map(len, done.out.splitlines())), 80, command)
            self.assertNotRegex(done.out, r"(?m) $", command)
        for topic in ("time", "selecting", "status", "environment"):
            self.assertEqual(cairn("help", topic).status, 0)
        self.assertIn("check found a limit exceeded", cairn("help", "status").out)
        self.assert_sentence(cairn("help", "tpo"), 2, "top")

    def test_version(self):
        self.assertRegex(cairn("--version").out, r"^cairn \d+\.\d+\.\d+\n$")
        self.assertEqual(cairn("-V").out, cairn("--version").out)

    def test_unknown_commands(self):
        self.assert_sentence(cairn("nonsense"), 2, "unknown command 'nonsense'")
        self.assert_sentence(cairn("reocrd"), 2, "unknown command 'reocrd'", "cairn record")
        self.assert_sentence(cairn(""), 2, "unknown command")
        self.assert_sentence(cairn("bad\x1b]0;name\x07"), 2, "\\e]0;name")

    def test_unknown_options(self):
        self.assert_sentence(cairn("top", "--limt", "3"), 2, "--limt", "did you mean '--limit'")
        self.assert_sentence(cairn("--frmat"), 2, "did you mean '--format'")
        self.assert_sentence(cairn("--verison"), 2, "did you mean '--version'", "`cairn --help`")
        self.assert_sentence(cairn("-Z"), 2, "unknown option '-Z': `cairn --help`")
        self.assert_sentence(cairn("top", "-Z"), 2, "-Z")
        self.assert_sentence(cairn("top", trace(), "--limit"), 2, "needs a value")
        self.assert_sentence(cairn("top", trace(), "--limit", "-1"), 2, "whole number")
        self.assert_sentence(cairn("top", trace(), "--reverse=yes"), 2, "takes no value")
        self.assert_sentence(cairn("top", trace(), trace()), 2, "unexpected")
        self.assertTrue(cairn("demo", "extra").err.endswith("unexpected 'extra': cairn demo\n"))
        self.assert_sentence(cairn("top", trace(), "--by", "fnuction"), 2, "did you mean function?")
        self.assert_sentence(cairn("top", trace(), "--metric", "weight"), 2, "live, allocated")
        self.assert_sentence(cairn("top", trace(), "--format", "xml"), 2, "text, json, csv")
        self.assert_sentence(cairn("leaks", trace(), "--min-age", "5"), 2, "--min-age")
        self.assert_sentence(cairn("view", trace(), "--size", "big"), 2, "80x24")

    def test_forms_of_options(self):
        want = cairn("top", "--limit", "2", trace()).out
        for words in (["--limit=2", trace()], ["-n2", trace()], ["-n", "2", trace()], [trace(), "--limit=2"]):
            self.assertEqual(cairn("top", *words).out, want)
        self.assertEqual(cairn("top", "--limit=2", "--", trace()).out, want)

    def test_dashed_names(self):
        folder = os.path.join(FOLDER, "dashed")
        os.mkdir(folder)
        shutil.copy(trace(), os.path.join(folder, "--limit.cairn"))
        self.assertEqual(cairn("top", "--", "--limit.cairn", cwd=folder).status, 0)
        self.assertEqual(cairn("top", "./--limit.cairn", cwd=folder).status, 0)
        self.assertEqual(cairn("top", cwd=folder).status, 0)

    def test_time_or_file(self):
        folder = os.path.join(FOLDER, "ambiguous")
        os.mkdir(folder)
        shutil.copy(trace(), os.path.join(folder, "peak"))
        shutil.copy(trace(), os.path.join(folder, "x.cairn"))
        self.assert_sentence(cairn("diff", "peak", "end", cwd=folder), 2, "both a TIME and a file", "./peak")
        self.assertEqual(cairn("diff", "./peak", "start", "end", cwd=folder).status, 0)
        self.assertEqual(cairn("diff", "./peak", "x.cairn", cwd=folder).status, 0)
        self.assertEqual(cairn("diff", "x.cairn", "peak", "end", cwd=folder).status, 0)
        self.assert_sentence(cairn("diff", "x.cairn", cwd=folder), 2, "two moments")
        self.assert_sentence(cairn("diff", "10%", "90%", "x.cairn", cwd=folder), 2, "first: cairn diff x.cairn 10% 90%")
        self.assert_sentence(cairn("diff", "10%", "x.cairn", cwd=folder), 2, "first: cairn diff x.cairn 10%")
        self.assert_sentence(cairn("diff", cwd=folder), 2, "two moments")

    def test_no_trace_here(self):
        folder = os.path.join(FOLDER, "empty")
        os.mkdir(folder)
        self.assert_sentence(cairn("top", cwd=folder), 2, "no *.cairn file in this folder", "cairn record")
        done = cairn(cwd=folder)
        self.assertEqual(done.status, 0)
        self.assertIn("cairn record", done.out)
        self.assert_sentence(cairn("top", "3", cwd=folder), 2)

    def test_view_needs_a_terminal(self):
        self.assert_sentence(cairn("view", trace()), 2, "cairn top")
        self.assert_sentence(cairn(trace()), 2, "cairn top")

    def test_man_page(self):
        page = os.path.join(BUILD, "docs", "man", "cairn.1")
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for command in COMMANDS:
            self.assertIn(f'.SS "cairn {command}', text)
        pages = glob.glob(os.path.join(BUILD, "docs", "man", "*.1"))
        self.assertEqual(sorted(map(os.path.basename, pages)), sorted(["cairn.1", *(f"cairn-{command}.1" for command in COMMANDS)]))
        for option in ("\\-\\-min\\-age DURATION", "\\-\\-max\\-size BYTES", "\\-o, \\-\\-output FILE"):
            self.assertIn(option, text)
        for path in pages if shutil.which("man") else ():
            run = subprocess.run(
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80", "MANPAGER": "cat"},
                check=False,
            )
            self.assertEqual(run.stderr.decode(), "", path)
            self.assertIn(b"cairn", run.stdout, path)

    def complete(self, *words):
        """What bash offers for the last word."""
        script = (
            f"source {os.path.join(BUILD, 'completions', 'cairn.bash')}; "
            "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _cairn; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        run = subprocess.run(
            ["bash", "-c", script, "bash", "cairn", *words], cwd=FOLDER, capture_output=True, text=True, check=True
        )
        self.assertEqual(run.stderr, "")
        return run.stdout.split()

    def test_bash_completion(self):
        trace()
        self.assertIn("timeline", self.complete("ti"))
        self.assertEqual(self.complete("top", "--metric", "a"), ["allocated", "allocations"])
        self.assertIn("--suppressions", self.complete("leaks", "--s"))
        self.assertIn("ledger.trace.cairn", self.complete("info", "led"))
        self.assertIn("status", self.complete("help", "st"))
        self.assertEqual(self.complete("top", "--by", "=", "f"), ["function", "file"])
        self.assertIn("module", self.complete("top", "--by", "="))
        verbs = re.findall(r"(?m)^  ([a-z]+) ", re.split(r"\n\n", cairn("graph", "--help").out)[2])
        self.assertIn("dominators", verbs)
        self.assertEqual(set(verbs) - set(self.complete("graph", "")), set())
        self.assertIn("ledger.trace.cairn", self.complete("import", "led"))
        self.assertEqual(set(COMMANDS) - set(self.complete("")), set())
        for command in COMMANDS:
            offered = set(self.complete(command, "-"))
            options = set(re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", cairn(command, "--help").out))
            self.assertEqual({option for option in options if option not in offered and option + "=" not in offered}, set(), command)

    def test_the_first_page_names_them_all(self):
        with open(os.path.join(HERE, "..", "..", "README.md"), encoding="utf-8") as file:
            named = re.findall(r"`(?:cairn )?(\w+)`", file.read().split("## Commands")[1].split("Each has")[0])
        self.assertEqual(sorted(named), sorted(set(COMMANDS) - {"help"}))

    def test_zsh_completion(self):
        path = os.path.join(BUILD, "completions", "_cairn")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("#compdef cairn\n"))
        self.assertIn("'--metric=[", text)
        for command in COMMANDS:
            self.assertRegex(text, rf"\b{command}\b")
        if shutil.which("zsh"):
            subprocess.run(["zsh", "-n", path], check=True)

    def test_every_option_is_documented(self):
        with open(os.path.join(BUILD, "docs", "man", "cairn.1"), encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        for command in COMMANDS:
            for option in re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", cairn(command, "--help").out):
                self.assertIn(option, page)


main()
