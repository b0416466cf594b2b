"""redis-server under a recorder, and how many requests a second redis-benchmark gets out of it.

The server listens on a socket of its own and writes nothing to disk; the client's work is not counted as the server's."""
import csv
import io
import shutil
import subprocess
import time
from pathlib import Path

TESTS = ("SET", "GET")


def is_installed():
    return all(shutil.which(name) for name in ("redis-server", "redis-benchmark", "redis-cli"))


def wait_until_ready(server, socket):
    while subprocess.run(["redis-cli", "-s", socket, "ping"], capture_output=True, text=True).stdout.strip() != "PONG":
        if server.process.poll() is not None:
            raise SystemExit(f"redis-server ended with status {server.process.returncode} before it answered")
        time.sleep(0.02)


def serve(recorder, file, folder, requests):
    """({test: requests a second}, Run): a server recorded as `file` that answers so many requests of each test."""
    socket = str(Path(folder, "redis.socket"))
    server = recorder.begin(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder],
                            file)
    wait_until_ready(server, socket)
    asked = subprocess.run(["redis-benchmark", "-s", socket, "-t", ",".join(TESTS).lower(), "-n", str(requests), "-r", "100000", "-d", "100",
                            "--csv"], capture_output=True, text=True, check=True)
    subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], capture_output=True)
    run = recorder.check(server.finish())
    told = {row[0]: float(row[1]) for row in csv.reader(io.StringIO(asked.stdout)) if row and row[0] in TESTS}
    return told, run
