"""What the tests of Python programs share: the interpreters that are here, recordings, and what a trace holds by line."""
import glob
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LESSON = HERE.parent / "lesson"
MINORS = range(8, 14)
# The same hashes, so the same tables, in every run; no files written beside the modules.
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(LESSON)}
for name in ("LESSON_ORACLE", "LESSON_REUSE", "PYTHONMALLOC", "PYTHONTRACEMALLOC", "PYTHONDEVMODE"):
    ENVIRONMENT.pop(name, None)


def interpreters(only=()):
    """{version: path} of CPython 3.8 to 3.13: those of CAIRN_PYTHONS (paths between colons), Debian's, pyenv's. `only`: versions or
    beginnings of some, "3.11". Says which are not here."""
    found = {}
    paths = [path for path in os.environ.get("CAIRN_PYTHONS", "").split(":") if path]
    for path in [*paths, "/usr/bin/python3", *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))]:
        done = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], capture_output=True, text=True,
                              check=True) if os.path.exists(path) else None
        version = done.stdout.strip() if done else "0.0.0"
        if int(version.split(".")[1]) in MINORS and (not only or any(f"{version}.".startswith(f"{word}.") for word in only)):
            found.setdefault(version, path)
    for wanted in only or [f"3.{minor}" for minor in MINORS]:
        if not any(f"{version}.".startswith(f"{wanted}.") for version in found):
            print(f"skipped: CPython {wanted} is not here")
    return found


def share(items, version, python):
    """All of the items for Debian's interpreter, and with tests/run.sh --long; else a third, another one for the next version."""
    if python == "/usr/bin/python3" or os.environ.get("CAIRN_LONG"):
        return items
    print(f"skipped: CPython {version}: two thirds, without --long")
    return items[int(version.split(".")[1]) % 3::3]


def record(cairn, trace, argv, env=None, options=(), **more):
    """Runs argv under `cairn record`."""
    return subprocess.run([cairn, "record", "--quiet", "-f", "-o", str(trace), *options, "--", *map(str, argv)], env=env or ENVIRONMENT,
                          capture_output=True, text=more.pop("text", True), timeout=more.pop("timeout", 120), **more)


def ask(cairn, *words):
    """The JSON answer of a command that must succeed."""
    done = subprocess.run([cairn, *map(str, words), "--format", "json"], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"cairn {' '.join(map(str, words))}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def rows(cairn, trace, query):
    """[{column: value}] of one SQL query."""
    result = ask(cairn, "sql", trace, query)["results"][0]
    return [dict(zip(result["columns"], row)) for row in result["rows"]]


class Report:
    """Counts what held and prints what did not."""

    def __init__(self):
        self.passed, self.failed, self.where = 0, 0, ""

    def check(self, ok, what):
        self.passed += bool(ok)
        self.failed += not ok
        if not ok:
            print(f"{self.where}: {what}", flush=True)
        return ok

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(bool(self.failed))
