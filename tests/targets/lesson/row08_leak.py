"""Which line leaks: a global cache that grows by about 8 KB a call."""
import time

import moments

CACHE = {}


def handle(request):
    scratch = [request] * 500
    CACHE[request] = bytearray(8192)  # the leak
    return len(scratch)


moments.take("start")
for request in range(100):
    handle(request)
    time.sleep(0.012)
moments.take("end")
