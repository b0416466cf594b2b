"""A terminal of tmux with a private socket: types keys, waits for text with a bound, never sleeps blindly."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

CAIRN = os.environ["CAIRN"]
TRACE = os.environ["CAIRN_TRACE"]
PATIENCE = 60 if os.environ.get("CAIRN_SANITIZE") else 20


def wait_until(condition, what, patience=PATIENCE):
    """Polls until `condition` is true; what it returned."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s for {what() if callable(what) else what}")
        time.sleep(0.02)


def is_running(pid):
    """Whether the process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def wake_ups(pid):
    """How often its threads slept so far."""
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii", errors="replace") as status:
            count += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M)[1])
    return count


class Terminal:
    """A shell in a tmux of its own. Close it in the end."""

    def __init__(self, width=80, height=24, env=None, term="tmux-256color"):
        self.folder = tempfile.mkdtemp(prefix="cairn-tmux-")
        shutil.copy(TRACE, os.path.join(self.folder, "shop.cairn"))
        self.socket = "cairn-" + uuid.uuid4().hex[:12]
        environment = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR", "LANG", "LC_CTYPE", "EDITOR", "VISUAL")}
        environment.update(LC_ALL="C.UTF-8", HOME=self.folder, XDG_CONFIG_HOME=self.folder, XDG_STATE_HOME=self.folder, PS1="$ ")
        # tmux itself always speaks UTF-8; what the program sees is set in the shell.
        self.environment = environment
        self.tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "sh")
        self.tmux("set", "-g", "default-terminal", "tmux-256color")
        self.tmux("set", "-g", "remain-on-exit", "off")
        self.tmux("resize-window", "-x", str(width), "-y", str(height))
        self.type(f"export TERM={term}; cd {self.folder}; PS1='$ '; clear", "Enter")
        for key, value in (env or {}).items():
            self.type(f"export {key}={value}", "Enter")
        self.type("clear; echo rea''dy", "Enter")
        self.wait_for("ready")

    def tmux(self, *words, check=True):
        done = subprocess.run(["tmux", "-L", self.socket, *words], env=self.environment, capture_output=True, text=True, timeout=30,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"tmux {words}: {done.stderr}")
        return done.stdout

    def type(self, text, *keys):
        """Types text as it is, then keys by tmux's names."""
        if text:
            self.tmux("send-keys", "-l", text)
        if keys:
            self.tmux("send-keys", *keys)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, pattern, patience=PATIENCE):
        """Until the screen matches the regular expression; the match."""
        return wait_until(lambda: re.search(pattern, self.screen(), re.MULTILINE),
                          lambda: f"/{pattern}/ on the screen:\n{self.screen()}", patience)

    def wait_without(self, pattern):
        wait_until(lambda: not re.search(pattern, self.screen(), re.MULTILINE), lambda: f"no /{pattern}/ on:\n{self.screen()}")

    def format(self, text):
        return self.tmux("display-message", "-p", text).strip()

    def shell(self, line):
        """What a command prints, by way of a file."""
        path = os.path.join(self.folder, uuid.uuid4().hex)
        self.type(f"{line} > {path}.new 2>&1; mv {path}.new {path}", "Enter")
        wait_until(lambda: os.path.exists(path), lambda: f"`{line}` to end:\n{self.screen()}")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def viewer(self):
        """The process of cairn that runs in the terminal."""
        shell = self.format("#{pane_pid}")

        def find():
            done = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", shell], capture_output=True, text=True, check=False)
            for line in done.stdout.splitlines():
                pid, name = line.split(None, 1)
                if name.strip() == "cairn":
                    return int(pid)
            return None

        return wait_until(find, "cairn to run")

    def open(self, words="shop.cairn", first="parse_line"):
        self.type(f"{CAIRN} {words}", "Enter")
        self.wait_for(first)

    def is_sane(self):
        """The shell has the terminal, the alternate screen is left and the cursor shows."""
        return self.format("#{pane_current_command} #{alternate_on} #{cursor_flag}") in ("sh 0 1", "dash 0 1")

    def server(self):
        return int(self.format("#{pid}"))

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, timeout=30, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_server(self):
        os.kill(self.server(), signal.SIGKILL)
