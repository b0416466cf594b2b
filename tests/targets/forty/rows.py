"""The forty targets: number, name, and a function that runs the row once on a bench. A row raises Fault where something does not
hold, Skip where the machine has not what it takes, and may return a word on what it saw."""
import glob
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import endings
from recording import CC, SOURCES, Fault, Skip, check_books, check_exact, expect, preloading, program, read_books, same

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
ALLOCATORS = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2*"}


def both(bench, argv, status=None, options=(), **more):
    """Runs plain and recorded; `{books}` in the words is a fresh folder each time. That folder of the recorded run."""
    def words(folder):
        return [str(word).replace("{books}", folder) for word in argv]

    plain = bench.run(words(bench.fresh("plain")), **more)
    if plain[0] == 77:
        raise Skip("this system does not let the program do it")
    expect(status is None or plain[0] == status, f"status {plain[0]} without a recorder: {plain[2]}")
    folder = bench.fresh("books")
    same(plain, bench.record(*words(folder), options=options, **more))
    return folder


def with_books(*argv, exact=False, count=None, uncounted=0, condition=None, **more):
    """A row whose program writes its books into {books}."""
    def run(bench):
        folder = both(bench, argv, **more)
        if exact:
            check_exact(bench, folder)
        else:
            kept = check_books(bench, folder, uncounted)
            expect(kept == (count or 1), f"{kept} books")
        return condition(bench, folder) if condition else None

    return run


def in_turn(*rows):
    """Several runs of one row; what cannot run here is said, the rest counts."""
    def run(bench):
        said, skipped = [], []
        for row in rows:
            try:
                said.append(row(bench))
            except Skip as skip:
                skipped.append(str(skip))
        if len(skipped) == len(rows):
            raise Skip("; ".join(skipped))
        return "; ".join([word for word in said if word] + ["without: " + word for word in skipped])

    return run


# --- Conditions ---


def signals_were_recorded_or_counted(bench, _folder):
    lost = bench.info()["lost_events"]
    return f"{lost} counted as lost" if lost else None


def children_are_processes(count):
    def check(bench, _folder):
        processes = bench.info()["processes"]
        expect(len(processes) == count + 1, f"{len(processes)} processes")
        expect(len({(row["pid"], row["started_ns"]) for row in processes}) == count + 1, "a process twice")
        expect(all(row["parent"] == 1 for row in processes[1:]), "somebody else's children")

    return check


def spawned(count):
    def check(bench, _folder):
        processes = bench.info()["processes"]
        expect(sum(row["program"].endswith("/true") for row in processes) == count, f"{len(processes)} processes")

    return check


def threads_are_counted(count):
    def check(bench, _folder):
        info = bench.info()
        expect(info["threads"] == count + 1, f"{info['threads']} threads")
        expect(info["rss_peak_bytes"] < 200 << 20, f"{info['rss_peak_bytes']} bytes resident")

    return check


def live_at_end(**functions):
    """These functions hold so many blocks and bytes at the end."""
    def check(bench, _folder):
        rows = bench.functions("--no-skip", "--filter", "books_")
        for name, wanted in functions.items():
            found = (rows[name]["live_blocks"], rows[name]["live_bytes"]) if name in rows else (0, 0)
            expect(found == wanted, f"{name} holds {found}, not {wanted}")

    return check


def own_stacks(**outer):
    """Every stack of what these functions allocate leads to main through nothing of `never`, and is whole."""
    def check(bench, _folder):
        for name, never in outer.items():
            rows = bench.answer("top", bench.trace, "--by", "stack", "--metric", "allocations", "--filter", f"^{name}")["rows"]
            expect(rows, f"nothing of {name}")
            for row in rows:
                names = [frame["function"] for frame in row["stack"]]
                expect(not any(word in (other or "") for other in names for word in never), f"{name} was called by {names}")
                expect(any(outermost in names for outermost in ("main", "coroutine")), f"a stack ends early: {names}")

    return check


def origins(*wanted):
    def check(bench, _folder):
        found = tuple(row["origin"] for row in bench.info()["processes"])
        expect(found == wanted, f"{found}")
        for row in bench.info()["processes"]:
            expect(row["ended_ns"] is not None, "a process without an end")

    return check


# --- Rows that are not a program with books ---


def dlopens(bench):
    both(bench, [program("dlopens"), "{books}", program("plugin_a.so"), program("plugin_b.so"), "200"], status=0)
    for name, size in (("plugin_a", 1111), ("plugin_b", 2222)):
        rows = bench.answer("top", bench.trace, "--no-skip", "--metric", "allocations", "--filter", f"^{name}_work$")["rows"]
        found = [(row["allocations"], row["allocated_bytes"], os.path.basename(row["module"])) for row in rows]
        expect(found == [(200, 200 * size, name + ".so")], f"{name}: {found}")


def check_ledger(bench, book, program_name):
    books = {name: int(value) for name, value in (line.split() for line in Path(book).read_text().splitlines())}
    span = ["--from", "@ledger-begin", "--to", "@ledger-end", "--at", "@ledger-end", "--filter", "^ledger_"]
    rows = bench.answer("top", bench.trace, "--no-skip", *span)["rows"]
    sums = {key: sum(row[key] for row in rows) for key in ("allocations", "reallocs", "allocated_bytes", "live_bytes", "live_blocks")}
    sums["allocations"] -= sums["reallocs"]
    for key, value in sums.items():
        expect(books[key] == value, f"{program_name}: {key}: {books[key]} counted, {value} recorded")


def shared_allocator(name):
    def run(bench):
        found = sorted(glob.glob(f"{LIBRARIES}/{ALLOCATORS[name]}"))
        if not found:
            raise Skip(f"{name} is not installed")
        words = ["5", "3", "20000", "{books}/book", "portable"]
        folder = both(bench, ["env", f"LD_PRELOAD={found[0]}", program("ledger"), *words], status=0)
        check_ledger(bench, folder + "/book", f"{name}, preloaded")
        linked = bench.compile(f"with_{name}", SOURCES / "ledger.c", f"-I{os.environ['CAIRN_INCLUDE']}", "-pthread", "-Wl,--no-as-needed",
                               found[0])
        folder = both(bench, [linked, *words], status=0)
        check_ledger(bench, folder + "/book", f"{name}, linked")

    return run


def static_allocator(name, *libraries):
    """A malloc that comes with the program is before ours: the recording must say so, and what to do."""
    def run(bench):
        found = [path for library in libraries for path in glob.glob(f"{LIBRARIES}/{library}")]
        if len(found) != len(libraries):
            raise Skip(f"{name} is not installed to be linked statically")
        source = SOURCES / "ledger.c"
        own = bench.compile(f"static_{name}", source, f"-I{os.environ['CAIRN_INCLUDE']}", *found, "-pthread", "-lstdc++", "-lm", "-ldl")
        both(bench, [own, "5", "3", "20000", "{books}/book", "portable"], status=0)
        told_of_own_allocator(bench, own)

    return run


def told_of_own_allocator(bench, *argv):
    notes = " ".join(note["text"] for note in bench.info()["notes"])
    expect("malloc of its own" in notes, f"no word of the program's own malloc: {notes!r}")
    status, _, err = bench.run([os.environ["CAIRN"], "record", "-f", "-o", bench.trace, *argv])
    expect("own" in err, f"no word in the summary: {err}")


def hidden_allocator(bench):
    """One that not even its name gives away: the recording is nearly empty."""
    source = Path(program_source("hidden_malloc.c"))
    hidden = bench.compile("hidden", source)
    both(bench, [hidden], status=0)
    notes = " ".join(note["text"] for note in bench.info()["notes"])
    expect("allocator of its own" in notes, f"an empty success: {notes!r}")
    _, _, err = bench.run([os.environ["CAIRN"], "record", "-f", "-o", bench.trace, hidden])
    expect("allocator of its own" in " ".join(err.split()), f"no word in the summary: {err}")


def program_source(name):
    return str(Path(__file__).resolve().parent / name)


def refused(bench, path, *words):
    began = time.monotonic()
    status, out, err = bench.record(path)
    expect(status == 126 and out == "", f"status {status}: {out}{err}")
    expect(all(word in err for word in words), err)
    expect(not os.path.exists(bench.trace), "a trace was left")
    return time.monotonic() - began


def static_program(bench):
    seconds = refused(bench, bench.compile("static", "int main(void) { return 0; }\n", "-static"), "statically linked")
    return f"refused after {seconds:.2f} s"


def raised_program(bench):
    path = bench.path("raised")
    shutil.copy("/bin/true", path)
    os.chmod(path, 0o4755)
    refused(bench, path, "setuid")
    os.chmod(path, 0o755)
    if not shutil.which("setcap", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        raise Skip("setcap is missing: setuid was refused, capabilities were not tried")
    if subprocess.run(["setcap", "cap_net_raw+ep", path], capture_output=True, check=False,
                      env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")).returncode != 0:
        return "setuid alone: this file system takes no capabilities"
    refused(bench, path, "capabilit")
    return None


def asan(bench):
    refused(bench, bench.compile("asan", "int main(void) { return 0; }\n", "-fsanitize=address"), "AddressSanitizer")


def rust(bench):
    if not shutil.which("rustc"):
        raise Skip("rustc is not installed")
    output = bench.path("rusty")
    done = subprocess.run(["rustc", "-g", "-O", "-o", output, program_source("rusty.rs")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"rustc cannot build it: {done.stderr.strip()[:100]}")
    folder = both(bench, [output, "{books}"], status=0)
    books, info = read_books(folder)[0], bench.info()
    others = info["events"]["alloc"] - books["allocations"]  # the C library's, for threads and files
    expect(0 <= others < 50 and 0 <= info["events"]["realloc"] - books["reallocs"] < 5, f"{info['events']}, {books}")
    rows = bench.answer("top", bench.trace, "--by", "stack", "--metric", "allocations", "--limit", "1")["rows"]
    expect(any("rusty" in (frame["function"] or "") for frame in rows[0]["stack"]), f"no name of ours in {rows[0]['stack']}")


def holes(bench):
    """Some linkers leave pages between segments: the loader knows the code's alone, and it has no ELF header."""
    linked = bench.compile("holes", program_source("calls.c"), "-Wl,-z,max-page-size=0x200000,-z,separate-code")
    with_books(linked, "{books}", "chain", status=0)(bench)


CGO = """package main
// #include <stdlib.h>
// static void *books_go(size_t size) { void *volatile block = malloc(size); return block; }
import "C"
import "fmt"
func main() { for i := 0; i < 1000; i++ { C.free(C.books_go(100)) }; fmt.Println("done") }
"""


def cgo(bench):
    if not shutil.which("go"):
        raise Skip("go is not installed")
    folder = bench.fresh("cgo")
    Path(folder, "main.go").write_text(CGO)
    done = subprocess.run(["go", "build", "-o", folder + "/cgo", folder + "/main.go"], capture_output=True, text=True, check=False,
                          env=dict(os.environ, CGO_ENABLED="1", GOCACHE=folder, GOFLAGS="-mod=mod", GO111MODULE="off"))
    if done.returncode != 0:
        raise Skip(f"go cannot build it: {done.stderr.strip()[:100]}")
    both(bench, [folder + "/cgo"], status=0)
    expect(bench.functions("--metric", "allocations", "--no-skip")["books_go"]["allocations"] == 1000, "not every call was counted")


def greenlets(bench):
    """Two greenlets that hand over to each other: what each allocates is charged to it."""
    script = bench.path("green.py")
    Path(script).write_text("import greenlet\nkept = []\ndef left():\n    for i in range(500):\n        kept.append(bytearray(3000))\n"
                            "        b.switch()\ndef right():\n    for i in range(500):\n        kept.append(bytearray(5000))\n"
                            "        a.switch()\na = greenlet.greenlet(left)\nb = greenlet.greenlet(right)\na.switch()\nprint(len(kept))\n")
    python = next((path for path in ("python3", "/usr/bin/python3")
                   if subprocess.run([path, "-c", "import greenlet"], capture_output=True, check=False).returncode == 0), None)
    if not python:
        raise Skip("no Python here has greenlet")
    both(bench, [python, script], status=0)
    rows = bench.functions("--lang", "python")
    for name, least in (("left", 500 * 3000), ("right", 500 * 5000)):
        expect(name in rows and least <= rows[name]["live_bytes"] <= least * 1.05, f"{name}: {rows.get(name)}")


def huge_sums(bench, _folder):
    expect(bench.info()["allocated_bytes"] == 100 << 30, "the sum is not 100 GiB")


def namespace(bench):
    argv = ["unshare", "--pid", "--fork", program("forks"), "{books}", "20"]
    if bench.run(["unshare", "--pid", "--fork", "true"])[0] != 0:
        raise Skip("no PID namespace can be made here")
    folder = both(bench, argv, status=0)
    books = read_books(folder)
    totals = bench.rows("SELECT count(DISTINCT process) AS processes, sum(allocations) AS allocations, sum(allocated_bytes) AS bytes "
                        "FROM account JOIN process USING (process) WHERE program LIKE '%/forks' AND domain <= 3")[0]
    wanted = (len(books), sum(book["allocations"] for book in books), sum(book["allocated_bytes"] for book in books))
    expect(tuple(totals.values()) == wanted, f"{tuple(totals.values())} recorded, {wanted} counted")
    expect(bench.info()["lost_events"] == 0, "events were lost")


def numbers_again(bench):
    """Recorder and program together in a namespace where every child gets the same number."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc"]
    plain = bench.run([*inside, program("reuse"), "20"])
    if plain[0] != 0:
        raise Skip("process numbers cannot be chosen here")
    same(plain, bench.record(program("reuse"), "20", prefix=inside))
    children = bench.info()["processes"][1:]
    expect(len(children) == 20 and len({row["pid"] for row in children}) == 1, f"{len(children)} children")
    found = [row["n"] for row in bench.rows("SELECT sum(allocations) AS n FROM account WHERE process > 1 GROUP BY process ORDER BY process")]
    expect(found == list(range(1, 21)), f"{found}")


def alone(bench):
    with_books(program("alone"), "{books}", status=0)(bench)
    with_books(*preloading("counting_malloc.so", program("alone"), "{books}"), status=0)(bench)


def vandal(bench):
    """What a program writes over its rings is no harm to the recorder, and does not pass for a whole recording."""
    told = 0
    for where in ("data", "cursors", "header"):
        for _ in range(4):
            seed = random.randrange(1 << 30)
            done = bench.record(program("vandal"), str(seed), where)
            expect(done == (137, "", ""), f"{where}, seed {seed}: {done}")
            info = bench.info()
            bench.answer("top", bench.trace, "--at", "end")
            told += any("overwritten" in note["text"] for note in info["notes"])
    expect(told > 0, "no word of the rings")
    return f"{told} of 12 recordings say so"


def sandbox(how, **more):
    return with_books(program("sandbox"), "{books}", how, exact=how not in ("closefds",), **more)


def ending(how, status, *more, **conditions):
    return with_books(program("endings"), "{books}", how, *more, status=status, **conditions)


def calls(how, condition=None):
    return with_books(program("calls"), "{books}", how, exact=True, status=0, condition=condition)


FLOWS, POOL = program("flows"), "pool_malloc.so"
ROWS = [
    (1, "malloc in a signal handler", with_books(*preloading(POOL, program("signal_malloc"), "{books}"), status=0,
                                                 condition=signals_were_recorded_or_counted)),
    (2, "1,000 forks, children allocate", with_books(program("forks"), "{books}", "1000", status=0, count=1001,
                                                     condition=children_are_processes(1000))),
    (3, "raw clone without CLONE_VM", with_books(program("forks"), "{books}", "1000", "raw", status=0,
                                                 condition=children_are_processes(1000))),
    (4, "vfork + exec, posix_spawn", with_books(program("spawns"), "{books}", "333", "/bin/true", exact=False, status=0,
                                                condition=spawned(999))),
    (5, "10,000 short threads", with_books(program("short_threads"), "{books}", "10000", "books", status=0,
                                           condition=threads_are_counted(10000))),
    (6, "main calls pthread_exit", ending("main", 6, "books")),
    (7, "daemon closes fds 3–1023", sandbox("closefds", status=0)),
    (8, "dlopen/dlclose at reused addresses", dlopens),
    (9, "realloc chains", calls("chain", live_at_end(books_realloc=(1, 300000), books_malloc=(0, 0)))),
    (10, "realloc(p, 0); failing realloc", calls("nothing", live_at_end(books_malloc=(1, 100), books_realloc=(0, 0)))),
    (11, "malloc(0)", calls("empty")),
    (12, "failing mallocs under RLIMIT_AS", sandbox("memory", status=0)),
    (13, "aligned_alloc, memalign, valloc, …", calls("aligned")),
    (14, "sized and aligned delete; free_sized", with_books(program("news"), "{books}", "deletes", status=0,
                                                            condition=live_at_end(books_deletes=(0, 0), books_malloc=(0, 0)))),
    (15, "own operator new over a static pool", with_books(program("news_pool"), "{books}", "pool", status=0)),
    (16, "jemalloc, tcmalloc, mimalloc, shared", in_turn(*map(shared_allocator, ALLOCATORS))),
    (17, "the same, linked statically", in_turn(static_allocator("jemalloc", "libjemalloc.a"),
                                                static_allocator("tcmalloc", "libtcmalloc_minimal.a"),
                                                static_allocator("mimalloc", "libmimalloc.a"), hidden_allocator)),
    (18, "static ELF", static_program),
    (19, "setuid, file capabilities", raised_program),
    (20, "seccomp strict / filter", in_turn(sandbox("strict", status=0), sandbox("filter", status=0))),
    (21, "chroot, unreadable /proc", in_turn(sandbox("chroot", status=0), sandbox("noproc", status=0))),
    (22, "stack overflow with sigaltstack", with_books(FLOWS, "{books}", "overflow", status=0, exact=True,
                                                       condition=own_stacks(books_after=["overflow_deeper", "on_overflow"]))),
    (23, "abort, SIGSEGV", in_turn(endings.core("abort", 134), endings.core("segv", 139))),
    (24, "SIGKILL in a burst", endings.killed_in_a_burst),
    (25, "killed for memory", endings.killed_for_memory),
    (26, "_exit, quick_exit, exit in a thread", in_turn(ending("_exit", 8, exact=True), ending("_Exit", 9, exact=True),
                                                        ending("quick_exit", 10, exact=True), ending("thread", 5, "books"),
                                                    ending("group", 12, exact=True))),
    (27, "atexit and destructor allocations", ending("atexit", 4, exact=True)),
    (28, "TLS-destructor allocations", with_books(program("short_threads"), "{books}", "400", "books", status=0)),
    (29, "pthread_cancel, async", with_books(*preloading(POOL, FLOWS, "{books}", "cancel"), status=0, uncounted=100)),
    (30, "exceptions, longjmp", in_turn(
        with_books(FLOWS, "{books}", "jump", status=0, exact=True, condition=own_stacks(books_after=["jump_deeper"])),
        with_books(program("news"), "{books}", "throws", status=0, condition=own_stacks(books_after=["thrower"])))),
    (31, "makecontext, coroutines, greenlets", in_turn(
        with_books(FLOWS, "{books}", "contexts", status=0, exact=True,
                   condition=own_stacks(books_left=["books_right"], books_right=["books_left"], books_after=["coroutine"])), greenlets)),
    (32, "exec of itself", ending("exec", 11, condition=origins("start", "exec"))),
    (33, "LD_PRELOAD already set", endings.preloaded_already),
    (34, "ASan build", asan),
    (35, "Go, Rust, JIT code", in_turn(with_books(FLOWS, "{books}", "code", status=0, exact=True,
                                                  condition=own_stacks(books_after=["books_called"])), holes, rust, cgo)),
    (36, "100 GB of virtual allocations", calls("huge", huge_sums)),
    (37, "full disk, RLIMIT_FSIZE, read-only folder", in_turn(endings.full_disk, endings.file_limit, endings.read_only)),
    (38, "collector SIGKILLed", in_turn(endings.recorder_killed, endings.recorder_killed_in_a_graph,
                                           endings.recorder_dies_slowly)),
    (39, "clock stepped, suspended", in_turn(endings.stepped_clock, endings.suspended)),
    (40, "PID namespace, PID reuse", in_turn(namespace, numbers_again)),
    (41, "nothing of ours in the process", alone),
    (42, "rubbish in its own rings", vandal),
    (43, "ended by other signals", in_turn(*(ending("signal", 128 + number, str(number), exact=True)
                                             for number in (signal.SIGTERM, signal.SIGPIPE, signal.SIGALRM, signal.SIGILL,
                                                            signal.SIGXCPU, signal.SIGRTMIN + 3)))),
]
