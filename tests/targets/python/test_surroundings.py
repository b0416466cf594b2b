#!/usr/bin/env python3
"""test_surroundings.py BUILD_DIR [--python VERSION…] [CASE…]: a Python program is recorded as it is started.

Each case runs plain and recorded. Standard output, standard error and exit status are the same; the trace says how each process
ended; and where the case names a function, that function's allocations have Python stacks, in as many processes as it says."""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import surroundings
from support import ENVIRONMENT, Report, ask, interpreters, rows, share

STACKS = """WITH RECURSIVE up(account, process, allocations, at) AS (SELECT account, process, allocations, stack FROM account UNION ALL
SELECT account, process, allocations, s.parent FROM up JOIN stack s ON s.stack = up.at)
SELECT process, sum(allocations) AS allocations FROM (SELECT DISTINCT account, process, allocations FROM up JOIN stack s ON
s.stack = up.at JOIN frame_text t USING (frame) WHERE t.lang = 'python' AND t.function = '{}') GROUP BY process"""
ALLOCATIONS = 900  # of 1,000 in every function that the cases name


def run(argv, folder, env):
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def shell_status(status):
    """What a shell, and cairn, says of a program that a signal ended."""
    return 128 - status if status < 0 else status


def find_library(python):
    """The interpreter's shared library, None where it is built into the program only."""
    said = subprocess.run([python, "-c", "import sys, sysconfig; print(sys.base_prefix, sysconfig.get_config_var('LIBDIR'), sysconfig.get_"
                           "config_var('INSTSONAME'), sysconfig.get_python_version())"], capture_output=True, text=True, check=True)
    prefix, folder, name, version = said.stdout.split()
    for path in (f"{folder}/{name}", *sorted(glob.glob(f"{folder}/**/libpython{version}.so.1.0", recursive=True))):
        if ".so" in path and os.path.exists(path):
            return prefix, path
    return None


class Job:
    def __init__(self, cairn, version, python, case):
        self.cairn, self.version, self.python, self.case, self.faults, self.checks = cairn, version, python, case, [], 0

    def check(self, ok, what):
        self.checks += 1
        if not ok:
            self.faults.append(f"{self.version} {self.case.name}: {what}")

    def argv(self, folder):
        """What to run; None where the case needs what is not here."""
        words = {"python": self.python, "folder": str(folder), "embeds": os.path.join(os.path.dirname(self.cairn), surroundings.EMBEDS)}
        if self.case.needs == "venv":
            made = run([self.python, "-m", "venv", "--without-pip", "--symlinks", "env"], folder, ENVIRONMENT)
            if made.returncode:
                return None
        if self.case.needs == "library":
            found = find_library(self.python)
            if not found:
                return None
            words["prefix"], words["library"] = found
        self.env = {**ENVIRONMENT, **{name: value.format(**words) for name, value in self.case.env.items()}}
        return [word.format(**words) for word in self.case.argv]

    def run(self):
        with tempfile.TemporaryDirectory() as top:
            folder, trace = Path(top, "here"), Path(top, "trace.cairn")
            shutil.copytree(surroundings.write(Path(top, "sources")), folder)
            argv = self.argv(folder)
            if argv is None:
                return self
            plain = run(argv, folder, self.env)
            ours = run([self.cairn, "record", "--quiet", "-o", str(trace), *self.case.options, "--", *argv], folder, self.env)
            self.compare(plain, ours)
            self.check(trace.exists(), "no trace")
            if trace.exists():
                self.look(trace, shell_status(plain.returncode))
        return self

    def compare(self, plain, ours):
        self.check(shell_status(plain.returncode) == ours.returncode, f"status {ours.returncode}, plain {plain.returncode}: {ours.stderr[-400:]}")
        self.check(plain.stdout == ours.stdout, f"standard output:\n  recorded {ours.stdout[-400:]!r}\n  plain    {plain.stdout[-400:]!r}")
        self.check(plain.stderr == ours.stderr, f"standard error:\n  recorded {ours.stderr[-400:]!r}\n  plain    {plain.stderr[-400:]!r}")
        if self.case.says is not None:
            self.check(self.case.says in plain.stdout + plain.stderr, f"the case itself: {plain.stdout[-300:]!r} {plain.stderr[-300:]!r}")

    def look(self, trace, status):
        info = ask(self.cairn, "info", trace)
        processes = info["processes"]
        self.check(info["complete"], f"not complete: {info['notes']}")
        first = processes[0]
        said = 128 + first["signal"] if first["signal"] else first["exit_status"]
        self.check(said == status, f"the trace says {first['exit_status']}, signal {first['signal']}; it was {status}")
        self.check(first["python"] == self.version, f"the trace says Python {first['python']}")
        if self.case.function:
            found = {row["process"]: row["allocations"] for row in rows(self.cairn, trace, STACKS.format(self.case.function))}
            full = [process for process, count in found.items() if count >= ALLOCATIONS]
            self.check(len(full) == self.case.processes, f"{self.case.function}() in processes {found}, of {self.case.processes}")
            pythons = {process["process"]: process["python"] for process in processes}
            self.check(all(pythons[process] == self.version for process in full), f"Python of the processes: {pythons}")
        for ending in self.case.endings:
            count = sum((process["exit_status"], process["signal"]) == ending for process in processes)
            self.check(count >= self.case.endings.count(ending), f"ended as {ending}: {count} processes of {len(processes)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    named = [case for case in surroundings.CASES if case.name in options.cases]
    jobs = [Job(cairn, version, python, case) for version, python in interpreters(options.python).items()
            for case in named or share(surroundings.CASES, version, python)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for job in pool.map(Job.run, jobs):
            if not job.checks:
                print(f"skipped: {job.version} {job.case.name}: {job.case.needs} is not here")
            report.passed += job.checks - len(job.faults)
            report.failed += len(job.faults)
            for fault in job.faults:
                print(fault, flush=True)
    report.finish()


if __name__ == "__main__":
    sys.exit(main())
