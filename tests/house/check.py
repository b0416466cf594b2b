#!/usr/bin/env python3
"""check.py CHECK SOURCE_DIR BUILD_DIR: holds the sources against what docs/architecture.md promises.

layers     each layer includes only what it may, and only one layer names sqlite3_* and only one ncurses
top_level  the agreed names at the top, and files of one subject (about 600 lines)
format     clang-format has nothing to change
spelling   codespell finds nothing
tidy       clang-tidy finds nothing

Prints a line a fault; exits 1 where there is one, 77 (skipped) where the tool it needs is missing."""
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MAY_USE = {
    "base": {"base"},
    "wire": {"wire"},
    "agent": {"agent", "wire"},
    "collector": {"collector", "wire", "trace", "graph", "base"},
    "trace": {"trace", "base"},
    "import": {"import", "collector", "wire", "trace", "base"},
    "query": {"query", "trace", "base"},
    "loadable": {"loadable", "query", "trace"},
    "graph": {"graph", "trace", "base"},
    "export": {"export", "query", "graph", "trace", "base"},
    "view": {"view", "query", "graph", "trace", "base"},
    "cli": {"cli", "base", "wire", "trace", "collector", "import", "query", "graph", "export", "view"},
}
ONLY_IN = {r"\bsqlite3": "trace", r"[<\"](n?curses|ncursesw/|term\.h|panel\.h)": "view", r"<elfutils/|<dwarf\.h>|<libdeflate": "collector",
           r"<libunwind": "agent"}
TOP_LEVEL = {"CMakeLists.txt", "README.md", "LICENSE", "src", "include", "tests", "assets", "docs"}
MOST_LINES = 650


def tracked(source, *patterns):
    out = subprocess.run(["git", "-C", source, "ls-files", *patterns], capture_output=True, text=True)
    if out.returncode == 0 and out.stdout:
        return out.stdout.split()
    files = [str(p.relative_to(source)) for pattern in patterns for p in Path(source).glob(pattern.replace("*", "**/*", 1))]
    return [name for name in files if not name.startswith("build")]  # a release unpacked: no git says what is ours


def check_layers(source, _build):
    faults = []
    for name in tracked(source, "src/*.c", "src/*.h"):
        layer = name.split("/")[1]
        text = Path(source, name).read_text()
        for used in re.findall(r'#include "([a-z_]+)/', text):
            if used in MAY_USE and used not in MAY_USE[layer]:
                faults.append(f"{name}: layer {layer} may not include {used}/")
        for pattern, owner in ONLY_IN.items():
            if layer != owner and any(re.search(pattern, line) for line in re.findall(r"#include.*|sqlite3_\w+\(", text)):
                faults.append(f"{name}: only src/{owner} may name {pattern}")
    return faults


def check_top_level(source, _build):
    faults = [f"{name}: not one of the agreed names" for name in sorted({n.split("/")[0] for n in tracked(source, "*")})
              if name not in TOP_LEVEL and not name.startswith(".")]
    for name in tracked(source, "src/*.c", "src/*.h", "include/*.h"):
        lines = len(Path(source, name).read_text().splitlines())
        if lines > MOST_LINES:
            faults.append(f"{name}: {lines} lines, more than one subject")
    return faults


def tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    print(f"skipped: {names[0]} is not installed")
    sys.exit(77)


def check_format(source, _build):
    files = tracked(source, "src/*.c", "src/*.h", "include/*.h", "tests/*.c", "tests/*.h")
    run = subprocess.run([tool("clang-format-14", "clang-format"), "--dry-run", "-Werror", *files], cwd=source, capture_output=True,
                         text=True)
    return [line for line in run.stderr.splitlines() if "error:" in line] if run.returncode else []


def check_spelling(source, _build):
    files = tracked(source, "*.c", "*.h", "*.md", "*.py", "*.sh", "*.sql", "*.txt")
    run = subprocess.run([tool("codespell"), "--ignore-words-list", "ot,te,fo,nd,inout,sav,statics,wan,ans", *files], cwd=source,
                         capture_output=True, text=True)
    return run.stdout.splitlines()


def check_tidy(source, build):
    name = tool("clang-tidy-14", "clang-tidy")
    files = sorted({entry["file"] for entry in json.loads(Path(build, "compile_commands.json").read_text())
                    if entry["file"].startswith(os.path.join(source, "src") + "/") and entry["file"].endswith(".c")})

    # The static analyzer takes minutes: with the long tests only.
    checks = [] if os.environ.get("CAIRN_LONG") else ["-checks=-clang-analyzer-*"]

    def run(file):
        out = subprocess.run([name, "-quiet", *checks, "-p", build, file], capture_output=True, text=True)
        return [line for line in out.stdout.splitlines() if re.search(r": (warning|error): ", line)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [line for lines in pool.map(run, files) for line in lines]


def main():
    check, source, build = sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3])
    faults = globals()["check_" + check](source, build)
    for fault in faults:
        print(fault)
    print(f"{check}: {len(faults)} faults")
    sys.exit(bool(faults))


main()
