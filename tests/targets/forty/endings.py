"""Rows of the forty whose program or recorder is ended by somebody else: signals, full disks, the kernel."""
import ctypes
import json
import os
import random
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time
from pathlib import Path

from recording import BUILD, CAIRN, HANGS_S, Fault, Skip, check_books, expect, program, same

PIDFD_GETFD = 438  # the system call's number, the same on every machine
MADE = "the trace was neither left out nor is it readable"


def core(how, status):
    """The program's core file is as without us: one, of it, and whole."""
    def run(bench):
        cores = Path("/proc/sys/kernel/core_pattern").read_text().strip() == "core"
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        runs = []
        env = dict(os.environ, ASAN_OPTIONS="disable_coredump=0")  # a sanitized recorder forbids them to its children
        for record in (bench.run, lambda argv: bench.record(*argv, env=env)):
            folder = bench.fresh("books")
            runs.append(record([program("endings"), folder, how]))
            made = bench.path("core")
            if cores and os.path.exists(made):
                note = subprocess.run(["readelf", "-n", made], capture_output=True, text=True, check=False)
                expect("NT_PRSTATUS" in note.stdout and "Warning" not in note.stderr, f"the core is not intact: {note.stderr[:200]}")
                runs[-1] += ("core",)
                os.unlink(made)
        same(*runs)
        expect(len(runs[0]) == len(runs[1]), "the core is missing")
        expect(runs[0][0] == status, f"status {runs[0][0]}")
        check_books(bench, folder)
        return None if len(runs[0]) > 3 else "this system keeps no core here"

    return run


def start(bench, *argv, name="t.cairn", stdin=subprocess.DEVNULL, **more):
    return subprocess.Popen([CAIRN, "record", "--quiet", "-f", "-o", bench.path(name), "--", *argv], stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=bench.folder, **more)


def wait_for(holds, what):
    end = time.monotonic() + HANGS_S
    while not holds():
        expect(time.monotonic() < end, what)
        time.sleep(0.005)


def child_of(process):
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def begun(process, name):
    """The PID of the program that the recorder started, when it runs."""
    def runs():
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return children and os.path.basename(os.readlink(f"/proc/{children[0]}/exe")) == name

    wait_for(runs, "the program does not begin")
    return child_of(process)


def counted(path):
    words = Path(path).read_bytes() if os.path.exists(path) else b""
    return sum(struct.unpack(f"<{len(words) // 8}Q", words))


def allocations_of(bench, function):
    rows = bench.answer("top", bench.trace, "--no-skip", "--metric", "allocations", "--filter", f"^{function}$")["rows"]
    return sum(row["allocations"] for row in rows)


def killed_in_a_burst(bench):
    threads = 4
    record = start(bench, program("burst"), bench.path("counters"), str(threads))
    wait_for(lambda: counted(bench.path("counters")) > 0, "the burst does not begin")
    time.sleep(random.uniform(0.005, 0.3))
    os.kill(child_of(record), signal.SIGKILL)
    out, err = record.communicate(timeout=HANGS_S)
    expect((record.returncode, out, err) == (137, "", ""), f"status {record.returncode}: {err}")
    check_killed(bench, "burst_site", threads)


def check_killed(bench, function, most):
    info, count = bench.info(), counted(bench.path("counters"))
    expect(info["complete"] and info["signal"] == 9 and info["lost_events"] == 0, f"{info['signal']}, {info['lost_events']} lost")
    found = allocations_of(bench, function)
    expect(count <= found <= count + most, f"{count} counted, {found} recorded")


def memory_group(name, limit):
    """A control group with so much memory for a program of ours; its folder."""
    for top, file, value in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", limit), ("/sys/fs/cgroup", "memory.max", limit)):
        folder = os.path.join(top, name)
        if not os.path.isdir(top):
            continue
        try:
            os.mkdir(folder)
            Path(folder, file).write_text(str(value))
            return folder
        except OSError:
            if os.path.isdir(folder):
                os.rmdir(folder)
    raise Skip("no control group with a memory limit can be made here")


def killed_for_memory(bench):
    group = memory_group(f"cairn-forty-{os.getpid()}", 48 << 20)
    try:
        done = bench.record("sh", "-c", f"echo $$ >{group}/cgroup.procs && exec {program('hungry')} {bench.path('counters')}")
        expect(done == (137, "", ""), f"{done}")
        check_killed(bench, "hungry_site", 1)
        expect(counted(bench.path("counters")) > 10, "it was killed before it was hungry")
    finally:
        wait_for(lambda: not Path(group, "cgroup.procs").read_text().split(), "the control group is not left")
        os.rmdir(group)


def preloaded_already(bench):
    """A library that was there before stays, behind ours, and is called as often as ever."""
    env = dict(os.environ, LD_PRELOAD=program("counting_malloc.so"))
    folder = bench.fresh("books")
    plain = bench.run([program("alone"), bench.fresh("plain")], env=env)
    expect("the allocator was called" in plain[1], "the library was not preloaded")
    same(plain, bench.record(program("alone"), folder, env=env))
    check_books(bench, folder)


def reported(done, status_of_program):
    """The program's own output; one sentence on what failed; 125 where the program itself ended well."""
    status, out, err = done
    expect(status == (status_of_program or 125), f"status {status}: {err}")
    expect(len(err.strip().splitlines()) <= 3 and err.startswith("cairn: "), f"no sentence: {err!r}")


def check_partial(bench, err):
    """What was committed is readable and says that it is not everything; or there is nothing; or all was committed, and only the
    step to one file failed."""
    if not os.path.exists(bench.trace):
        return "no trace was left"
    status, out, complaint = bench.run([CAIRN, "info", bench.trace, "--format", "json"])
    expect(status == 0, f"{MADE}: {complaint}")
    info = json.loads(out)
    if info["complete"]:
        expect("-wal" in err and "--repair" in err and os.path.exists(bench.trace + "-wal"), f"the trace says it is complete: {err}")
        expect(bench.run([CAIRN, "info", "--repair", bench.trace])[0] == 0, "its two files cannot be made one")
        expect(bench.info() == {**info, "file_bytes": bench.info()["file_bytes"]}, "the trace changed")
        expect(not os.path.exists(bench.trace + "-wal"), "its two files are still two")
        return "whole, in two files"
    expect(info["stopped_why"] in ("disk full", "could not be written", None), info["stopped_why"])
    return f"readable up to {info['duration_ns'] / 1e9:.2f} s"


def full_disk(bench):
    """A file system of 2 MiB, in a name space of its own."""
    disk = bench.fresh("disk")
    bench.trace = disk + "/t.cairn"
    script = f"mount -t tmpfs -o size=2m none {disk} || exit 78; {CAIRN} record -q -f -o {bench.trace} -- {program('ledger')} " \
             f"3 2 300000 {bench.path('book')}; echo $? >{bench.path('status')}; cp -r {disk}/. {bench.path('kept')}"
    status, out, err = bench.run(["unshare", "-m", "sh", "-c", f"mkdir -p {bench.path('kept')}; {script}"])
    if status == 78 or "unshare:" in err:
        raise Skip("no file system can be mounted here")
    bench.trace = bench.path("kept/t.cairn")
    reported((int(Path(bench.path("status")).read_text()), out, err), 0)
    expect("full" in err, err)
    expect(os.path.getsize(bench.path("book")) > 0, "the program did not end as ever")
    return "disk: " + check_partial(bench, err)


def file_limit(bench):
    bench.trace = bench.path("limited.cairn")
    words = [program("ledger"), "3", "2", "1500000", bench.path("book")]
    done = bench.run(["sh", "-c", 'ulimit -f 16600; exec "$@"', "sh", CAIRN, "record", "-q", "-f", "-o", bench.trace, *words])
    reported(done, 0)
    expect(os.path.getsize(bench.path("book")) > 0, "the program did not end as ever")
    return "limit: " + check_partial(bench, done[2])


def read_only(bench):
    folder = bench.fresh("read-only")
    os.chmod(folder, 0o555)
    bench.trace = folder + "/t.cairn"
    command = [CAIRN, "record", "--quiet", "-f", "-o", bench.trace, "--", "true"]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            raise Skip("setpriv is missing")
        # Nobody may not enter every build folder.
        for name in ("cairn", "libcairn.so"):
            shutil.copy(BUILD / name, bench.folder)
        os.chmod(bench.folder, 0o755)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", bench.path("cairn"), *command[1:]]
    done = bench.run(command)
    expect(done[0] == 125 and "-o" in done[2] and not os.path.exists(bench.trace), f"{done}")
    return None


def recorder_killed(bench):
    """At any moment: the program goes on and ends as ever, what was committed is there, and can be completed."""
    plain = bench.run([program("stall"), "400"])
    record = start(bench, program("stall"), "400", bench.path("steps"))
    wait_for(lambda: os.path.exists(bench.trace + "-wal"), "no trace")
    begun(record, "stall")
    time.sleep(random.uniform(0.05, 0.3))
    record.kill()
    out, err = record.communicate(timeout=HANGS_S)  # the program holds the pipes until it ends
    expect((out, err) == plain[1:], f"{out}{err}")
    wait_for(lambda: os.path.exists(bench.path("steps")) and "longest" in Path(bench.path("steps")).read_text(), "the program did not end")
    expect(bench.info()["complete"] is False, "the trace says it is complete")
    expect("incomplete" in bench.run([CAIRN, "info", bench.trace])[1], "info does not say so")
    expect(bench.run([CAIRN, "info", "--repair", bench.trace])[0] == 0, "it cannot be repaired")
    info = bench.info()
    expect(info["complete"] and info["stopped_why"] == "recorder died", info["stopped_why"])
    longest = dict(line.split(maxsplit=1) for line in Path(bench.path("steps")).read_text().splitlines())["longest_us"]
    return f"the longest step took {int(longest) / 1000:.1f} ms"


def recorder_killed_in_a_graph(bench):
    """While it holds the program's threads and looks at an image of it: they go on, and no image stays."""
    plain = bench.run([program("stall"), "600"])
    record = start(bench, program("stall"), "600")
    wait_for(lambda: os.path.exists(bench.trace + "-wal"), "no trace")
    pid = begun(record, "stall")
    with subprocess.Popen([CAIRN, "snapshot", str(pid), "--graph"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        time.sleep(random.uniform(0, 0.15))
        record.kill()
    out, err = record.communicate(timeout=HANGS_S)  # the program holds the pipes, and so would an image, until they end
    expect((out, err) == plain[1:], f"{out}{err}")
    expect(bench.run([CAIRN, "info", "--repair", bench.trace])[0] == 0, "it cannot be repaired")


def listener_of(pid):
    """The socket on which that process listens, as our own."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            own = libc.syscall(PIDFD_GETFD, process, int(fd), 0)
            if own < 0:
                raise Skip("this system hands out no descriptors of other processes")
            if not stat.S_ISSOCK(os.fstat(own).st_mode):
                os.close(own)
                continue
            listener = socket.socket(fileno=own)
            if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return listener
            listener.close()
    finally:
        os.close(process)
    raise Fault("the recorder listens nowhere")


def recorder_dies_slowly(bench):
    """The kernel closes a killed recorder's socket only after it has given back all its memory; here the socket stays. What the
    program starts then must not wait for an answer as long as for a recorder that lives (ten seconds)."""
    took = []
    for reaped in (False, True):
        record = start(bench, "sh", "-c", "echo ready; read line; /bin/true; echo done", stdin=subprocess.PIPE)
        expect(record.stdout.readline() == "ready\n", "the program does not begin")
        with listener_of(record.pid):
            record.kill()
            os.waitid(os.P_PID, record.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
            began = time.monotonic()
            out, err = record.communicate("\n", timeout=HANGS_S)
            took.append(time.monotonic() - began)
        expect((out, err) == ("done\n", ""), f"{out}{err}")
    expect(max(took) < 5, f"the program waited {max(took):.1f} s for a recorder that is dead")
    return f"what it started then took {max(took) * 1000:.0f} ms"


def check_order(bench):
    """Nothing happened before what was written before it."""
    chunks = bench.rows("SELECT first_t_ns, last_t_ns FROM event_chunk ORDER BY chunk")
    times = [row[key] for row in chunks for key in ("first_t_ns", "last_t_ns")]
    expect(times and times == sorted(times) and times[0] >= 0, "events are not in order")
    duration = bench.info()["duration_ns"]
    expect(times[-1] <= duration < HANGS_S * 1e9, f"{duration} ns long, the last event at {times[-1]}")


def stepped_clock(bench):
    folder = bench.fresh("books")
    env = dict(os.environ, LD_PRELOAD=program("stepped_clock.so"))
    plain = bench.run([program("calls"), bench.fresh("plain"), "plain"])
    same(plain, bench.record("env", "-u", "X", program("calls"), folder, "plain", env=env))
    check_books(bench, folder)
    check_order(bench)


def suspended(bench):
    """Both stand still for a while, first one, then the other."""
    plain = bench.run([program("stall"), "300"])
    record = start(bench, program("stall"), "300")
    wait_for(lambda: os.path.exists(bench.trace + "-wal"), "no trace")
    begun(record, "stall")
    for pid in (child_of(record), record.pid):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.15)
        os.kill(pid, signal.SIGCONT)
    out, err = record.communicate(timeout=HANGS_S)
    expect((record.returncode, out, err) == plain, f"{record.returncode}: {out}{err}")
    expect(bench.info()["complete"] and bench.info()["lost_events"] == 0, "events were lost")
    check_order(bench)
