"""How much of what reads strangers' bytes the unit tests and the fuzzers' corpora run: lines, by gcov.

    python3 tests/coverage.py [--build FOLDER] [--least PERCENT] [--only-print] [--missing]

Builds these tests with the coverage preset (build/coverage), runs them, and prints a line a file and the sum; status 1 when the sum is below
PERCENT (90). --missing lists the lines that nothing ran.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
# Decoders and the reader; the importers; rings, which a broken program may have written.
SUBJECTS = ("src/base/json_value.c", "src/base/sanitise.c", "src/trace/event_columns.c", "src/trace/event_decode.c", "src/trace/graph_*.c", "src/trace/histogram.c",
            "src/trace/reader*.c", "src/trace/totals*.c", "src/trace/untold.c", "src/trace/varint.c", "src/import/*.c", "src/collector/ring_reader.c")
TARGETS = ("events", "totals", "graph", "text", "ring", "files", "import", "sql", "trace", "rows")
UNITS = ("test_json_value", "test_sanitise", "test_reader_state", "test_reader_rows", "test_reader_live", "test_reader_open", "test_events", "test_totals", "test_totals_group",
         "test_reader_graph", "test_lines")


def build(folder):
    """Configures and builds; what goes wrong is shown."""
    jobs = str(os.cpu_count() or 1)
    for words in (["cmake", "-S", TOP, "-B", folder, "-C", TOP / "tests/presets/coverage.cmake"],
                  ["cmake", "--build", folder, "-j", jobs, "--target", *UNITS, *(f"replay_{name}" for name in TARGETS)]):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nThe build failed.")


def run(folder):
    for old in folder.rglob("*.gcda"):
        old.unlink()
    wanted = "|".join([*(f"unit\\..*\\.{name}" for name in UNITS), *(f"fuzz\\.{name}" for name in TARGETS)])
    done = subprocess.run(["ctest", "--output-on-failure", "-R", f"^({wanted})$"], cwd=folder, check=False)
    if done.returncode:
        sys.exit("A test failed.")


def lines_of(folder):
    """{file: {line: times}} of the subjects, summed over the programs that they are linked into."""
    found = {path.relative_to(TOP): {} for pattern in SUBJECTS for path in TOP.glob(pattern)}
    notes = [str(path) for path in (folder / "src").rglob("*.gcda")]
    done = subprocess.run(["gcov", "--json-format", "--stdout", *notes], capture_output=True, text=True, check=True)
    for report in done.stdout.splitlines():
        for source in json.loads(report)["files"]:
            path = pathlib.Path(source["file"])
            counts = found.get(path.relative_to(TOP) if path.is_absolute() and path.is_relative_to(TOP) else path)
            for line in source["lines"] if counts is not None else ():
                counts[line["line_number"]] = counts.get(line["line_number"], 0) + line["count"]
    return found


def ranges(numbers):
    texts, numbers = [], sorted(numbers)
    while numbers:
        end = 0
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        texts.append(str(numbers[0]) if end == 0 else f"{numbers[0]}-{numbers[end]}")
        numbers = numbers[end + 1:]
    return " ".join(texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build/coverage", metavar="FOLDER")
    parser.add_argument("--least", type=float, default=90.0, metavar="PERCENT")
    parser.add_argument("--only-print", action="store_true", help="what the last run found")
    parser.add_argument("--missing", action="store_true", help="the lines that nothing ran")
    arguments = parser.parse_args()
    folder = arguments.build.resolve()
    if not arguments.only_print:
        build(folder)
        run(folder)
    ran = lines = 0
    for path, counts in sorted(lines_of(folder).items()):
        missing = [line for line, times in counts.items() if not times]
        ran, lines = ran + len(counts) - len(missing), lines + len(counts)
        percent = f"{100 * (len(counts) - len(missing)) / len(counts):5.1f} %" if counts else "not run"
        print(f"{percent}  {len(counts):5}  {path}", ("  " + ranges(missing)) if arguments.missing and missing else "")
    percent = 100 * ran / lines if lines else 0
    print(f"{percent:5.1f} %  {lines:5}  all")
    return percent < arguments.least


if __name__ == "__main__":
    sys.exit(main())
