"""Two threads that always want the interpreter's lock, until standard input ends. The module gc is not imported."""
import os
import sys
import threading

over = threading.Event()


def work():
    kept = []
    while not over.is_set():
        kept.append([len(kept)])
        if len(kept) > 5000:
            kept.clear()


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
print(os.getpid(), flush=True)
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
