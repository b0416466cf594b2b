#!/usr/bin/env python3
"""test_graphs.py BUILD_DIR [--python VERSION…]: object graphs and named moments of programs that are out of the ordinary.

With other interpreters beside it, a frame's local is a root still; classes whose names have dots in brackets keep them; a gc that the
program has changed does not cost the graph; and a name that cannot be kept as it is does not fail in a recording alone."""
import argparse
import os
import sys
import tempfile
from pathlib import Path

from support import Report, ask, interpreters, record

INTERPRETERS = """
import cairn
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
class Main:
    pass
made = [_interpreters.create() for _ in range(2)]
for one in made:
    _interpreters.run_string(one, 'class Other: pass\\nkept = [Other()]')
def hold():
    mine = [Main() for _ in range(50)]
    cairn.graph('held')
    print(len(mine))
hold()
"""

NAMES = """
import cairn, collections, datetime
NAMES = ['Page[list[datetime.datetime]]', 'Of[a.b](c.d)', 'plain', 'ends.', '']
kept = [collections.OrderedDict(), *(type(name, (), {})() for name in NAMES)]
cairn.graph('named')
print('done')
"""

REPLACED = """
import cairn, gc
class Box:
    pass
kept = [Box()]
for number, found in enumerate((5, (1, 2), None)):
    gc.get_objects = lambda *words: found
    cairn.graph('replaced%d' % number)
print('done')
"""

MOMENTS = """
import cairn
for name in ('lone \\ud800', 'zero \\0 byte', 'a \\x1b[31m', None, 5, b'bytes'):
    cairn.mark(name)
    cairn.snapshot(name)
    cairn.graph(name)
    with cairn.span(name):
        pass
print('done')
"""


def run(report, cairn, python, trace, text, says="done\n"):
    """Whether the program ended as it does without us."""
    done = record(cairn, trace, [python, "-c", text])
    return report.check((done.returncode, done.stdout, done.stderr) == (0, says, ""),
                        f"status {done.returncode}: {done.stdout[-200:]!r} {done.stderr[-300:]}")


def check_interpreters(report, cairn, python, trace):
    if run(report, cairn, python, trace, INTERPRETERS, "50\n"):
        one = ask(cairn, "graph", trace, "objects", "Main", "--graph", "@held")["rows"][0]
        way = ask(cairn, "graph", trace, "path", str(one["id"]), "--graph", "@held")
        report.check(way["root"]["kind"] == "frame" and way["root"]["name"].startswith("hold() "), f"a local's way: {way['root']}")


def check_names(report, cairn, python, trace):
    if run(report, cairn, python, trace, NAMES):
        types = {row["type"] for row in ask(cairn, "graph", trace, "types", "--graph", "@named")["rows"]}
        for name in ("Page[list[datetime.datetime]]", "Of[a.b](c.d)", "plain", "ends.", ""):
            report.check(name in types, f"no type {name!r}")
        report.check("OrderedDict" in types, "a type of C code is called with its module")


def check_replaced(report, cairn, python, trace):
    if run(report, cairn, python, trace, REPLACED):
        info = ask(cairn, "info", trace)
        whole = report.check(len(info["graphs"]) == 4, f"{len(info['graphs'])} graphs: {info['notes']}")
        for number in range(3) if whole else ():
            found = ask(cairn, "graph", trace, "objects", "Box", "--graph", f"@replaced{number}")["rows"]
            report.check(len(found) == 1, f"@replaced{number}: {len(found)} boxes")


def check_moments(report, cairn, python, trace):
    if run(report, cairn, python, trace, MOMENTS):
        names = {row["name"] for row in ask(cairn, "snapshots", trace)["rows"]}
        for name in ("lone \\ud800", "zero \\x00 byte", "a \x1b[31m", "None", "5.end", "b'bytes'"):
            report.check(name in names, f"no moment {name!r} among {names}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--python", nargs="*", default=[])
    options = parser.parse_args()
    cairn, report = os.path.join(os.path.abspath(options.build), "cairn"), Report()
    for version, python in interpreters(options.python).items():
        with tempfile.TemporaryDirectory() as folder:
            for check in (check_interpreters, check_names, check_replaced, check_moments):
                report.where = f"{version} {check.__name__}"
                check(report, cairn, python, Path(folder, "t.cairn"))
    report.finish()


if __name__ == "__main__":
    sys.exit(main())
