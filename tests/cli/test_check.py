"""cairn check: limits, baselines, blame, formats, statuses; and the examples of docs/ci.md as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

from support import CAIRN, CC, ENVIRONMENT, FOLDER, HERE, SITE, Case, ask, cairn, main, trace, without_graph

KEPT, GROWN, BURST = 1000 * 100, 10000, 8 << 20
DOCS = os.path.join(HERE, "..", "..", "docs")


def has_pytest(python):
    return os.path.exists(python) and subprocess.run([python, "-c", "import pytest"], capture_output=True).returncode == 0


PYTEST = next(filter(has_pytest, [sys.executable, "/usr/bin/python3"]), None)


def check(*limits, path=None):
    done = cairn("check", path or trace(), *limits, "--format", "json")
    return done.status, json.loads(done.out)


class Check(Case):
    def test_measures_are_those_of_other_commands(self):
        status, answer = check()
        self.assertEqual(status, 0)
        self.assertEqual(answer["schema"], "cairn.check/1")
        self.assertIs(answer["passed"], True)
        self.assertEqual(answer["rows"], [])
        found = {m["measure"]: m for m in answer["measures"]}
        total = ask("top", trace())["total"]
        self.assertEqual(found["peak"]["found"], total["peak_bytes"])
        self.assertEqual(found["allocated"]["found"], total["allocated_bytes"])
        self.assertEqual(found["allocations"]["found"], total["allocations"])
        self.assertEqual(found["leaked"]["found"], ask("leaks", trace())["total"]["bytes"])
        for measure in found.values():
            self.assertEqual(sum(site["value"] for site in measure["sites"]), measure["found"])

    def test_a_limit_exceeded(self):
        status, answer = check("--max-peak", "1M", "--max-allocations", "1000000")
        self.assertEqual(status, 1)
        self.assertIs(answer["passed"], False)
        peak, allocations = answer["rows"]
        self.assert_keys(peak, "limit allowed found unit passed blame".split())
        self.assertEqual((peak["limit"], peak["allowed"], peak["unit"]), ("max_peak", 1 << 20, "bytes"))
        self.assertIs(peak["passed"], False)
        self.assertIs(allocations["passed"], True)
        self.assertEqual(allocations["blame"], [])
        self.assert_keys(peak["blame"][0], SITE + ["bytes"])
        self.assertEqual((peak["blame"][0]["function"], peak["blame"][0]["bytes"]), ("burst", BURST))
        self.assertIn("main", [frame["function"] for frame in peak["blame"][0]["stack"]])

    def test_text(self):
        done = cairn("check", trace(), "--max-peak", "1M", "--max-leaked", "1G")
        self.assertEqual(done.status, 1)
        self.assertIn("FAILED", done.out)
        self.assertIn("burst", done.out)
        self.assertIn("allowed 1.0 GiB", done.out)
        self.assertEqual(cairn("check", trace(), "--max-peak", "1G").status, 0)
        self.assertIn("No limit", cairn("check", trace()).out)

    def test_to_the_last_byte(self):
        peak = ask("top", trace())["total"]["peak_bytes"]
        self.assertEqual(check("--max-peak", str(peak))[0], 0)
        done = cairn("check", trace(), "--max-peak", str(peak - 1))
        self.assertEqual(done.status, 1)
        self.assertIn(f"{peak} bytes", done.out)

    def test_filters_and_spans(self):
        self.assertEqual(check("--max-leaked", "0", "--filter", "^churn$", path=without_graph())[0], 0)
        status, answer = check("--max-leaked", "0", "--filter", "^keep$", path=without_graph())
        self.assertEqual((status, answer["rows"][0]["found"]), (1, KEPT))
        status, answer = check("--max-leaked", "0", "--from", "@kept", "--to", "@done", "--filter", "^(keep|grow|churn)$")
        self.assertEqual((status, answer["rows"][0]["found"]), (1, GROWN))
        self.assertEqual([site["function"] for site in answer["rows"][0]["blame"]], ["grow"])
        self.assertEqual(check("--max-peak", "1M", "--to", "@kept")[0], 0)

    def test_suppressions(self):
        path = os.path.join(FOLDER, "check.supp")
        with open(path, "w") as file:
            file.write("leak:keep\nleak:grow\n")
        words = ("--max-leaked", "0", "--filter", "^(keep|grow)$")
        self.assertEqual(check(*words, path=without_graph())[0], 1)
        self.assertEqual(check(*words, "--suppressions", path, path=without_graph())[0], 0)

    def test_reachable_is_not_leaked(self):
        """With an object graph what the program still holds is no leak."""
        status, answer = check("--max-leaked", "0", "--filter", "^(keep|grow)$")
        self.assertEqual((status, answer["rows"][0]["found"], answer["rows"][0]["blame"]), (0, 0, []))

    def test_baselines(self):
        path = os.path.join(FOLDER, "baseline.json")
        with open(path, "w") as file:
            file.write(cairn("check", trace(), "--format", "json").out)
        for baseline in (path, trace()):
            status, answer = check("--baseline", baseline, "--tolerance", "0%")
            self.assertEqual(status, 0)
            names = [row["limit"] for row in answer["rows"]]
            self.assertEqual(names, ["baseline_" + m for m in "peak leaked allocated allocations".split()])
        with open(path) as file:
            earlier = json.load(file)
        for measure in earlier["measures"]:
            sites = [site for site in measure["sites"] if site["function"] != "keep"]
            measure["found"] -= sum(site["value"] for site in measure["sites"]) - sum(site["value"] for site in sites)
            measure["sites"] = sites
        with open(path, "w") as file:
            json.dump(earlier, file)
        status, answer = check("--baseline", path, "--tolerance", "0")
        self.assertEqual(status, 1)
        for row in answer["rows"]:
            if not row["passed"]:
                self.assertEqual([site["function"] for site in row["blame"]], ["keep"], row["limit"])
        self.assertEqual(check("--baseline", path, "--tolerance", "100000%")[0], 0)

    def test_junit(self):
        done = cairn("check", trace(), "--max-peak", "1M", "--max-allocated", "1G", "--format", "junit")
        self.assertEqual(done.status, 1)
        suite = ElementTree.fromstring(done.raw)[0]
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "1"))
        failed, passed = suite
        self.assertEqual((failed.get("name"), passed.get("name")), ("max_peak", "max_allocated"))
        self.assertIn("burst", failed[0].text)
        self.assertEqual(len(passed), 0)

    def test_what_is_wrong(self):
        foreign = os.path.join(FOLDER, "foreign.json")
        with open(foreign, "w") as file:
            file.write('{"schema": "cairn.top/1"}')
        self.assert_sentence(cairn("check", trace(), "--baseline", foreign), 2, "no baseline")
        self.assert_sentence(cairn("check", trace(), "--baseline", os.path.join(FOLDER, "absent")), 2)
        self.assert_sentence(cairn("check", trace(), "--tolerance", "2%"), 2, "--baseline")
        self.assert_sentence(cairn("check", trace(), "--baseline", trace(), "--tolerance", "some"), 2, "--tolerance")
        self.assert_sentence(cairn("check", trace(), "--baseline", trace(), "--tolerance", "-1%"), 2, "--tolerance")
        self.assert_sentence(cairn("check", trace(), "--max-peak", "much"), 2, "--max-peak")
        self.assert_sentence(cairn("check", os.path.join(FOLDER, "absent.cairn"), "--max-peak", "1"), 2)


def examples(kind):
    """Writes the examples of docs/ci.md of that kind into a folder of their own; its path."""
    folder = os.path.join(FOLDER, "ci-" + kind)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(DOCS, "ci.md")) as file:
        page = file.read()
    for name, text in re.findall(rf"<!-- example: {kind}/(\S+) -->\n```\w+\n(.*?)```", page, re.S):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return folder


class Examples(Case):
    def run_in(self, folder, *words):
        path = os.path.dirname(CAIRN) + os.pathsep + ENVIRONMENT["PATH"]
        return subprocess.run(words, cwd=folder, env={**ENVIRONMENT, "PATH": path, "CAIRN": CAIRN}, capture_output=True, text=True,
                              timeout=120)

    @unittest.skipUnless(shutil.which("ctest"), "needs ctest")
    def test_ctest(self):
        """The suite passes; a commit that forgets a free is caught, and blamed on the line that allocates."""
        folder = examples("ctest")
        self.assertEqual(sorted(os.listdir(folder)), ["CMakeLists.txt", "suite.c"])
        made = self.run_in(folder, "cmake", "-S", ".", "-B", "build", f"-DCMAKE_C_COMPILER={CC}")
        self.assertEqual(made.returncode, 0, made.stderr)
        for leaks in (False, True):
            source = os.path.join(folder, "suite.c")
            with open(source) as file:
                text = file.read()
            with open(source, "w") as file:
                file.write(text.replace("    free(word);\n", "") if leaks else text)
            self.assertEqual(self.run_in(folder, "cmake", "--build", "build").returncode, 0)
            done = self.run_in(folder, "ctest", "--test-dir", "build", "--output-on-failure")
            self.assertEqual(done.returncode != 0, leaks, done.stdout)
            self.assertRegex(done.stdout, r"Test +#1: suite \.+ +Passed")
            self.assertEqual("copy_word" in done.stdout, leaks, done.stdout)

    @unittest.skipUnless(PYTEST, "needs pytest")
    def test_pytest(self):
        folder = examples("pytest")
        with open(os.path.join(folder, "test_words.py"), "w") as file:
            file.write("def test_words():\n    assert 'cairn'.upper() == 'CAIRN'\n")
        done = self.run_in(folder, PYTEST, "check_memory.py", "-q", "test_words.py")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        suite = ElementTree.parse(os.path.join(folder, "memory.xml")).getroot()[0]
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("1", "0"))
        baseline = cairn("check", "pytest.cairn", "--format", "json", cwd=folder)
        with open(os.path.join(folder, "memory.json"), "w") as file:
            file.write(baseline.out)
        done = self.run_in(folder, PYTEST, "check_memory.py", "-q", "test_words.py")
        suite = ElementTree.parse(os.path.join(folder, "memory.xml")).getroot()[0]
        self.assertEqual((done.returncode, suite.get("tests"), suite.get("failures")), (0, "5", "0"), done.stdout + done.stderr)


main()
