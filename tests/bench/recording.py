"""One run of a command, by itself or under a recorder: what it took and what it left behind.

A recorder is the words that stand before a command's own. What it costs is measured from outside, the same for all: the wall time to
the finished file, and the processor time of everything that ran (a shell that waits for its interpreter counts with it)."""
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# heaptrack's interpreter may want all memory there is: docs/benchmarks.md says when.
HEAPTRACK_ROOM = 4 << 30


class Failed(Exception):
    """The recorder, not the program: this run has no figures."""


class AnonymousWatch(threading.Thread):
    """The most memory of its own (RssAnon, bytes) that a process had, looked at every 5 ms."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.005):
            try:
                text = Path(f"/proc/{self.pid}/status").read_text()
            except OSError:
                return
            found = re.search(r"RssAnon:\s+(\d+)", text)
            self.most = max(self.most, int(found.group(1)) * 1024 if found else 0)


@dataclass
class Run:
    began_ns: int      # CLOCK_MONOTONIC
    ended_ns: int
    processor: float   # seconds, of the command and all that it waited for
    status: int
    out: str
    err: str
    anonymous: int     # bytes, of the command itself: of `cairn record`, where it is that

    @property
    def seconds(self):
        return (self.ended_ns - self.began_ns) / 1e9


class Process:
    """A command that runs. finish() waits for it, once."""

    def __init__(self, argv, env=None, address_room=None):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (address_room, address_room))) if address_room else None
        self.began_ns = time.monotonic_ns()
        self.process = subprocess.Popen([os.fspath(word) for word in argv], env=env, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.err, preexec_fn=limit)
        self.watch = AnonymousWatch(self.process.pid)

    def finish(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        ended_ns = time.monotonic_ns()
        self.watch.done.set()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return Run(self.began_ns, ended_ns, usage.ru_utime + usage.ru_stime, self.process.returncode, *texts, self.watch.most)


class Recorder:
    """`words(argv, file, options)`: the command line that records `argv` into `file`; `options` are the program's for `cairn record`."""

    def __init__(self, name, words, address_room=None):
        self.name, self.words, self.address_room = name, words, address_room

    def begin(self, argv, file, env=None, options=()):
        return Process(self.words(argv, file, options), env, self.address_room)

    def check(self, run):
        """The run, if it went well. heaptrack's failures are its own; any other one ends the measurement."""
        if run.status != 0 and self.name == "heaptrack":
            raise Failed(f"heaptrack: status {run.status}: {run.err.strip()[-200:]}")
        if run.status != 0:
            raise SystemExit(f"{self.name}: status {run.status}: {run.err.strip()[-500:]}")
        return run

    def record(self, argv, file, env=None, options=()):
        return self.check(self.begin(argv, file, env, options).finish())


def plain():
    return Recorder("plain", lambda argv, file, options: argv)


def cairn(build, name="cairn", more=()):
    """`cairn record` without object graphs, with `more` options."""
    words = [Path(build, "cairn"), "record", "--quiet", "--graph", "off", *more, "-f", "-o"]
    return Recorder(name, lambda argv, file, options: [*words, file, *options, "--", *argv])


def heaptrack():
    """None where it is not installed."""
    if not shutil.which("heaptrack"):
        return None
    return Recorder("heaptrack", lambda argv, file, options: ["heaptrack", "-o", file, *argv], HEAPTRACK_ROOM)


def made_file(file):
    """What was recorded as `file`, whatever was added to its name; None where nothing was."""
    return next((made for made in sorted(Path(file).parent.glob(Path(file).name + "*"))), None)


def info(build, trace):
    """What `cairn info` says of a trace."""
    told = subprocess.run([Path(build, "cairn"), "info", trace, "--format", "json"], check=True, capture_output=True)
    return json.loads(told.stdout)
