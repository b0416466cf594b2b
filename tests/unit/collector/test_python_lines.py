#!/usr/bin/env python3
"""test_python_lines.py PROGRAM: our line tables against the interpreter's own answer (co_lines, or dis where there is none) for
every instruction of some of its library's modules, on every CPython from 3.8 on that is found."""
import glob
import os
import subprocess
import sys

DUMP = r"""
import sys, dis, importlib.util
def walk(code):
    yield code
    for const in code.co_consts:
        if hasattr(const, "co_code"):
            yield from walk(const)
minor = sys.version_info[1]
for name in ("json.decoder", "argparse", "dataclasses", "re", "sre_parse", "asyncio.base_events", "typing", "decimal", "_pydecimal"):
    spec = importlib.util.find_spec(name)
    if not spec or not spec.origin or not spec.origin.endswith(".py"):
        continue
    for code in walk(compile(open(spec.origin, encoding="utf-8").read(), spec.origin, "exec")):
        table = code.co_linetable if minor >= 10 else code.co_lnotab
        lines = {}
        if minor >= 10:
            for start, end, line in code.co_lines():
                for offset in range(start, end, 2):
                    lines[offset] = line or 0
        else:
            starts, line = dict(dis.findlinestarts(code)), code.co_firstlineno
            for offset in range(0, len(code.co_code), 2):
                line = starts.get(offset, line)
                lines[offset] = line
        print(minor, code.co_firstlineno, 0xffffffff, table.hex() or "-", code.co_firstlineno)  # before its first instruction
        for offset in sorted(lines)[:: 1 + len(lines) // 60]:
            print(minor, code.co_firstlineno, offset, table.hex() or "-", lines[offset])
"""


def interpreters():
    found = ["/usr/bin/python3"] + sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))
    for path in found:
        if os.path.exists(path):
            version = subprocess.run([path, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True)
            if version.returncode == 0 and 8 <= int(version.stdout) <= 13:
                yield path, int(version.stdout)


faults = 0
for path, minor in interpreters():
    rows = [line.split() for line in subprocess.run([path, "-c", DUMP], capture_output=True, text=True, check=True).stdout.splitlines()]
    asked = "".join(f"{m} {first} {offset} {'' if table == '-' else table}\n" for m, first, offset, table, _ in rows)
    answers = subprocess.run([sys.argv[1]], input=asked, capture_output=True, text=True, check=True).stdout.split()
    wrong = [(row, answer) for row, answer in zip(rows, answers) if row[4] != answer]
    print(f"3.{minor}: {len(rows)} instructions, {len(wrong)} differences" + (f": {wrong[0]}" if wrong else ""))
    faults += len(wrong) + (len(rows) < 1000) + (len(rows) != len(answers))
sys.exit(bool(faults))
