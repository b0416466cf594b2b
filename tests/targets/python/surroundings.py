"""The programs of test_surroundings.py, and what must hold of each. work() makes 1,000 blocks of its own."""
from dataclasses import dataclass, field
from pathlib import Path

EMBEDS = "tests/targets/python/embeds"  # in the build folder

WORK = """
def work(count=1000):
    kept = []
    for number in range(count):
        kept.append(bytes(300 + number % 7))
    return kept
"""

SCRIPTS = {
    "plain": "kept = work()\nprint(len(kept))\n",
    "raises": "kept = work()\nraise ValueError('no')\n",
    "exits": "import sys\nkept = work()\nsys.exit(7)\n",
    "exits_early": "import os\nkept = work()\nprint('lost')\nos._exit(5)\n",
    "killed": "import os, signal\nkept = work()\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "terminated": "import os, signal\nkept = work()\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "interrupted": "import os, signal\nkept = work()\nos.kill(os.getpid(), signal.SIGINT)\n",
    "aborts": "import os\nkept = work()\nos.abort()\n",
    "crashes": "import ctypes\nkept = work()\nctypes.string_at(8)\n",
    "syntax": "def work(:\n",
    "in_exit": """
import atexit, gc
@atexit.register
def last():
    kept = work()
    print('last', len(kept))
""",
    "closes": """
import os
first = work(10)
os.closerange(3, 1024)
kept = work()
print(len(kept))
os.closerange(0, 3)
again = work()
""",
    "profiled": """
import sys, threading
seen = []
def watch(frame, event, argument):
    seen.append((event, frame.f_code.co_name))
sys.setprofile(watch)
threading.setprofile(watch)
kept = work()
thread = threading.Thread(target=work)
thread.start(), thread.join()
sys.setprofile(None)
own = [event for event, name in seen if name == 'work']  # the rest depends on who waits for whom
print(len(own), own[:3], own[-3:], sys.getprofile())
sys.settrace(lambda *words: None)
kept = work()
print(sys.gettrace() is not None)
""",
    "tracemalloc": """
import tracemalloc
tracemalloc.start(5)
kept = work()
snapshot = tracemalloc.take_snapshot()
own = snapshot.filter_traces([tracemalloc.Filter(True, __file__)]).statistics('lineno')
print([(row.traceback[0].lineno, row.count) for row in own if row.count > 500])
print(tracemalloc.get_object_traceback(kept[5]))
tracemalloc.stop()
again = work()
""",
    "threads": """
import threading
threads = [threading.Thread(target=work, args=(100,)) for _ in range(10)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(threads))
""",
    "thread_raises": """
import threading
def fails():
    kept = work()
    raise KeyError('in a thread')
thread = threading.Thread(target=fails, name='failing')
thread.start(), thread.join()
""",
    "recursion": """
import sys
def down(depth):
    try:
        return down(depth + 1)
    except RecursionError:
        return depth
kept = work()
print(down(0), down(0))
try:
    [0] * (1 << 60)
except MemoryError as error:
    print('no memory', error)
""",
    "asyncio": """
import asyncio
async def leaf():
    await asyncio.sleep(0)
    return work(100)
async def everything():
    return await asyncio.gather(*(leaf() for _ in range(10)))
print(len(asyncio.run(everything())))
""",
    "pool": """
import multiprocessing, sys
def task(count):
    return len(work(count))
if __name__ == '__main__':
    context = multiprocessing.get_context(sys.argv[1])
    workers = [context.Process(target=task, args=(1000,)) for _ in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    with context.Pool(1) as pool:
        print(pool.map(task, [1000, 1000]), [worker.exitcode for worker in workers])
""",
    "children": """
import os, subprocess, sys
kept = work()
code = open(__file__).read().split('import os')[0] + 'kept = work(); import sys; print(len(kept)); sys.exit(4)'
for env in (None, {}):
    done = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True)
    print(done.returncode, done.stdout, done.stderr)
print(subprocess.run(['sh', '-c', 'exit 3']).returncode)
""",
    "forks": """
import os, sys, threading
kept = work(10)
def child(status):
    again = work()
    os._exit(status)
for status in (0, 9):
    pid = os.fork()
    if pid == 0:
        child(status)
    print(os.waitpid(pid, 0)[1])
def in_thread():
    pid = os.fork()
    if pid == 0:
        child(6)
    print(os.waitpid(pid, 0)[1])
thread = threading.Thread(target=in_thread)
thread.start(), thread.join()
""",
    # As gunicorn does: bind, fork, workers accept; the master replaces one that dies and stops the rest by SIGTERM.
    "prefork": """
import os, signal, socket
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen(16)
def handle(connection):
    request = connection.recv(100)
    kept = work(100)
    connection.sendall(request + b' %d' % len(kept))
    connection.close()
    return request == b'die'
def worker():
    def stop(*_):
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, stop)
    alive = work()
    while True:
        if handle(server.accept()[0]):
            os.kill(os.getpid(), signal.SIGKILL)
def spawn():
    pid = os.fork()
    if pid == 0:
        worker()
    return pid
def ask(text):
    client = socket.create_connection(server.getsockname())
    client.sendall(text)
    answer = client.recv(100)
    client.close()
    return answer
workers = [spawn() for _ in range(3)]
print([ask(b'request') for _ in range(12)])
print(ask(b'die'))
pid, status = os.waitpid(-1, 0)
print(pid in workers, status)
workers[workers.index(pid)] = spawn()
import time
time.sleep(0.3)
for pid in workers: os.kill(pid, signal.SIGTERM)
print([os.waitpid(pid, 0)[1] for pid in workers])
""",
}

MODULE = "import sys\nkept = work()\nprint(__name__, __package__, len(kept), sys.argv[1:])\n"
VENV = "import sys\nkept = work()\nprint(sys.prefix != sys.base_prefix, len(kept))\n"


@dataclass
class Case:
    name: str
    argv: list
    function: str = "work"  # which must have Python stacks
    processes: int = 1  # in which it must
    says: str = None  # part of what the program says, recorded or not
    endings: list = field(default_factory=list)  # (exit status, signal) that some process must have
    env: dict = field(default_factory=dict)
    options: list = field(default_factory=list)
    needs: str = None


def script(name, *words, **more):
    return Case(more.pop("named", name), ["{python}", *more.pop("flags", ()), f"case_{name}.py", *words], **more)


def embedded(mode, lives):
    text = "exec(open('{folder}/case_embedded.py').read())"
    return Case(f"embedded-{mode}-{lives}", ["{embeds}", "{library}", mode, str(lives), text], needs="library", env={"PYTHONHOME": "{prefix}"})


CASES = [
    Case("missing", ["{python}", "not_here.py"], function=None, says="can't open file"),
    Case("no-module", ["{python}", "-m", "not_here"], function=None, says="No module named"),
    Case("command", ["{python}", "-c", "def work():\n for _ in range(1000): kept = bytes(300)\nwork(), print(\'done\')"], says="done"),
    Case("module", ["{python}", "-m", "package.tool", "--option"], says="__main__ package 1000 ['--option']"),
    Case("venv", ["{folder}/env/bin/python", "case_venv.py"], needs="venv", says="True 1000"),
    Case("startup-hook", ["{python}", "case_plain.py"], env={"PYTHONSTARTUP": "nothing.py", "PYTHONINSPECT": ""}, says="1000"),
    script("syntax", function=None, says="SyntaxError"),
    script("raises", says="ValueError: no"),
    script("exits"),
    script("exits_early"),
    script("killed", endings=[(None, 9)]),
    script("terminated"),
    script("interrupted", says="KeyboardInterrupt"),
    script("aborts"),
    script("crashes"),
    script("in_exit", says="last 1000"),
    script("closes", says="1000"),
    script("profiled", says="True"),
    script("tracemalloc", says="case_tracemalloc.py:"),
    script("threads"),
    script("thread_raises", says="in a thread"),
    script("recursion", says="no memory"),
    script("asyncio", says="10"),
    script("plain", named="native", options=["--native"]),
    script("plain", named="shallow", options=["--max-depth", "3"]),
    *(script("plain", named=f"malloc-{name}", env={"PYTHONMALLOC": name}, says="1000")
      for name in ("malloc", "debug", "malloc_debug", "pymalloc", "pymalloc_debug")),
    *(script("plain", named="flags" + "".join(flags), flags=flags, says="1000")
      for flags in (("-X", "dev"), ("-I",), ("-S", "-E"), ("-X", "tracemalloc=3"), ("-X", "faulthandler"), ("-OO",), ("-u",))),
    script("pool", "fork", named="multiprocessing-fork", processes=3, says="[1000, 1000] [0, 0]"),
    script("pool", "spawn", named="multiprocessing-spawn", processes=3, says="[1000, 1000] [0, 0]"),
    script("pool", "forkserver", named="multiprocessing-forkserver", processes=3, says="[1000, 1000] [0, 0]"),
    script("children", processes=3, says="4 1000", endings=[(4, None), (4, None), (3, None)]),
    script("forks", env={"PYTHONWARNINGS": "ignore"}, processes=3, says="2304", endings=[(9, None), (6, None)]),
    script("prefork", processes=4, says="True 9", endings=[(0, None)] * 4),
    *(embedded(mode, lives) for mode in ("global", "local") for lives in (1, 3)),
]


def write(folder):
    """Writes all programs into `folder`, which it makes; returns it."""
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").touch()
    (folder / "package" / "tool.py").write_text(WORK + MODULE)
    texts = {**SCRIPTS, "venv": VENV, "embedded": SCRIPTS["plain"]}
    for name, text in texts.items():
        (folder / f"case_{name}.py").write_text(text if name == "syntax" else WORK + text)
    return folder
