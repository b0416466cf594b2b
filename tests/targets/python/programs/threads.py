"""Threads: each fills its own list, a pool maps, a lock guards a shared table; looked at when they are idle or gone."""
import threading
from concurrent.futures import ThreadPoolExecutor

import moments

lock = threading.Lock()
shared = {}
ready, done = threading.Barrier(7), threading.Event()


def own_list(number):
    rows = [(number, "row %d" % row) for row in range(800)]
    with lock:
        shared[number] = bytearray(5000 + number)
    return rows


def worker(number):
    rows = own_list(number)
    ready.wait()
    done.wait()
    return rows


def square(number):
    return bytearray(4000 + number)


moments.begin()
workers = [threading.Thread(target=worker, args=(number,)) for number in range(6)]
for thread in workers:
    thread.start()
ready.wait()
moments.take("working")
done.set()
for thread in workers:
    thread.join()
with ThreadPoolExecutor(3) as pool:
    squares = list(pool.map(square, range(200)))
moments.take("joined")
