"""One program run plain and under `cairn record`, and what the recording says beside the program's own books."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CAIRN = os.environ["CAIRN"]
BUILD = Path(os.environ["CAIRN_BUILD"])
CC = os.environ.get("CC", "cc")
SOURCES = Path(__file__).resolve().parent.parent
TARGETS = BUILD / "tests" / "targets"
HANGS_S = 300  # nothing here takes a tenth of it

# Frames that books_… functions are, or are inlined into; stacks through them; what was allocated there, by process. What a thread
# allocates in a handler in the middle of an event, or after its end, has no stack.
BY_BOOKS = r"""
WITH RECURSIVE named(frame) AS (
  SELECT frame FROM frame_text WHERE function LIKE '%books\_%' ESCAPE '\'
  UNION SELECT f.frame FROM frame f JOIN named ON f.inlined_into = named.frame),
mine(stack) AS (
  SELECT stack FROM stack WHERE frame IN named
  UNION SELECT s.stack FROM stack s JOIN mine ON s.parent = mine.stack)
SELECT pid, p.process, sum(allocations) - sum(reallocs) AS allocations, sum(reallocs) AS reallocs,
  sum(allocated_bytes) AS allocated_bytes, sum(live_bytes) AS live_bytes, sum(live_blocks) AS live_blocks
FROM account a JOIN process p USING (process) WHERE (a.stack IN mine OR a.stack = 0) AND domain <= 3 GROUP BY p.process"""


class Fault(Exception):
    """Something does not hold."""


class Skip(Exception):
    """This machine has not what the row needs."""


def expect(holds, what):
    if not holds:
        raise Fault(what)


def program(name):
    for folder in (TARGETS, TARGETS / "forty"):
        if (folder / name).exists():
            return str(folder / name)
    raise Fault(f"{name} was not built")


def preloading(library, *argv):
    """The program alone gets the library: the recorder is not tested with it."""
    return ["env", f"LD_PRELOAD={program(library)}", *argv]


class Bench:
    """A folder for one run of one row."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cairn-forty-")
        os.chmod(self.folder, 0o755)
        self.trace = self.path("t.cairn")

    def path(self, name):
        return os.path.join(self.folder, name)

    def release(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self, name):
        path = self.path(name)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        return path

    def compile(self, name, source, *flags, compiler=CC):
        """A program of that source, a file or a text; skips where it cannot be made."""
        output = self.path(name)
        if not os.path.exists(str(source)):
            text, source = source, self.path(name + ".c")
            Path(source).write_text(text)
        done = subprocess.run([compiler, "-g", "-O1", "-fno-builtin", "-D_GNU_SOURCE", "-o", output, source, *flags],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"{name} cannot be built here: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no reason given'}")
        return output

    def run(self, argv, **more):
        """(status as a shell tells it, output, errors); a hang is a fault."""
        try:
            done = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS_S, check=False,
                                  cwd=self.folder, **more)
        except subprocess.TimeoutExpired:
            raise Fault(f"it hangs: {' '.join(map(str, argv))}") from None
        status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        return status, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def record(self, *argv, options=(), prefix=(), **more):
        return self.run([*prefix, CAIRN, "record", "--quiet", "-f", "-o", self.trace, *options, "--", *argv], **more)

    def answer(self, *words):
        status, out, err = self.run([CAIRN, *words, "--format", "json"])
        expect(status == 0, f"cairn {words[0]}: {err}")
        return json.loads(out)

    def info(self):
        return self.answer("info", self.trace)

    def rows(self, query):
        answer = self.answer("sql", self.trace, query)["results"][0]
        return [dict(zip(answer["columns"], row)) for row in answer["rows"]]

    def functions(self, *options):
        """Live and allocated by function, at the end."""
        return {row["function"]: row for row in self.answer("top", self.trace, "--at", "end", *options)["rows"]}


def same(plain, recorded):
    for what, a, b in zip(("status", "output", "errors"), plain, recorded):
        expect(a == b, f"{what}: {str(a)[:200]!r} plain, {str(b)[:200]!r} recorded")


def read_books(folder):
    """The books of every process that wrote some."""
    books = []
    for path in sorted(Path(folder).iterdir()):
        if path.name.isdigit():
            books.append({name: int(value) for name, value in (line.rsplit(" ", 1) for line in path.read_text().splitlines())})
    return books


def check_books(bench, folder, most_uncounted=0):
    """Recorded and reported as lost are together what the program counted, by process. How many kept books."""
    info = bench.info()
    expect(info["complete"], "the trace says it is not complete")
    lost = info["lost_events"]
    newest = {}
    for row in bench.rows(BY_BOOKS):
        if row["process"] > newest.get(row["pid"], {"process": 0})["process"]:
            newest[row["pid"]] = row
    books = read_books(folder)
    for book in books:
        row = newest.get(book["pid"])
        expect(row or not book["allocations"], f"nothing of process {book['pid']} was recorded")
        for key in ("allocations", "reallocs", "allocated_bytes", "live_bytes", "live_blocks"):
            if key not in book or not row:
                continue
            missing = book[key] - row[key]
            if key in ("allocations", "reallocs"):
                holds = -most_uncounted <= missing <= lost
            else:
                holds = missing == 0 or lost or most_uncounted
            expect(holds, f"{key} of process {book['pid']}: {book[key]} counted, {row[key]} recorded, {lost} lost")
    return len(books)


def check_exact(bench, folder):
    """A program where nobody else allocates: the whole recording is its books."""
    book = read_books(folder)
    expect(len(book) == 1, f"{len(book)} books")
    info = bench.info()
    events = info["events"]
    found = {"allocations": events["alloc"], "reallocs": events["realloc"], "frees": events["free"],
             "allocated_bytes": info["allocated_bytes"], "live_bytes": info["end"]["bytes"], "live_blocks": info["end"]["blocks"],
             "peak_bytes": info["peak"]["bytes"]}
    for key, value in found.items():
        expect(book[0].get(key, value) == value, f"{key}: {book[0].get(key)} counted, {value} recorded")
    expect(events["unknown_free"] == 0 and info["lost_events"] == 0, f"{events}, {info['lost_events']} lost")
