#!/usr/bin/env python3
"""test_interpreter.py BUILD_DIR [--python VERSION…]: CPython's own tests have the same results under `cairn record` as without.

Those that the interpreter ships (Debian's does not). Each test's verdict by its name, as `python -m test -v` prints it."""
import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

from support import ENVIRONMENT, Report, interpreters, rows

TESTS = "test_json test_generators test_gc test_dataclasses test_sqlite test_sqlite3 test_subprocess test_coroutines".split()
VERDICT = re.compile(r"^(test\w*) \(([\w.]+)\).*? \.\.\. (?:.*?)(ok|FAIL|ERROR|skipped|expected failure)", re.MULTILINE)
LIMIT_S = 900


def shipped(python):
    code = "import importlib.util, sys; print(*[t for t in sys.argv[1:] if importlib.util.find_spec('test') and importlib.util.find_spec('test.' + t)])"
    return subprocess.run([python, "-c", code, *TESTS], capture_output=True, text=True, check=True).stdout.split()


def verdicts(command, folder):
    """({test: verdict}, exit status, output)"""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT_S, errors="replace")
    output = done.stdout + done.stderr
    return {f"{where}.{name}" if not where.endswith(name) else where: said for name, where, said in VERDICT.findall(output)}, done.returncode, output


def examine(report, cairn, python, test):
    with tempfile.TemporaryDirectory() as folder:
        words = [python, "-m", "test", "-v", test]
        trace = Path(folder, "own.cairn")
        plain, status, output = verdicts(words, folder)
        ours, our_status, our_output = verdicts([cairn, "record", "-q", "-o", str(trace), "--", *words], folder)
        report.check(len(plain) > 10, f"only {len(plain)} verdicts: {output[-800:]}")
        report.check(our_status == status, f"status {our_status}, without us {status}: {our_output[-800:]}")
        differ = {name: (plain.get(name), ours.get(name)) for name in plain.keys() | ours.keys() if plain.get(name) != ours.get(name)}
        report.check(not differ, f"{differ}\n{our_output[-3000:] if differ else ''}")
        frames = rows(cairn, trace, "SELECT count(*) AS n FROM frame_text WHERE lang = 'python'")[0]["n"] if trace.exists() else 0
        report.check(frames > 100, f"{frames} Python frames")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    parser.add_argument("--test", nargs="*", default=[])
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    for version, python in interpreters(options.python).items():
        tests = shipped(python)
        if not tests:
            print(f"skipped: CPython {version} at {python} comes without its tests")
        for test in tests:
            if not options.test or test in options.test:
                report.where = f"{version} {test}"
                examine(report, cairn, python, test)
                print(report.where, flush=True)
    report.finish()


main()
